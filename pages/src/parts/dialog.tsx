// Every change: what will happen, why a person wants it, and only then the request. One dialog for all.

import type { ComponentChildren, JSX } from "preact";
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { get, post, Refused, sendToAirflow } from "../api.ts";
import type { Done, Intent } from "../answers.ts";
import { Said, Skeleton, Trouble } from "./bits.tsx";
import { Choosing } from "./field.tsx";
import { FieldOf } from "./field.tsx";

/** A change that a person asks for. */
export interface Change {
  /** What its button says. */
  button: string;
  /** What it would do, asked when the dialog opens and whenever one of its fields changes. */
  intent: (values: Record<string, string>, signal: AbortSignal) => Promise<Intent>;
  /** Asks for it, as it was shown; the message says what became of it. */
  send: (why: string, values: Record<string, string>, shown: Intent) => Promise<string>;
  /** What the person chooses besides. */
  fields?: Choosing[];
  /** After it was done. */
  done?: () => void;
  /** The reason may be left out, though it is kept where one is given. */
  reasonLabel?: string;
}

const FORBIDDEN =
  "You may look at this DAG, but not trigger its runs, which every change takes. Ask whoever looks after your Airflow for the permission.";

interface Desk {
  ask: (change: Change) => void;
}

const DeskContext = createContext<Desk>({ ask: () => undefined });

/** Opens the dialog of a change. */
export const useAsk = (): Desk["ask"] => useContext(DeskContext).ask;

/** One of our own actions on a model; see `POST .../actions/{action}`. */
export function action(
  model: string,
  name: string,
  about: { button: string; key?: string; version?: number; fields?: Choosing[]; done?: () => void },
): Change {
  const subject: Record<string, string> = {
    ...(about.key === undefined ? {} : { key: about.key }),
    ...(about.version === undefined ? {} : { version: String(about.version) }),
  };
  const path = `models/${encodeURIComponent(model)}/actions/${name}`;
  return {
    button: about.button,
    ...(about.fields ? { fields: about.fields } : {}),
    ...(about.done ? { done: about.done } : {}),
    intent: (values, signal) =>
      get<Intent>(`${path}?${new URLSearchParams({ ...subject, ...given(values) }).toString()}`, signal),
    send: async (why, values, shown) => {
      const typed = Object.fromEntries(
        Object.entries(given(values)).map(([field, value]) => {
          const kind = about.fields?.find((one) => one.name === field)?.kind;
          return [field, kind === "number" ? Number(value) : value];
        }),
      );
      const body = {
        ...subject,
        ...(about.version === undefined ? {} : { version: about.version }),
        ...typed,
        ...(shown.seen === undefined ? {} : { seen: shown.seen }),
        why,
      };
      return told(await post<Done>(path, body));
    },
  };
}

/** The message, after the run that waits in Airflow for the same answer was given it too. */
async function told({ message, airflow }: Done): Promise<string> {
  if (!airflow) return message;
  try {
    await sendToAirflow(airflow.path, airflow.body, airflow.method);
    return `${message} Run ${airflow.run}, which waited for the answer, goes on.`;
  } catch (error) {
    const why = error instanceof Refused ? error.what : String(error);
    return `${message} Run ${airflow.run} still waits in Airflow, which did not take the answer: ${why}. Next: answer it there, alike.`;
  }
}

const given = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));

/** The dialog, and the line that says what became of the last change. */
export function Dialogs({ children }: { children: ComponentChildren }): JSX.Element {
  const [change, setChange] = useState<Change | null>(null);
  const [message, setMessage] = useState("");
  const ask = useCallback((one: Change) => {
    setMessage("");
    setChange(one);
  }, []);
  const desk = useMemo(() => ({ ask }), [ask]);
  useEffect(() => {
    const moved = (): void => setChange(null); // by the browser's way back: the dialog is of the page before
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    if (!message) return undefined;
    const timer = setTimeout(() => setMessage(""), 12_000);
    return () => clearTimeout(timer);
  }, [message]);
  return (
    <DeskContext.Provider value={desk}>
      {children}
      <div class="toasts" role="status" aria-live="polite">
        {message && (
          <div class="toast">
            <span class="glyph" aria-hidden="true">
              ✓
            </span>
            <Said text={message} />
            <button
              type="button"
              class="quiet"
              aria-label="Dismiss this message"
              onClick={() => setMessage("")}
            >
              ✕
            </button>
          </div>
        )}
      </div>
      {change && (
        <Ask
          change={change}
          close={(text) => {
            setChange((now) => (now === change ? null : now));
            if (text === undefined) return;
            setMessage(text);
            change.done?.();
          }}
        />
      )}
    </DeskContext.Provider>
  );
}

function Ask({ change, close }: { change: Change; close: (message?: string) => void }): JSX.Element {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [intent, setIntent] = useState<Intent>();
  const [trouble, setTrouble] = useState<Refused>();
  const [sending, setSending] = useState(false);
  const [why, setWhy] = useState("");
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      (change.fields ?? []).map((field) => [field.name, field.value ?? field.options?.[0]?.value ?? ""]),
    ),
  );
  const asked = JSON.stringify(values);
  const [shownFor, setShownFor] = useState(""); // the values that the shown sentences are about
  const [turn, setTurn] = useState(0); // it is asked again what would happen
  const chosen = useRef(asked);

  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(
      () => {
        change.intent(values, stop.signal).then(
          (found) => {
            if (stop.signal.aborted) return;
            setIntent(found);
            setShownFor(asked);
            // else it says why what would happen is another thing now
            if (turn === 0 || chosen.current !== asked) setTrouble(undefined);
            chosen.current = asked;
          },
          (error: unknown) => {
            if (!stop.signal.aborted)
              setTrouble(error instanceof Refused ? error : new Refused(0, String(error)));
          },
        );
      },
      intent === undefined ? 0 : 300,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [asked, turn]);

  const missing = (change.fields ?? []).some((field) => field.required && !values[field.name]);
  const title = intent?.title ?? change.button;
  const whyNot =
    intent === undefined
      ? ""
      : intent.permitted === false
        ? FORBIDDEN
        : intent.possible
          ? ""
          : intent.why_not;
  const offered = intent !== undefined && whyNot === "";
  const reason = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // where there is nothing to choose first, a person goes on with the reason
    if (offered && (change.fields ?? []).length === 0) reason.current?.focus();
  }, [offered]);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (sending || !offered) return;
    setSending(true);
    setTrouble(undefined);
    change.send(why.trim(), values, intent).then(
      (message) => close(message),
      (error: unknown) => {
        const refused = error instanceof Refused ? error : new Refused(0, String(error));
        setSending(false);
        setTrouble(refused);
        if (refused.status === 409) {
          setShownFor(""); // nothing can be confirmed until it is shown
          setTurn((before) => before + 1);
        }
      },
    );
  };
  const set = (name: string, value: string): void => setValues((before) => ({ ...before, [name]: value }));
  return (
    <dialog
      ref={box}
      class="ask"
      aria-labelledby={`${id}-title`}
      onCancel={(event) => {
        event.preventDefault();
        if (!sending) close();
      }}
      onClose={() => {
        // a browser closes a dialog at the second Escape in a row, whatever the page says to the first
        if (box.current === null) return;
        if (sending) box.current.showModal();
        else close();
      }}
      onClick={(event) => {
        if (event.target === box.current && !sending && why === "") close();
      }}
    >
      <form method="dialog" onSubmit={submit}>
        <h2 id={`${id}-title`}>
          <bdi>{title}</bdi>
        </h2>
        <div class="ask-body">
          {!intent && !trouble && <Skeleton lines={3} label="Asking what this would do" />}
          {(change.fields ?? []).map((field) => (
            <FieldOf
              key={field.name}
              field={field}
              value={values[field.name] ?? ""}
              set={set}
              id={`${id}-${field.name}`}
            />
          ))}
          {intent && intent.will.length > 0 && (
            <>
              <p class="soft" id={`${id}-will`}>
                What will happen
              </p>
              <ul class="will" aria-labelledby={`${id}-will`}>
                {intent.will.map((line, at) => (
                  <li key={at}>
                    <Said text={line} />
                  </li>
                ))}
              </ul>
            </>
          )}
          {whyNot && (
            <div class="trouble" role="alert">
              <p class="what">
                {intent?.permitted === false ? "You may not do this." : "This is not possible now."}
              </p>
              <p>
                <Said text={whyNot} />
              </p>
            </div>
          )}
          {offered && (intent.needs_reason || change.reasonLabel) && (
            <label class="field" htmlFor={`${id}-why`}>
              <span>
                {change.reasonLabel ?? "Why"}{" "}
                <span class="soft">
                  {intent.needs_reason ? "(the log keeps it under your name)" : "(may be left out)"}
                </span>
              </span>
              <textarea
                ref={reason}
                id={`${id}-why`}
                name="why"
                rows={3}
                maxLength={2000}
                required={intent.needs_reason}
                value={why}
                onInput={(event) => setWhy(event.currentTarget.value)}
              />
            </label>
          )}
          {trouble && <Trouble error={trouble} />}
        </div>
        <div class="ask-foot">
          <button type="button" onClick={() => close()} disabled={sending}>
            {whyNot ? "Close" : "Cancel"}
          </button>
          {!whyNot && (
            <button
              type="submit"
              class={intent?.danger ? "danger" : "primary"}
              disabled={
                !offered ||
                shownFor !== asked ||
                sending ||
                missing ||
                (intent.needs_reason && why.trim() === "")
              }
            >
              {sending ? "Sending…" : change.button}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
