// How good production was on each slice, and what happened there.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ModelAnswer } from "../../answers.ts";
import { LineChart } from "../../charts/line.tsx";
import { Legend } from "../../charts/shapes.tsx";
import { number } from "../../format.ts";
import { Nothing, Said, Section } from "../../parts/bits.tsx";
import { Table } from "../../parts/table.tsx";
import { href } from "../../route.ts";
import type { Series } from "../../schema.ts";
import { Switched } from "../../parts/switched.tsx";

export function Quality({ view }: { view: ModelAnswer }): JSX.Element {
  const { model } = view.summary;
  const [chosen, setChosen] = useState("");
  const [most, setMost] = useState(100);
  const series: Series | undefined = view.scores.find((one) => one.metric === chosen) ?? view.scores[0];
  if (!series || series.points.length === 0) {
    return (
      <Section title="Quality in production" id="quality">
        <Nothing title="Nothing was scored yet">
          <p>Each slice that production scores before anything trains on it becomes a point here.</p>
        </Nothing>
      </Section>
    );
  }
  const points = series.points.slice(-most);
  const places = new Set(points.map((point) => point.at));
  const marks = view.marks.filter((mark) => places.has(mark.at));
  // side by side, the many promotions would cover what is rare
  const drawn = points.length > 250 ? marks.filter((mark) => mark.what !== "promoted") : marks;
  const kinds = [...new Set(drawn.map((mark) => mark.what))];
  const said = (at: string): string =>
    marks
      .filter((mark) => mark.at === at)
      .map((mark) => `${mark.what}: ${mark.message}`)
      .join("; ");
  return (
    <Section
      title="Quality in production"
      id="quality"
      note="Each slice as production saw it: scored before anything was trained on it."
    >
      <Switched
        tools={
          <>
            <label class="pick">
              Metric{" "}
              <select value={series.metric} onChange={(event) => setChosen(event.currentTarget.value)}>
                {view.scores.map((one) => (
                  <option key={one.metric} value={one.metric}>
                    {one.metric}
                  </option>
                ))}
              </select>
            </label>
            {series.points.length > 20 && (
              <label class="pick">
                Slices{" "}
                <select value={String(most)} onChange={(event) => setMost(Number(event.currentTarget.value))}>
                  {[20, 100, 400, 100_000]
                    .filter((_, at, all) => at === 0 || (all[at - 1] ?? 0) < series.points.length)
                    .map((one) => (
                      <option key={one} value={String(one)}>
                        {one > 99_999 ? "all" : `last ${one}`}
                      </option>
                    ))}
                </select>
              </label>
            )}
            {series.better && <span class="soft">{series.better} is better</span>}
          </>
        }
        chart={
          <>
            <LineChart
              label={`${series.metric} of production on ${points.length} slices`}
              dots={points}
              marks={drawn}
              height={250}
              go={(key) => {
                location.hash = href("slices", model, { key });
              }}
            />
            {kinds.length > 0 && <Legend of={kinds} />}
            {drawn.length < marks.length && (
              <p class="note soft">Promotions are left out of so many slices; the table has them.</p>
            )}
          </>
        }
        table={
          <Table
            caption={`${series.metric} by slice`}
            rows={[...points].reverse()}
            id={(point) => point.at}
            most={50}
            columns={[
              {
                head: "Slice",
                names: true,
                cell: (point) => (
                  <a href={href("slices", model, { key: point.at })}>
                    <bdi>{point.at}</bdi>
                  </a>
                ),
              },
              {
                head: series.metric,
                kind: "number",
                cell: (point) => (point.value === null ? "not measured" : number(point.value)),
              },
              {
                head: "What happened",
                kind: "wide",
                cell: (point) =>
                  said(point.at) ? <Said text={said(point.at)} /> : <span class="soft">–</span>,
              },
            ]}
          />
        }
      />
    </Section>
  );
}
