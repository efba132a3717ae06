import assert from "node:assert/strict";
import { test } from "node:test";
import { labelled, shortKeys } from "../src/charts/axis.ts";
import { ago, bytes, duration, number, plural, signed, utc } from "../src/format.ts";

test("ages say one unit, and the future is told from the past", () => {
  const now = Date.UTC(2026, 0, 31, 12);
  const said = (seconds: number): string => ago(new Date(now - seconds * 1000).toISOString(), now);
  assert.deepEqual([4, 40, 600, 7200, 3 * 86_400, 90 * 86_400, 900 * 86_400].map(said), [
    "just now",
    "40 s ago",
    "10 min ago",
    "2 h ago",
    "3 d ago",
    "2 months ago",
    "2 years ago",
  ]);
  assert.equal(said(-7200), "in 2 h");
  assert.equal(ago("no time", now), "no time");
});

test("times are UTC whatever zone they are written in", () => {
  assert.equal(utc("2026-01-31T13:00:05+02:00"), "2026-01-31 11:00:05 UTC");
});

test("bytes and durations come in the unit that fits", () => {
  assert.deepEqual([0, 999, 1000, 999_949, 999_951, 302e6, 5e15].map(bytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "1.0 MB",
    "1.0 MB",
    "302 MB",
    "5.0 PB",
  ]);
  assert.deepEqual([0.04, 59.6, 200, 3599.9, 7500, 90_000].map(duration), [
    "0.0 s",
    "60 s",
    "3 min 20 s",
    "60 min",
    "2 h 5 min",
    "1 d 1 h",
  ]);
  assert.equal(bytes(null), "–");
});

test("metrics keep the digits that tell them apart", () => {
  assert.deepEqual([0.73124, 12.3456, 4321, 0, 0.00001234, null].map(number), [
    "0.7312",
    "12.346",
    "4,321",
    "0",
    "1.23e-5",
    "–",
  ]);
  assert.deepEqual([0.02, -0.02, 0].map(signed), ["+0.0200", "−0.0200", "±0"]);
  assert.equal(plural(1, "slice") + plural(1200, "slice"), "1 slice1,200 slices");
});

test("labels of an axis keep their distance and always name the last place", () => {
  for (const [count, width] of [
    [1, 400],
    [57, 1200],
    [1000, 320],
    [3, 90],
  ] as const) {
    const places = labelled(count, width, 92);
    assert.equal(places.at(-1), count - 1);
    assert.ok(places.length <= Math.floor(width / 92) + 1, `${places.length} labels on ${width} px`);
  }
  assert.deepEqual(labelled(0, 400, 92), []);
});

test("keys of days, of hours and of no dates are shortened without losing what differs", () => {
  assert.equal(shortKeys(["2026-01-05", "2026-01-06"])("2026-01-05"), "2026-01-05");
  assert.equal(shortKeys(["2026-01-05T08-30", "2026-01-05T09-30"])("2026-01-05T08-30"), "08:30");
  assert.equal(shortKeys(["2026-01-05T08-30", "2026-01-06T09-30"])("2026-01-06T09-30"), "01-06T09-30");
});
