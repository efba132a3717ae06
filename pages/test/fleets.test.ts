import assert from "node:assert/strict";
import { test } from "node:test";
import { fleetOf, fleetsOf } from "../src/fleets.ts";

test("a fleet is what stands before the dot", () => {
  assert.equal(fleetOf("shops.berlin-1"), "shops");
  assert.equal(fleetOf("flight_delay"), "");
  assert.equal(fleetOf(""), "");
});

test("fleets are counted and in order, and models of none are left out", () => {
  assert.deepEqual(fleetsOf(["zoo.a", "alone", "shops.b", "zoo.c"]), [
    ["shops", 1],
    ["zoo", 2],
  ]);
  assert.deepEqual(fleetsOf(["alone"]), []);
});
