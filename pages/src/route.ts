// The address of a page is the part after "#", so that one document serves all and every page can be linked to.

export type Page = "fleet" | "model" | "lineage" | "slices" | "training" | "version" | "plan" | "unknown";

export interface Route {
  page: Page;
  model: string;
  key: string;
  version: number;
  query: Record<string, string>;
}

const SECTIONS: Record<string, Page> = {
  lineage: "lineage",
  slices: "slices",
  training: "training",
  plan: "plan",
};

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a "%" that a person typed
  }
}

/** The page that a hash such as `#/m/taxi/slices/2026-01-01?status=late` names. */
export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decoded);
  const route: Route = { page: "unknown", model: "", key: "", version: 0, query };
  const [first, model, section, last] = parts;
  if (first === undefined) return { ...route, page: "fleet" };
  if (first !== "m" || model === undefined || parts.length > 4) return route;
  if (section === undefined) return { ...route, page: "model", model };
  if (section === "v") {
    const version = Number(last);
    return Number.isInteger(version) && version > 0 ? { ...route, page: "version", model, version } : route;
  }
  const page = SECTIONS[section];
  if (page === undefined || (last !== undefined && page !== "slices")) return route;
  return { ...route, page, model, key: last ?? "" };
}

/** The hash of a page. Empty values of the query are left out. */
export function href(
  page: Page,
  model = "",
  given: { key?: string | undefined; version?: number | undefined; query?: Record<string, string> } = {},
): string {
  const asked = Object.entries(given.query ?? {}).filter(([, value]) => value !== "");
  const search = asked.length > 0 ? `?${new URLSearchParams(asked).toString()}` : "";
  if (page === "fleet") return `#/${search}`;
  const base = `#/m/${encodeURIComponent(model)}`;
  if (page === "model") return base + search;
  if (page === "version") return `${base}/v/${given.version ?? 0}${search}`;
  const key = given.key ? `/${encodeURIComponent(given.key)}` : "";
  return `${base}/${page}${key}${search}`;
}
