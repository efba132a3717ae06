import assert from "node:assert/strict";
import { test } from "node:test";
import { percent } from "../src/progress.ts";

const started = "2026-03-01T00:00:00.000+00:00";
const at = (step: number, last: number, seconds: number, left: number | null): number =>
  percent({
    step,
    last,
    started,
    updated: new Date(Date.parse(started) + seconds * 1000).toISOString(),
    seconds_left: left,
  });

test("a training is as far as the bound that it meets first", () => {
  assert.equal(at(40, 100, 30, null), 40);
  assert.equal(at(10, 1_000_000, 30, 10), 75);
  assert.equal(at(90, 100, 30, 90), 90);
});

test("what is not known makes no progress", () => {
  assert.equal(at(0, 0, 0, null), 0);
  assert.equal(at(0, 0, 0, 0), 0);
  assert.equal(at(200, 100, 1, null), 100);
});
