// How far slices are from those before them, column by column.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ModelAnswer } from "../../answers.ts";
import { LineChart } from "../../charts/line.tsx";
import { number } from "../../format.ts";
import { Section } from "../../parts/bits.tsx";
import { Table } from "../../parts/table.tsx";
import type { Series } from "../../schema.ts";
import { Switched } from "../../parts/switched.tsx";

export function Drift({ view }: { view: ModelAnswer }): JSX.Element | null {
  const [all, setAll] = useState(false);
  if (view.drift.length === 0) return null;
  const last = (series: Series): number =>
    series.points.findLast((point) => point.value !== null)?.value ?? 0;
  const rows = [...view.drift].sort((a, b) => last(b.series) - last(a.series));
  const shown = all ? rows : rows.slice(0, 6);
  const keys = rows[0]?.series.points.slice(-10).map((point) => point.at) ?? [];
  return (
    <Section
      title="Drift"
      id="drift"
      note="How far each slice is from those before it, by column: the population stability index. From 0.25 on it counts as strong."
    >
      <Switched
        chart={
          <>
            <div class="multiples">
              {shown.map(({ column, series }) => (
                <figure key={column}>
                  <figcaption>
                    <bdi class="cut" title={column}>
                      {column}
                    </bdi>{" "}
                    <span class="figure">{last(series).toFixed(2)}</span>
                  </figcaption>
                  <LineChart
                    label={`Drift of ${column}`}
                    dots={series.points}
                    height={110}
                    levels={[{ value: 0.25, name: "strong" }]}
                  />
                </figure>
              ))}
            </div>
            {rows.length > shown.length && (
              <button type="button" class="more" onClick={() => setAll(true)}>
                Show {rows.length - shown.length} more columns
              </button>
            )}
          </>
        }
        table={
          <Table
            caption="Drift by column and slice"
            cards={false}
            rows={rows}
            id={(row) => row.column}
            columns={[
              { head: "Column", names: true, cell: (row) => <bdi>{row.column}</bdi> },
              ...keys.map((key) => ({
                head: key,
                kind: "number" as const,
                cell: (row: (typeof rows)[number]) =>
                  number(row.series.points.find((point) => point.at === key)?.value),
              })),
            ]}
          />
        }
      />
    </Section>
  );
}
