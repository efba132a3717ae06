// The cells of a row of the fleet.

import type { JSX } from "preact";
import type { FleetRow } from "../../answers.ts";
import { inAirflow } from "../../api.ts";
import { Spark } from "../../charts/line.tsx";
import { bytes, count, duration, firstLine, number, plural, utc } from "../../format.ts";
import { Outward, Badge, Tip, type Tone } from "../../parts/bits.tsx";
import { Age } from "../../parts/times.tsx";
import { attentionHref, DecisionLine, urgency } from "../../parts/decisions.tsx";
import type { Column } from "../../parts/table.tsx";
import { percent } from "../../progress.ts";
import { href } from "../../route.ts";

export const COLUMNS: Column<FleetRow>[] = [
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
      <a class="name cut" href={href("model", row.model)} title={row.model}>
        <bdi>{row.model}</bdi>
      </a>
      {row.problem && (
        <Badge tone="bad" title={row.problem}>
          log cannot be read
        </Badge>
      )}
      {first && !row.problem && (
        <span class="needs">
          <a href={attentionHref(row.model, first)} title={first.message}>
            <Badge tone={urgency(first.what)}>{first.what}</Badge>
          </a>
          {rest.length > 0 && (
            <Tip label={`+${rest.length}`} class="keys">
              {rest.map((one, at) => (
                <span key={at} class="tip-line">
                  <strong>{one.what}</strong> <bdi>{firstLine(one.message, 160)}</bdi>
                </span>
              ))}
            </Tip>
          )}
        </span>
      )}
      <span class="ways soft">
        <a href={href("slices", row.model)} aria-label={`Slices of ${row.model}`}>
          Slices
        </a>{" "}
        ·{" "}
        <a href={href("plan", row.model)} aria-label={`Plan of ${row.model}`}>
          Plan
        </a>
      </span>
    </div>
  );
}

function Production({ row }: { row: FleetRow }): JSX.Element {
  if (row.head === null) return <span class="soft">no version yet</span>;
  return (
    <div class="stack" title={row.head_why ? `${row.head_how}: ${row.head_why}` : row.head_how}>
      <span>
        <a class="strong" href={href("version", row.model, { version: row.head })}>
          v{row.head}
        </a>{" "}
        <span class="soft">
          since <Age time={row.head_since} />
        </span>
      </span>
      <span class="soft">
        <bdi class="cut">{[row.head_how, row.head_by && `by ${row.head_by}`].filter(Boolean).join(" ")}</bdi>
      </span>
    </div>
  );
}

function Freshness({ row }: { row: FleetRow }): JSX.Element {
  const missed = row.attention.some((one) => one.what === "freshness objective missed");
  return (
    <div class="stack">
      {row.freshness_hours === null ? (
        <span class="soft">no objective</span>
      ) : (
        <Badge tone={missed ? "bad" : "good"}>
          {missed ? "over" : "within"} {duration(row.freshness_hours * 3600)}
        </Badge>
      )}
      <span
        class="soft"
        title={
          row.consumed_time ? `production was trained to this slice, ${utc(row.consumed_time)}` : undefined
        }
      >
        {row.newest_consumed ? <bdi class="cut">to {row.newest_consumed}</bdi> : "nothing consumed"}
      </span>
      {row.newest_slice && row.newest_slice !== row.newest_consumed && (
        <span class="soft">
          <bdi class="cut">newest {row.newest_slice}</bdi>
        </span>
      )}
    </div>
  );
}

function Last({ row }: { row: FleetRow }): JSX.Element {
  const rejected = row.last_rejected;
  const more = rejected !== null && rejected.version !== row.last?.version;
  return (
    <div class="stack">
      <DecisionLine model={row.model} one={row.last} />
      {more && (
        <span class="soft one-line" title={rejected.reason}>
          <a href={href("version", row.model, { version: rejected.version ?? 0 })}>v{rejected.version}</a>{" "}
          rejected <Age time={rejected.time} />: <bdi>{firstLine(rejected.reason, 120)}</bdi>
        </span>
      )}
    </div>
  );
}

const KINDS: [
  keyof FleetRow &
    ("pending" | "late" | "quarantined" | "set_aside" | "suspects" | "missing" | "changed_at_source"),
  string,
  Tone,
][] = [
  ["quarantined", "quarantined", "bad"],
  ["late", "late", "warn"],
  ["suspects", "suspect", "warn"],
  ["missing", "missing", "bad"],
  ["changed_at_source", "changed at source", "note"],
  ["set_aside", "set aside", "note"],
  ["pending", "pending", "info"],
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
        <Tip
          key={one.name}
          label={
            <Badge tone={one.tone}>
              {count(one.number)} {one.name}
            </Badge>
          }
          class="keys"
        >
          <strong>
            {plural(one.number, "slice")} {one.name}
          </strong>
          {one.keys.map((key) => (
            <a key={key} class="tip-line" href={href("slices", row.model, { key })}>
              <bdi>{key}</bdi>
            </a>
          ))}
          {one.number > one.keys.length && (
            <span class="soft">and {count(one.number - one.keys.length)} more</span>
          )}
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
      <bdi class="cut soft" title={row.metric.metric}>
        {row.metric.metric}
      </bdi>
    </div>
  );
}

function Drift({ row }: { row: FleetRow }): JSX.Element {
  const [most] = row.drift;
  if (most === undefined) return <span class="soft">–</span>;
  const tone: Tone = most.psi >= 0.25 ? "warn" : "plain";
  return (
    <Tip
      label={
        <span class="stack">
          {tone === "warn" ? (
            <Badge tone="warn">{most.psi.toFixed(2)}</Badge>
          ) : (
            <span class="figure">{most.psi.toFixed(2)}</span>
          )}
          <bdi class="cut soft">{most.column}</bdi>
        </span>
      }
    >
      <strong>Drift (population stability index)</strong>
      {row.drift.map((one) => (
        <span key={one.column} class="tip-line">
          <bdi>{one.column}</bdi> {one.psi.toFixed(3)}
        </span>
      ))}
    </Tip>
  );
}

function Run({ row }: { row: FleetRow }): JSX.Element {
  const { airflow, training } = row;
  return (
    <div class="stack">
      {training && (
        <a
          class="progress-line"
          href={href("training", row.model)}
          title={`v${training.version}, ${training.phase}`}
        >
          <progress max={100} value={percent(training)} aria-label={`Training of ${row.model}`} />
          <span>{training.lost ? "lost?" : `${Math.round(percent(training))} %`}</span>
        </a>
      )}
      {airflow ? (
        <>
          {airflow.paused ? (
            <Badge tone="warn">paused</Badge>
          ) : airflow.next_run ? (
            <span>
              next <Age time={airflow.next_run} />
            </span>
          ) : (
            <span class="soft">no schedule</span>
          )}
          {airflow.last_run_state && (
            <Outward to={inAirflow(`dags/${encodeURIComponent(row.model)}`)} class="soft">
              last run {airflow.last_run_state}
            </Outward>
          )}
          {airflow.missing_runs > 0 && (
            <Badge
              tone="warn"
              title={`${plural(airflow.missing_runs, "run")} found no slice at the source. ${airflow.last_run_note ?? ""}`}
            >
              no slice: {count(airflow.missing_runs)}
            </Badge>
          )}
        </>
      ) : (
        !training && <span class="soft">–</span>
      )}
    </div>
  );
}
