// The pages with made-up data, as the api-server would serve them: node dev/server.mjs [PORT]. Nothing is kept.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as made from "./fixtures.mjs";

const statics = join(
  dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
  "plugins",
  "ckpt_ops_airflow",
  "static",
);
const KINDS = { js: "text/javascript", css: "text/css", html: "text/html" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'";

function answer(method, path, query) {
  if (path === "me") return { user: "ada", csrf: "token", dags_folder_known: true };
  if (path === "fleet") return made.fleet();
  const [, name, rest = "", more = ""] = /^models\/([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  const model = decodeURIComponent(name);
  const part = decodeURIComponent(more);
  if (rest === "actions")
    return method === "POST" ? { message: `Done: ${part} on ${model}.` } : made.intent(model, part, query);
  return rest === ""
    ? made.model(model)
    : rest === "lineage"
      ? made.lineage(model)
      : rest === "training"
        ? made.trainingNow(model)
        : rest === "plan"
          ? more === "transfer"
            ? made.transfer(model)
            : made.plan(model, query)
          : rest === "slices"
            ? more
              ? made.slice(model, part)
              : made.slices(model, query)
            : rest === "versions" && part.includes("/exports")
              ? made.exportsOf(model, Number(part.split("/")[0]), part.split("/")[2])
              : rest === "versions"
                ? made.version(model, Number(part))
                : undefined;
}

export function serve(port) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const send = (status, kind, body) =>
      response
        .writeHead(status, {
          "Content-Type": `${kind}; charset=utf-8`,
          "Content-Security-Policy": POLICY,
          "Cache-Control": "no-cache",
          "X-Content-Type-Options": "nosniff",
        })
        .end(body);
    const json = (status, body) => send(status, "application/json", JSON.stringify(body));
    request.resume();
    if (pathname === "/") return response.writeHead(302, { Location: "/ckpt-ops/" }).end();
    if (pathname === "/ckpt-ops/") return send(200, "text/html", readFileSync(join(statics, "index.html")));
    const file = /^\/ckpt-ops\/static\/([a-z]+\.(js|css))$/.exec(pathname);
    if (file) return send(200, KINDS[file[2]], readFileSync(join(statics, file[1])));
    if (pathname === "/api/v2/backfills/dry_run")
      return json(200, {
        total_entries: 2,
        backfills: [{ logical_date: "2026-03-14T00:00:00Z" }, { logical_date: "2026-03-15T00:00:00Z" }],
      });
    if (pathname.startsWith("/api/v2/")) return json(200, { id: 1, dag_run_id: "manual__1" });
    if (pathname.startsWith("/ckpt-ops/api/")) {
      const found = answer(request.method, pathname.slice("/ckpt-ops/api/".length), searchParams);
      return found === undefined
        ? json(404, {
            what: "The store has no model of this name.",
            safe: "Nothing was changed.",
            next: "Look at the list of models.",
          })
        : json(200, found);
    }
    return send(404, "text/plain", "not found");
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.argv[2] ?? 8793));
  console.log(`http://127.0.0.1:${server.address().port}/ckpt-ops/`);
}
