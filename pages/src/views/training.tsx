// A training as it runs, asked for every two seconds while somebody looks.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useJson } from "../api.ts";
import { LineChart } from "../charts/line.tsx";
import { bytes, count, duration, number } from "../format.ts";
import { Badge, Facts, Nothing, Section } from "../parts/bits.tsx";
import { When } from "../parts/times.tsx";
import { Age } from "../parts/times.tsx";
import { Slices } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import type { Choosing } from "../parts/field.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table } from "../parts/table.tsx";
import { percent } from "../progress.ts";
import { href, type Route } from "../route.ts";
import type { TrainingNow } from "../schema.ts";
import { Switched } from "../parts/switched.tsx";

const SAVE: Choosing[] = [
  {
    name: "what",
    label: "What is saved",
    kind: "choice",
    options: [
      { value: "parameters", label: "Parameters", does: "of the model, which a prediction needs" },
      {
        value: "intermediate",
        label: "Intermediate state",
        does: "everything that a training resumes from, optimizer included",
      },
      { value: "both", label: "Both" },
    ],
  },
  { name: "at_step", label: "At step", kind: "number", note: "empty: now" },
];

export function TrainingPage({ route }: { route: Route }): JSX.Element {
  const { model } = route;
  const asked = useJson<TrainingNow | null>(`models/${encodeURIComponent(model)}/training`, 2);
  return (
    <>
      <div class="page-head">
        <h1>Training now</h1>
        <Fresh asked={asked} />
      </div>
      <Answered asked={asked}>
        {(now) =>
          now === null ? (
            <Nothing title="No training is running">
              <p>This page asks every two seconds and shows one as soon as it begins.</p>
              <p>
                <a href={href("model", model)}>See the versions of the model</a>
              </p>
            </Nothing>
          ) : (
            <Training now={now} model={model} reload={asked.reload} />
          )
        }
      </Answered>
    </>
  );
}

function Training({
  now,
  model,
  reload,
}: {
  now: TrainingNow;
  model: string;
  reload: () => void;
}): JSX.Element {
  const ask = useAsk();
  const [chosen, setChosen] = useState("");
  const names = [
    ...new Set([...now.history.flatMap(([, metrics]) => Object.keys(metrics)), ...Object.keys(now.metrics)]),
  ];
  const metric = names.includes(chosen) ? chosen : names.includes("loss") ? "loss" : (names[0] ?? "");
  const history =
    now.history.at(-1)?.[0] === now.step || Object.keys(now.metrics).length === 0
      ? now.history
      : [...now.history, [now.step, now.metrics] as [number, Record<string, number>]];
  const dots = history.map(([step, metrics]) => ({ at: String(step), value: metrics[metric] ?? null }));
  const steps = history.map(([step]) => step);
  const marks = now.saves.flatMap(([step, all, added]) => {
    const at = steps.find((one) => one >= step);
    return at === undefined
      ? []
      : [
          {
            at: String(at),
            what: "rebase",
            message: `saved at step ${count(step)}: ${bytes(all)}, ${bytes(added)} new`,
          },
        ];
  });
  const share = percent(now);
  const running = now.phase !== "ended" && !now.lost;
  return (
    <>
      {now.lost && (
        <div class="banner warn" role="alert">
          <div>
            <strong>
              The training has not reported since <Age time={now.updated} />.
            </strong>{" "}
            Its process may be dead. A retry goes on from the last save.
          </div>
        </div>
      )}
      <div class="now">
        <div class="now-head">
          <span>
            <a class="big" href={href("version", model, { version: now.version })}>
              v{now.version}
            </a>{" "}
            <Badge tone={now.lost ? "warn" : running ? "info" : "plain"}>
              {now.lost ? "lost?" : now.phase}
            </Badge>
            {now.attempt > 1 && <span class="soft"> attempt {now.attempt}</span>}
          </span>
          <span>
            <strong class="figure">{count(now.step)}</strong>{" "}
            <span class="soft">of at most {count(now.last)} steps</span>
          </span>
          <span>
            {now.seconds_left === null ? (
              <span class="soft">time left not known</span>
            ) : (
              <>
                <strong class="figure">{duration(now.seconds_left)}</strong> <span class="soft">left</span>
              </>
            )}
          </span>
          <button
            type="button"
            class="primary push"
            disabled={!running}
            onClick={() => ask(action(model, "save-now", { button: "Save now", fields: SAVE, done: reload }))}
          >
            Save now
          </button>
        </div>
        <progress class="wide" max={100} value={share} aria-label={`Progress: ${share.toFixed(0)} %`} />
      </div>
      <Facts
        facts={[
          {
            label: "Rows a second",
            value: (
              <span class="figure">{now.rows_per_second === null ? "–" : count(now.rows_per_second)}</span>
            ),
          },
          {
            label: "Steps a second",
            value: (
              <span class="figure">
                {now.steps_per_second === null
                  ? "–"
                  : now.steps_per_second < 100
                    ? now.steps_per_second.toFixed(1)
                    : count(now.steps_per_second)}
              </span>
            ),
          },
          {
            label: "Saves kept it waiting",
            value: <span class="figure">{duration(now.stall_seconds)}</span>,
          },
          {
            label: "Saves",
            value: (
              <>
                <span class="figure">{count(now.saves.length)}</span>
                {now.save_every !== null && <span class="soft"> every {duration(now.save_every)}</span>}
              </>
            ),
          },
          { label: "Started", value: <When time={now.started} /> },
          { label: "Last report", value: <Age time={now.updated} /> },
          { label: "Trains on", value: <Slices model={model} list={now.slices} /> },
          ...Object.entries(now.metrics).map(([name, value]) => ({
            label: name,
            value: <span class="figure">{number(value)}</span>,
          })),
        ]}
      />
      <Section title="Loss and metrics" id="curve">
        {metric === "" ? (
          <Nothing title="No metric was reported yet" />
        ) : (
          <Switched
            tools={
              <label class="pick">
                Metric{" "}
                <select value={metric} onChange={(event) => setChosen(event.currentTarget.value)}>
                  {names.map((name) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            }
            chart={
              <>
                <LineChart
                  label={`${metric} by step`}
                  dots={dots}
                  marks={marks}
                  height={240}
                  short={(step) => count(Number(step))}
                />
                {marks.length > 0 && <p class="note soft">■ a save</p>}
              </>
            }
            table={
              <Table
                caption={`${metric} by step`}
                rows={[...dots].reverse()}
                id={(dot) => dot.at}
                most={50}
                columns={[
                  { head: "Step", names: true, kind: "tight", cell: (dot) => count(Number(dot.at)) },
                  { head: metric, kind: "number", cell: (dot) => number(dot.value) },
                ]}
              />
            }
          />
        )}
      </Section>
      <Section title="Saves" id="saves">
        {now.saves.length === 0 ? (
          <Nothing title="No checkpoint was committed yet" />
        ) : (
          <Table
            caption="Committed checkpoints, the newest first"
            rows={[...now.saves].reverse()}
            id={([step]) => step}
            most={20}
            columns={[
              { head: "Step", names: true, kind: "tight", cell: ([step]) => count(step) },
              { head: "Size", kind: "number", cell: ([, all]) => bytes(all) },
              { head: "New in the store", kind: "number", cell: ([, , added]) => bytes(added) },
            ]}
          />
        )}
      </Section>
    </>
  );
}
