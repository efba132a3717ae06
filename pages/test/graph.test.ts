import assert from "node:assert/strict";
import { test } from "node:test";
import { laidOut } from "../src/graph.ts";

const from = (source: number, target: number): { source: number; target: number; what: string } => ({
  source,
  target,
  what: "trained from",
});

/** Points of the edge's curve. */
function curve(path: string): { x: number; y: number }[] {
  const at = [...path.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
  const mix = (t: number, axis: 0 | 1): number =>
    [1, 3, 3, 1].reduce((sum, many, k) => sum + many * (1 - t) ** (3 - k) * t ** k * at[k]![axis], 0);
  return Array.from({ length: 41 }, (_, k) => ({ x: mix(k / 40, 0), y: mix(k / 40, 1) }));
}

test("a rollback passes behind no version, and its label is on the drawing", () => {
  for (const versions of [
    [1, 2, 3],
    [1, 2, 3, 4, 5],
  ]) {
    const last = versions.at(-1)!;
    // the two newest were both trained from the one before them
    const edges = versions
      .slice(1)
      .map((version) => from(version === last ? last - 2 : version - 1, version));
    for (const source of [last - 1, last]) {
      const back = { source, target: last - 2, what: "rolled back to" };
      const laid = laidOut(versions, [...edges, back]);
      const arc = laid.edges.at(-1)!;
      for (const point of curve(arc.path)) {
        const hit = laid.nodes.find(
          (one) =>
            point.x > one.x + 1 &&
            point.x < one.x + one.width - 1 &&
            point.y > one.y + 1 &&
            point.y < one.y + one.height - 1,
        );
        assert.equal(hit, undefined, `v${source} to v${last - 2} passes v${hit?.version}`);
      }
      assert.ok(arc.label && arc.label.y > 10 && arc.label.y < laid.height - 4);
    }
  }
});
