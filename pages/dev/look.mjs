// Looks at every page in a real Chromium: node dev/look.mjs [FOLDER] [PAGE...]
//
// Pictures go into FOLDER; "" takes none. Fails for what axe-core finds serious, a page that scrolls sideways, an error of
// the page, or a call to another host. Each page is looked at 1280 and 390 pixels wide, light and dark.

import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { ARABIC, fleet, HOSTILE, LONG } from "./fixtures.mjs";
import { serve } from "./server.mjs";

// FOLD=1 takes of each page only what is seen first.
const [folder = "", ...only] = process.argv.slice(2);
const program = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => join("/usr/bin", name))
  .find(existsSync);
if (!program) throw new Error("there is no Chromium in /usr/bin");
if (folder) mkdirSync(folder, { recursive: true });

const tainted = fleet().models.find((one) => one.tainted);
const running = fleet().models.find((one) => one.training);
const lacking = fleet().models.find((one) => one.missing.length && one.acknowledged.length);
const rejected = fleet().models.find((one) => one.last?.what === "rejected" && one.versions > 30);
const named = (name) => `#/m/${encodeURIComponent(name)}`;
const PAGES = {
  fleet: "#/",
  model: named(rejected.model),
  lineage: `${named(rejected.model)}/lineage`,
  slices: `${named(tainted.model)}/slices`,
  slice: `${named(rejected.model)}/slices/${rejected.quarantined[0] ?? "2026-03-14"}`,
  gaps: `${named(lacking.model)}/slices?status=missing`,
  gap: `${named(lacking.model)}/slices/${lacking.missing[0]}`,
  known: `${named(lacking.model)}/slices/${lacking.acknowledged[0]}`,
  training: `${named(running.model)}/training`,
  version: `${named(rejected.model)}/v/${rejected.last.version}`,
  exports: `${named(tainted.model)}/v/${tainted.head}`,
  plan: `${named(tainted.model)}/plan`,
  idle: `${named(rejected.model)}/training`,
  missing: "#/m/nothing_of_this_name",
  hostile: named(HOSTILE),
  long: named(LONG),
  arabic: `${named(ARABIC)}/slices`,
};

const server = await serve(0);
const base = `http://127.0.0.1:${server.address().port}/ckpt-ops/`;
const browser = await puppeteer.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let bad = 0;
const complain = (where, what) => {
  bad += 1;
  console.log(`${where}: ${what}`);
};

for (const [name, hash] of Object.entries(PAGES)) {
  if (only.length > 0 && !only.includes(name)) continue;
  for (const width of [1280, 390]) {
    for (const theme of ["light", "dark"]) {
      const where = `${name}-${width}-${theme}`;
      const page = await browser.newPage();
      page.on("pageerror", (error) => complain(where, `error: ${error.message}`));
      page.on("console", (line) => {
        if (line.type() === "error" && !line.text().includes("404"))
          complain(where, `console: ${line.text()}`);
      });
      page.on("dialog", (dialog) => {
        complain(where, "a script in data ran");
        void dialog.dismiss();
      });
      page.on("request", (request) => {
        if (!request.url().startsWith(base) && !request.url().startsWith("data:"))
          complain(where, `calls ${request.url()}`);
      });
      await page.setBypassCSP(false);
      await page.setViewport({ width, height: width === 390 ? 844 : 800 });
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: theme },
        { name: "prefers-reduced-motion", value: "reduce" },
      ]);
      await page.goto(base + hash, { waitUntil: "load" });
      await page
        .waitForFunction(
          () =>
            document.querySelector("main h1, main .nothing, main .trouble") &&
            !document.querySelector("main .skeleton"),
          { timeout: 8000 },
        )
        .catch(() => complain(where, "never finished loading"));
      if (name === "fleet" && theme === "light") {
        const paint = await page.evaluate(
          () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
        );
        const rows = await page.evaluate(() => performance.now());
        console.log(
          `${where}: first paint ${paint.toFixed(0)} ms, ${await page.$$eval("table.fleet tbody tr", (all) => all.length)} models after ${rows.toFixed(0)} ms`,
        );
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) complain(where, `scrolls sideways by ${wide} px`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      for (const one of found.violations) {
        const line = `axe ${one.impact} ${one.id}: ${one.nodes.length} × ${one.nodes[0].target.join(" ")} ${one.nodes[0].failureSummary.split("\n")[1] ?? ""}`;
        if (["serious", "critical"].includes(one.impact)) complain(where, line);
        else console.log(`${where}: (${line})`);
      }
      if (folder) await page.screenshot({ path: join(folder, `${where}.png`), fullPage: !process.env.FOLD });
      await page.close();
    }
  }
}
await browser.close();
server.close();
console.log(bad === 0 ? "nothing serious" : `${bad} findings`);
process.exit(bad === 0 ? 0 : 1);
