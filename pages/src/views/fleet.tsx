// Every model, those that need a person first.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { FleetAnswer, FleetRow } from "../answers.ts";
import { inAirflow, useJson } from "../api.ts";
import { Spark } from "../charts/line.tsx";
import { bytes, count, duration, firstLine, number, plural, utc } from "../format.ts";
import { Age, AirflowLink, Badge, Nothing, Tip, type Tone } from "../parts/bits.tsx";
import { attentionHref, DecisionLine, urgency } from "../parts/decisions.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { href, type Route } from "../route.ts";

type Show = "all" | "person" | "training" | "hold";
const SHOWS: [Show, string][] = [["all", "All"], ["person", "Needs a person"], ["training", "Training"], ["hold", "On hold or tainted"]];

const fits: Record<Show, (row: FleetRow) => boolean> = {
  all: () => true,
  person: (row) => row.attention.length > 0 || row.problem !== "",
  training: (row) => row.training !== null,
  hold: (row) => row.held !== null || row.tainted !== null,
};

/** Whether what a person typed is in the model's name or in what it wants. */
function matches(row: FleetRow, typed: string): boolean {
  if (typed === "") return true;
  const text = [row.model, ...row.attention.map((one) => one.what)].join(" ").toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function FleetPage({ route }: { route: Route }): JSX.Element {
  const asked = useJson<FleetAnswer>("fleet", 30);
  const [typed, setTyped] = useState(route.query["q"] ?? "");
  const [show, setShow] = useState<Show>("all");
  const models = asked.data?.models ?? [];
  const rows = useMemo(() => models.filter((row) => fits[show](row) && matches(row, typed)), [models, show, typed]);
  return (
    <>
      <div class="page-head"><h1>Models</h1><Fresh asked={asked} /></div>
      <Answered asked={asked} lines={14}>
        {(fleet) => fleet.models.length === 0 ? (
          <Nothing title="No model yet">
            <p>A model is here as soon as a run of its DAG has written to the store.</p>
            <p>Next: trigger a retraining DAG, or <code>ckpt-ops init</code> writes a first pipeline.</p>
          </Nothing>
        ) : (
          <>
            <div class="tools">
              <label class="search"><span class="unseen">Filter models</span>
                <input type="search" placeholder="Filter by name or need" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
              </label>
              <div class="switch" role="group" aria-label="Which models">
                {SHOWS.map(([one, name]) => (
                  <button key={one} type="button" aria-pressed={show === one} onClick={() => setShow(one)}>
                    {name} <span class="soft">{count(fleet.models.filter(fits[one]).length)}</span>
                  </button>
                ))}
              </div>
              <span class="soft push" aria-live="polite">
                {plural(rows.length, "model")}{fleet.nbytes !== null && <> · store holds <span title={fleet.measured ? `measured ${utc(fleet.measured)}` : undefined}>{bytes(fleet.nbytes)}</span></>}
              </span>
            </div>
            {rows.length === 0 ? <Nothing title="No model fits"><p>Clear the filter to see all of them.</p></Nothing>
              : <Table caption="Models, those that need a person first" columns={COLUMNS} rows={rows} id={(row) => row.model} most={100} class="fleet" />}
          </>
        )}
      </Answered>
    </>
  );
}

const COLUMNS: Column<FleetRow>[] = [
  { head: "Model", names: true, kind: "wide", cell: (row) => <Name row={row} /> },
  { head: "In production", cell: (row) => <Production row={row} /> },
  { head: "Freshness", cell: (row) => <Freshness row={row} /> },
  { head: "Last decision", kind: "wide", cell: (row) => <Last row={row} /> },
  { head: "Slices", cell: (row) => <Counts row={row} /> },
  { head: "Quality", cell: (row) => <Quality row={row} /> },
  { head: "Drift", cell: (row) => <Drift row={row} /> },
  { head: "Run", cell: (row) => <Run row={row} /> },
  { head: "Store", kind: "number", cell: (row) => bytes(row.nbytes) },
];

function Name({ row }: { row: FleetRow }): JSX.Element {
  const [first, ...rest] = row.attention;
  return (
    <div class="stack">
      <a class="name cut" href={href("model", row.model)} title={row.model}><bdi>{row.model}</bdi></a>
      {row.problem && <Badge tone="bad" title={row.problem}>log cannot be read</Badge>}
      {first && !row.problem && (
        <span class="needs">
          <a href={attentionHref(row.model, first)} title={first.message}><Badge tone={urgency(first.what)}>{first.what}</Badge></a>
          {rest.length > 0 && (
            <Tip label={`+${rest.length}`} class="keys">
              {rest.map((one, at) => <span key={at} class="tip-line"><strong>{one.what}</strong> <bdi>{firstLine(one.message, 160)}</bdi></span>)}
            </Tip>
          )}
        </span>
      )}
    </div>
  );
}

function Production({ row }: { row: FleetRow }): JSX.Element {
  if (row.head === null) return <span class="soft">no version yet</span>;
  return (
    <div class="stack" title={row.head_why ? `${row.head_how}: ${row.head_why}` : row.head_how}>
      <span><a class="strong" href={href("version", row.model, { version: row.head })}>v{row.head}</a> <span class="soft">since <Age time={row.head_since} /></span></span>
      <span class="soft"><bdi class="cut">{[row.head_how, row.head_by && `by ${row.head_by}`].filter(Boolean).join(" ")}</bdi></span>
    </div>
  );
}

function Freshness({ row }: { row: FleetRow }): JSX.Element {
  const missed = row.attention.some((one) => one.what === "freshness objective missed");
  return (
    <div class="stack">
      {row.freshness_hours === null ? <span class="soft">no objective</span>
        : <Badge tone={missed ? "bad" : "good"}>{missed ? "over" : "within"} {duration(row.freshness_hours * 3600)}</Badge>}
      <span class="soft" title={row.consumed_time ? `production was trained to this slice, ${utc(row.consumed_time)}` : undefined}>
        {row.newest_consumed ? <bdi class="cut">to {row.newest_consumed}</bdi> : "nothing consumed"}
      </span>
      {row.newest_slice && row.newest_slice !== row.newest_consumed && <span class="soft"><bdi class="cut">newest {row.newest_slice}</bdi></span>}
    </div>
  );
}

function Last({ row }: { row: FleetRow }): JSX.Element {
  const rejected = row.last_rejected;
  const more = rejected !== null && rejected.version !== row.last?.version;
  return (
    <div class="stack">
      <DecisionLine model={row.model} one={row.last} />
      {more && <span class="soft one-line" title={rejected.reason}><a href={href("version", row.model, { version: rejected.version ?? 0 })}>v{rejected.version}</a> rejected <Age time={rejected.time} />: <bdi>{firstLine(rejected.reason, 120)}</bdi></span>}
    </div>
  );
}

const KINDS: [keyof FleetRow & ("pending" | "late" | "quarantined" | "set_aside" | "suspects" | "missing" | "changed_at_source"), string, Tone][] = [
  ["quarantined", "quarantined", "bad"], ["late", "late", "warn"], ["suspects", "suspect", "warn"], ["missing", "missing", "bad"],
  ["changed_at_source", "changed at source", "note"], ["set_aside", "set aside", "note"], ["pending", "pending", "info"],
];

function Counts({ row }: { row: FleetRow }): JSX.Element {
  const counts = new Map(row.counts);
  const shown = KINDS.map(([field, name, tone]) => {
    const keys = row[field];
    return { name, tone, keys, number: counts.get(field) ?? counts.get(name) ?? keys.length };
  }).filter((one) => one.number > 0);
  if (shown.length === 0) return <span class="soft">all consumed</span>;
  return (
    <div class="chips">
      {shown.map((one) => (
        <Tip key={one.name} label={<Badge tone={one.tone}>{count(one.number)} {one.name}</Badge>} class="keys">
          <strong>{plural(one.number, "slice")} {one.name}</strong>
          {one.keys.map((key) => <a key={key} class="tip-line" href={href("slices", row.model, { key })}><bdi>{key}</bdi></a>)}
          {one.number > one.keys.length && <span class="soft">and {count(one.number - one.keys.length)} more</span>}
        </Tip>
      ))}
    </div>
  );
}

function Quality({ row }: { row: FleetRow }): JSX.Element {
  if (row.metric === null) return <span class="soft">not measured</span>;
  const last = row.metric.points.findLast((point) => point.value !== null);
  return (
    <div class="quality">
      <Spark dots={row.metric.points} label={`${row.metric.metric} of ${row.model}`} />
      <span class="figure">{number(last?.value)}</span>
      <bdi class="cut soft" title={row.metric.metric}>{row.metric.metric}</bdi>
    </div>
  );
}

function Drift({ row }: { row: FleetRow }): JSX.Element {
  const [most] = row.drift;
  if (most === undefined) return <span class="soft">–</span>;
  const tone: Tone = most.psi >= 0.25 ? "warn" : "plain";
  return (
    <Tip label={<span class="stack">{tone === "warn" ? <Badge tone="warn">{most.psi.toFixed(2)}</Badge> : <span class="figure">{most.psi.toFixed(2)}</span>}<bdi class="cut soft">{most.column}</bdi></span>}>
      <strong>Drift (population stability index)</strong>
      {row.drift.map((one) => <span key={one.column} class="tip-line"><bdi>{one.column}</bdi> {one.psi.toFixed(3)}</span>)}
    </Tip>
  );
}

function Run({ row }: { row: FleetRow }): JSX.Element {
  const { airflow, training } = row;
  return (
    <div class="stack">
      {training && (
        <a class="progress-line" href={href("training", row.model)} title={`v${training.version}, ${training.phase}`}>
          <progress max={Math.max(1, training.last)} value={training.step} aria-label={`Training of ${row.model}`} />
          <span>{training.lost ? "lost?" : `${Math.round((100 * training.step) / Math.max(1, training.last))} %`}</span>
        </a>
      )}
      {airflow ? (
        <>
          {airflow.paused ? <Badge tone="warn">paused</Badge>
            : airflow.next_run ? <span>next <Age time={airflow.next_run} /></span> : <span class="soft">no schedule</span>}
          {airflow.last_run_state && <AirflowLink to={inAirflow(`dags/${encodeURIComponent(row.model)}`)} class="soft">last run {airflow.last_run_state}</AirflowLink>}
          {airflow.missing_runs > 0 && <Badge tone="warn" title={`${plural(airflow.missing_runs, "run")} found no slice at the source. ${airflow.last_run_note ?? ""}`}>{count(airflow.missing_runs)} found no slice</Badge>}
        </>
      ) : !training && <span class="soft">–</span>}
    </div>
  );
}
