// Makes the front end: types are checked, tests run, and what the plugin serves is written beside its code.
//
//   node build.mjs            the bundle, into plugins/ckpt_ops_airflow/static
//   node build.mjs --tests    the tests of test/ alone
//
// The same sources and lock give the same bytes. SOURCE names them by a digest, which a Python test compares.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "plugins", "ckpt_ops_airflow", "static");

/** What the bundle is made of: see tests/unit/plugins/test_front_end.py, which counts the same files. */
function sources() {
  const inside = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(here.length + 1)
        .replaceAll("\\", "/"),
    );
  return [...inside, "build.mjs", "package.json", "package-lock.json", "tsconfig.json"].sort();
}

function digest() {
  const hash = createHash("sha256");
  for (const name of sources()) {
    hash.update(
      `${name}\n${createHash("sha256")
        .update(readFileSync(join(here, name)))
        .digest("hex")}\n`,
    );
  }
  return hash.digest("hex");
}

/** The licences of the packages that are in the bundle, in full. */
function licences(inputs) {
  const names = new Set();
  for (const input of inputs) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) names.add(found[1]);
  }
  const texts = [...names].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    if (!file) throw new Error(`${name} is in the bundle and has no licence file: keep its text by hand`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `What app.js was made of, beside ckpt_ops itself.\n\n${texts.join(`\n${"-".repeat(72)}\n\n`)}`;
}

const options = {
  bundle: true,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  absWorkingDir: here,
  logLevel: "warning",
  jsx: "automatic",
  jsxImportSource: "preact",
};

async function test() {
  const folder = mkdtempSync(join(tmpdir(), "pages-test-"));
  try {
    const entryPoints = readdirSync(join(here, "test"))
      .filter((name) => name.endsWith(".test.ts"))
      .sort()
      .map((name) => join("test", name));
    await esbuild.build({
      ...options,
      entryPoints,
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      platform: "node",
      packages: "bundle",
    });
    const done = spawnSync(
      process.execPath,
      ["--test", "--test-reporter=dot", ...readdirSync(folder).map((name) => join(folder, name))],
      { stdio: "inherit" },
    );
    if (done.status !== 0) process.exit(done.status ?? 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const sha = (text) => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** One file, minified. What it is asked for by, as `?v=`, is the digest of its content: a browser may keep it for ever. */
async function made(entry, more = {}) {
  const { outputFiles, metafile } = await esbuild.build({
    ...options,
    entryPoints: [entry],
    outdir: out,
    minify: true,
    legalComments: "none",
    metafile: true,
    write: false,
    ...more,
  });
  return { text: outputFiles[0].text, inputs: Object.keys(metafile.inputs) };
}

async function bundle() {
  const graph = await made("src/graph.ts");
  const style = await made("src/app.css");
  const app = await made("src/main.tsx", {
    external: ["./graph.js*"],
    define: { GRAPH: JSON.stringify(sha(graph.text)) },
  });
  const shell = readFileSync(join(here, "src", "index.html"), "utf8")
    .replace("app.css?v=", `$&${sha(style.text)}`)
    .replace("app.js?v=", `$&${sha(app.text)}`);
  mkdirSync(out, { recursive: true });
  const files = {
    "app.js": app.text,
    "graph.js": graph.text,
    "app.css": style.text,
    "index.html": shell,
    "LICENSES.txt": licences([...app.inputs, ...graph.inputs]),
    SOURCE: `${digest()}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(out, name), text);
    console.log(`${name}: ${(Buffer.byteLength(text) / 1000).toFixed(1)} kB`);
  }
}

if (process.argv.includes("--tests")) await test();
else await bundle();
