import assert from "node:assert/strict";
import { test } from "node:test";
import { href, parse, type Page } from "../src/route.ts";

const NAMES = ["taxi", "a b/c?d#e", "<img src=x onerror=alert(1)>", "نموذج", "100%", "x".repeat(300)];

test("every address leads back to what it was made of", () => {
  for (const model of NAMES) {
    for (const page of ["model", "lineage", "slices", "training", "plan"] satisfies Page[]) {
      const found = parse(href(page, model, { query: { q: "a&b" } }));
      assert.deepEqual([found.page, found.model, found.query], [page, model, { q: "a&b" }]);
    }
    for (const key of NAMES) assert.deepEqual(parse(href("slices", model, { key })).key, key);
    assert.deepEqual(parse(href("version", model, { version: 7 })).version, 7);
  }
});

test("what is no page is said to be none, and nothing is thrown", () => {
  assert.equal(parse("").page, "fleet");
  assert.equal(parse("#/").page, "fleet");
  for (const hash of ["#/x", "#/m", "#/m/a/b", "#/m/a/v/0", "#/m/a/v/1e9x", "#/m/a/plan/b", "#/m/a/v/1/2/3"])
    assert.equal(parse(hash).page, "unknown", hash);
  assert.equal(parse("#/m/%E0%A4%A").model, "%E0%A4%A");
});
