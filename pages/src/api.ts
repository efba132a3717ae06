// The answers of our own routes and of Airflow's public ones, asked with the browser's session.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** What a refusal says: what happened, what is safe, what to do next. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly what: string,
    readonly safe = "",
    readonly next = "",
  ) {
    super(what);
  }
}

const OURS = "/ckpt-ops";

/** The path below which our pages are: Airflow may itself be below a path. */
export function here(): string {
  const at = location.pathname.indexOf(`${OURS}/`);
  return at < 0 ? `${OURS}/` : location.pathname.slice(0, at + OURS.length + 1);
}

/** A path of Airflow's own, such as `dags/taxi`. */
export function inAirflow(path: string): string {
  return here().slice(0, -OURS.length) + path;
}

function refusal(status: number, body: unknown): Refused {
  if (typeof body === "object" && body !== null) {
    const said = body as Record<string, unknown>;
    const text = (name: string): string => (typeof said[name] === "string" ? (said[name] as string) : "");
    if (text("what")) return new Refused(status, text("what"), text("safe"), text("next"));
    const detail = said["detail"];
    if (typeof detail === "string") return new Refused(status, detail);
    if (Array.isArray(detail)) {
      const lines = detail.map((one: unknown) => {
        const { loc, msg } = (one ?? {}) as { loc?: unknown[]; msg?: string };
        return `${(loc ?? []).slice(1).join(".")}: ${msg ?? ""}`;
      });
      return new Refused(status, lines.join("\n"));
    }
    if (typeof detail === "object" && detail !== null) {
      const reason = (detail as Record<string, unknown>)["reason"] ?? JSON.stringify(detail);
      return new Refused(status, String(reason));
    }
  }
  if (status === 401)
    return new Refused(401, "You are not logged in to Airflow.", "", "Log in, then load the page again.");
  if (status === 403)
    return new Refused(
      403,
      "You may not do this.",
      "Nothing was changed.",
      "Ask who looks after your Airflow for the permission.",
    );
  if (status === 404) return new Refused(404, "There is nothing of this name.");
  return new Refused(
    status,
    `Airflow's api-server answered with ${status}.`,
    "Nothing was changed by this page.",
    "Load the page again; its log says more.",
  );
}

async function asked<T>(path: string, init: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Refused(
      0,
      "Airflow's api-server cannot be reached.",
      "What runs goes on.",
      "Check your network; this page asks again.",
    );
  }
  const text = await answer.text();
  let body: unknown = null;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    if (answer.ok) throw new Refused(answer.status, "The answer is no JSON.", "", "Load the page again.");
  }
  if (!answer.ok) throw refusal(answer.status, body);
  return body as T;
}

/** The answer of one of our routes, such as `fleet`. */
export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return asked<T>(`${here()}api/${path}`, {
    headers: { Accept: "application/json" },
    ...(signal ? { signal } : {}),
  });
}

interface Me {
  user: string;
  csrf: string;
  dags_folder_known?: boolean;
}

/** Who is logged in, and the token that proves that a request comes from our page. */
export const me = (): Promise<Me> => get<Me>("me");

/** Ask for a change. The token is fetched for each, as a login may be renewed while a page is open. */
export async function post<T>(path: string, body: Record<string, unknown>): Promise<T> {
  const { csrf } = await me();
  return asked<T>(`${here()}api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });
}

/** Ask Airflow itself, so that it checks and logs the request as any other of the person's. */
export function sendToAirflow<T>(path: string, body: Record<string, unknown>, method = "POST"): Promise<T> {
  return asked<T>(inAirflow(`api/v2/${path}`), {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
}

export interface Asked<T> {
  data: T | undefined;
  error: Refused | undefined;
  loading: boolean;
  /** When the shown data came, by this browser's clock. */
  at: number;
  reload: () => void;
}

// what was shown last of an address is shown at once when a person comes back, and asked for again
const seen = new Map<string, { data: unknown; at: number }>();
const KEPT = 30;

function keep(path: string, data: unknown, at: number): void {
  seen.delete(path);
  seen.set(path, { data, at });
  const oldest = seen.keys().next().value;
  if (seen.size > KEPT && oldest !== undefined) seen.delete(oldest);
}

/**
 * The answer of one of our routes.
 *
 * @param path below `api/`; null: nothing is asked yet.
 * @param every seconds between two times of asking while the page is visible; 0: once.
 */
export function useJson<T>(path: string | null, every = 0): Asked<T> {
  const known = path === null ? undefined : seen.get(path);
  const [state, setState] = useState<{
    path: string | null;
    data: T | undefined;
    error: Refused | undefined;
    at: number;
  }>({ path, data: known?.data as T | undefined, error: undefined, at: known?.at ?? 0 });
  const [turn, setTurn] = useState(0);
  const [loading, setLoading] = useState(path !== null);
  const fast = useRef(every);
  fast.current = every;

  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => {
      clearTimeout(timer);
      if (fast.current > 0 && document.visibilityState === "visible")
        timer = setTimeout(ask, fast.current * 1000);
    };
    const ask = (): void => {
      clearTimeout(timer);
      setLoading(true);
      get<T>(path, stop.signal).then(
        (data) => {
          const at = Date.now();
          keep(path, data, at);
          setState({ path, data, error: undefined, at });
          setLoading(false);
          again();
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          const refused = error instanceof Refused ? error : new Refused(0, String(error));
          setState((before) => ({
            ...before,
            path,
            data: before.path === path ? before.data : undefined,
            error: refused,
          }));
          setLoading(false);
          if (refused.status === 0 || refused.status >= 500) again();
        },
      );
    };
    const seenAgain = (): void => {
      if (fast.current > 0 && document.visibilityState === "visible") ask();
    };
    document.addEventListener("visibilitychange", seenAgain);
    ask();
    return () => {
      document.removeEventListener("visibilitychange", seenAgain);
      clearTimeout(timer);
      stop.abort();
    };
  }, [path, turn, every > 0]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  if (state.path !== path)
    return {
      data: known?.data as T | undefined,
      error: undefined,
      loading: true,
      at: known?.at ?? 0,
      reload,
    };
  return { data: state.data, error: state.error, loading, at: state.at, reload };
}
