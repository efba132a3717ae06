// What later versions forgot: a table with the numbers in its cells, shaded by how good they are.

import { extent } from "d3-array";
import { scaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { number } from "../format.ts";
import { Scrolled } from "../parts/table.tsx";
import { href } from "../route.ts";
import type { Heatmap } from "../schema.ts";
import { shortKeys } from "./axis.ts";

/** The table. The darker a cell, the better; the number says how good, and "▼" that it is the worst of its slice. */
export function HeatTable({ map, model }: { map: Heatmap; model: string }): JSX.Element {
  const lower = map.better === "lower";
  const all = map.values.flat().filter((value): value is number => value !== null && Number.isFinite(value));
  const [low = 0, high = 1] = extent(all);
  const share = scaleLinear()
    .domain(lower ? [high, low] : [low, high])
    .range([0, 5])
    .clamp(true);
  const short = shortKeys(map.slices);
  const worst = map.slices.map((_, column) => {
    const values = map.values
      .map((row) => row[column])
      .filter((value): value is number => typeof value === "number");
    const edge = values.length > 1 ? (lower ? Math.max(...values) : Math.min(...values)) : null;
    return edge !== null && values.some((value) => value !== edge) ? edge : null;
  });
  return (
    <Scrolled label={`Forgetting of ${map.metric}`}>
      <table class="heat">
        <caption class="unseen">
          {map.metric} by version and past slice; {map.better || "no direction"} is better
        </caption>
        <thead>
          <tr>
            <th scope="col">version</th>
            {map.slices.map((key) => (
              <th key={key} scope="col">
                <a href={href("slices", model, { key })} title={key}>
                  <bdi>{short(key)}</bdi>
                </a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {map.versions.map((version, row) => (
            <tr key={version}>
              <th scope="row">
                <a href={href("version", model, { version })}>v{version}</a>
              </th>
              {map.slices.map((key, column) => {
                const value = map.values[row]?.[column] ?? null;
                if (value === null)
                  return (
                    <td key={key} class="none">
                      <span aria-label="not measured">·</span>
                    </td>
                  );
                const least = worst[column] === value;
                return (
                  <td
                    key={key}
                    class={`level-${Math.round(share(value))}`}
                    title={`v${version} on ${key}: ${value}`}
                  >
                    {number(value)}
                    {least && (
                      <span class="worst" title="the worst on this slice">
                        {" "}
                        ▼<span class="unseen">worst on this slice</span>
                      </span>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}
