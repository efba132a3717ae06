// A version in other formats: a button for each, the runs that write them, and where the results lie.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { inAirflow, useJson } from "../../api.ts";
import { bytes, count, duration, number } from "../../format.ts";
import { Badge, Command, Outward, Said } from "../../parts/bits.tsx";
import { State } from "../../parts/decisions.tsx";
import { useAsk } from "../../parts/dialog.tsx";
import { Answered } from "../../parts/shell.tsx";
import { Table } from "../../parts/table.tsx";
import { Age } from "../../parts/times.tsx";
import type { ExportRun, ExportsView, FormatRow, VersionView } from "../../schema.ts";
import { exporting } from "../../starting.ts";

const HELD: Record<string, string> = {
  "saved-model": "the forward pass, for TensorFlow Serving",
  keras: "structure, weights and optimizer, in a file",
  "tf-checkpoint": "weights and optimizer, for tf.train.Checkpoint",
  safetensors: "every tensor by its name",
  tflite: "for TensorFlow Lite, if it predicts the same",
  onnx: "for ONNX Runtime, if it predicts the same",
};
const EVERY = 3; // seconds

const goes = (run: ExportRun): boolean => run.state === "queued" || run.state === "running";

export function Exports({ view, reload }: { view: VersionView; reload: () => void }): JSX.Element {
  const { model, version } = view;
  const [every, setEvery] = useState(0);
  const asked = useJson<ExportsView>(
    `models/${encodeURIComponent(model)}/versions/${version}/exports`,
    every,
  );
  const active = (asked.data?.runs ?? []).filter(goes).length;
  const before = useRef(0);
  useEffect(() => {
    if (active < before.current) reload(); // one has ended: what it wrote is listed now
    before.current = active;
    setEvery(active > 0 ? EVERY : 0);
  }, [active]);
  return (
    <>
      <Answered asked={asked} lines={3}>
        {(found) => (
          <>
            <Formats view={view} found={found} reload={asked.reload} />
            {found.runs.length > 0 && found.dag !== null && <Runs dag={found.dag} runs={found.runs} />}
          </>
        )}
      </Answered>
      {view.exports.length > 0 && (
        <Table
          caption="Exports in the store"
          seen
          rows={view.exports}
          id={(one) => one.object}
          columns={[
            { head: "Format", names: true, kind: "tight", cell: (one) => one.format },
            { head: "Step", kind: "number", cell: (one) => count(one.step) },
            { head: "Object", kind: "wide", cell: (one) => <Command text={one.object} what="object name" /> },
            { head: "Size", kind: "number", cell: (one) => bytes(one.nbytes) },
            {
              head: "Asked for",
              kind: "wide",
              cell: (one) => (
                <>
                  <Said text={one.reason || "–"} />
                  <br />
                  <span class="soft">
                    by <bdi>{one.actor}</bdi>, <Age time={one.time} />
                  </span>
                </>
              ),
            },
          ]}
        />
      )}
      {view.conversions.length > 0 && (
        <Table
          caption="Conversions"
          seen
          rows={view.conversions}
          id={(one) => one.format + one.object}
          columns={[
            { head: "Format", names: true, kind: "tight", cell: (one) => one.format },
            {
              head: "Kept",
              kind: "wide",
              cell: (one) =>
                one.error ? (
                  <>
                    <Badge tone="bad">refused</Badge> <Said text={one.error} />
                  </>
                ) : (
                  <Command text={one.object} what="object name" />
                ),
            },
            { head: "Rows compared", kind: "number", cell: (one) => count(one.rows) },
            { head: "Largest difference", kind: "number", cell: (one) => number(one.max_abs_difference) },
          ]}
        />
      )}
    </>
  );
}

function Formats({
  view,
  found,
  reload,
}: {
  view: VersionView;
  found: ExportsView;
  reload: () => void;
}): JSX.Element {
  const ask = useAsk();
  const { model, version } = view;
  const button = (row: FormatRow): JSX.Element => {
    const what = row.converts ? "Convert" : "Export";
    if (!row.possible) return <Said text={row.why_not} />;
    if (found.dag === null) return <span class="soft">by the command</span>;
    const dag = found.dag;
    return (
      <button
        type="button"
        onClick={() => ask({ ...exporting(dag, model, version, row.format, row.converts), done: reload })}
      >
        {what} <span class="unseen">{row.format}</span>
      </button>
    );
  };
  return (
    <>
      {found.dag === null && (
        <p class="note">
          Airflow knows no DAG that exports this model: <code>export = export_dag({model})</code> in its{" "}
          <code>dag.py</code> makes one, and then there is a button for each format.
        </p>
      )}
      {found.dag !== null && found.paused && (
        <p class="note">
          <Badge tone="warn">paused</Badge> Airflow starts no run of{" "}
          <Outward to={inAirflow(`dags/${encodeURIComponent(found.dag)}`)}>
            <bdi>{found.dag}</bdi>
          </Outward>{" "}
          until somebody unpauses it: an export stays queued.
        </p>
      )}
      <Table
        caption="Formats"
        rows={found.formats}
        id={(row) => row.format}
        columns={[
          {
            head: "Format",
            names: true,
            cell: (row) => (
              <>
                {row.format} {!row.possible && <Badge tone="plain">unavailable</Badge>}
                <br />
                <span class="soft">{HELD[row.format] ?? ""}</span>
              </>
            ),
          },
          { head: "In the store", cell: button },
          { head: "Command", kind: "wide", cell: (row) => <Command text={row.command} /> },
        ]}
      />
    </>
  );
}

function Runs({ dag, runs }: { dag: string; runs: ExportRun[] }): JSX.Element {
  return (
    <Table
      caption="Runs that write it"
      seen
      rows={runs}
      id={(run) => run.run}
      most={5}
      columns={[
        { head: "Format", names: true, kind: "tight", cell: (run) => run.format },
        { head: "State", cell: (run) => <State of={run.state} /> },
        {
          head: "Took",
          kind: "number",
          cell: (run) =>
            run.ended && run.started
              ? duration((Date.parse(run.ended) - Date.parse(run.started)) / 1000)
              : "–",
        },
        {
          head: "Asked for",
          kind: "wide",
          cell: (run) => (
            <>
              <Said text={run.reason || "–"} />
              <br />
              <span class="soft">
                by <bdi>{run.by || "–"}</bdi>
                {run.started && (
                  <>
                    , <Age time={run.started} />
                  </>
                )}
              </span>
            </>
          ),
        },
        {
          head: "Run",
          kind: "wide",
          cell: (run) => (
            <Outward to={inAirflow(`dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run.run)}`)}>
              <bdi class="cut">{run.run}</bdi>
            </Outward>
          ),
        },
      ]}
    />
  );
}
