// What a backfill would do before it is started, the rebase that is due, and the buttons that start them.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PlanAnswer, SlicePlan } from "../answers.ts";
import { here, inAirflow, useJson } from "../api.ts";
import { count, minute } from "../format.ts";
import { AirflowLink, Badge, Nothing, Said, Section } from "../parts/bits.tsx";
import { State } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { TransferTable } from "../parts/transfer.tsx";
import { href, type Route } from "../route.ts";
import { backfill, rebase, retraining } from "../starting.ts";

const DOES: Record<string, string> = {
  append: "train on it, with what is pending before it",
  late: "train on it, though newer slices were consumed before it",
  skip: "do nothing with it",
  shadow: "not train: a candidate is evaluated on the slices after it, or settled after the last",
  hold: "stop, until a person decides",
  fork: "stop: the history has to fork, which a rebase does",
  missing: "find nothing: it is not at the source",
};

export function PlanPage({ route }: { route: Route }): JSX.Element {
  const { model, query } = route;
  const asking = new URLSearchParams(Object.entries({ from: query["from"] ?? "", to: query["to"] ?? "" }).filter(([, value]) => value));
  const asked = useJson<PlanAnswer>(`models/${encodeURIComponent(model)}/plan${asking.size ? `?${asking.toString()}` : ""}`);
  return (
    <>
      <div class="page-head"><h1>Plan</h1><Fresh asked={asked} /></div>
      {asked.data === undefined && !asked.error && <p class="note soft" role="status">Asking the source about each slice. This takes a few seconds.</p>}
      <Answered asked={asked} lines={10}>{(view) => view.kind === "intake"
        ? <Nothing title="There is no model"><p>This DAG takes in slices of <bdi>{view.source}</bdi> and nothing trains on them, so there is no backfill to plan.</p></Nothing>
        : <Plan view={view} route={route} reload={asked.reload} />}</Answered>
    </>
  );
}

function Plan({ view, route, reload }: { view: PlanAnswer; route: Route; reload: () => void }): JSX.Element {
  const ask = useAsk();
  const { model } = route;
  return (
    <>
      <p class="note">{view.head === null ? "No version is in production yet." : <>Version <a href={href("version", model, { version: view.head })}>v{view.head}</a> is in production.</>} What is shown here trains nothing by itself.</p>
      {view.tainted && (
        <div class="banner bad" role="alert"><div>
          <strong>The champion is tainted.</strong> Version {view.tainted.version} was trained on slice <a href={href("slices", model, { key: view.tainted.slice })}><bdi>{view.tainted.slice}</bdi></a>: <Said text={view.tainted.why} />{" "}
          <span class="soft">(<bdi>{view.tainted.by}</bdi>, {minute(view.tainted.time)} UTC)</span> It serves on, and nothing is trained from it until a rebase.
        </div></div>
      )}
      {view.held !== null && (
        <div class="banner bad" role="alert">
          <div><strong>The model is on hold.</strong> <Said text={view.held} /></div>
          <button type="button" onClick={() => ask(action(model, "release-hold", { button: "Release the hold", done: reload }))}>Release the hold</button>
        </div>
      )}
      {view.rebase && <Rebase view={view} model={model} />}
      <Backfill view={view} route={route} reload={reload} />
      {view.transfer && (
        <Section title="The next version begins with a transfer" id="transfer">
          <p class="note"><Said text={view.transfer.message} /></p>
          {view.transfer.document && <TransferTable document={view.transfer.document} />}
        </Section>
      )}
      {view.retrain_dag !== null && (
        <Section title="Retraining" id="retraining" note="A version that sees consumed slices again. It replaces production only if every gate passes.">
          <div class="actions">
            <button type="button" onClick={() => ask(retraining(view.retrain_dag ?? "", model, true))}>Dry run of a retraining</button>
            <button type="button" onClick={() => ask(retraining(view.retrain_dag ?? "", model, false))}>Start a retraining</button>
            <AirflowLink class="button" to={inAirflow(`dags/${encodeURIComponent(view.retrain_dag)}`)}>Open <bdi>{view.retrain_dag}</bdi></AirflowLink>
          </div>
        </Section>
      )}
    </>
  );
}

function Rebase({ view, model }: { view: PlanAnswer; model: string }): JSX.Element | null {
  const ask = useAsk();
  const due = view.rebase;
  if (!due) return null;
  const dag = view.rebase_dag;
  const steps = due.replay.map((step, at) => ({ ...step, number: at + 1 }));
  return (
    <section class="part due" aria-labelledby="rebase">
      <h2 id="rebase"><span class="glyph" aria-hidden="true">◆</span> A rebase is due</h2>
      <p class="note">What the champion was trained on should have been different:</p>
      <Table caption="What changed" rows={due.changes} id={(one) => one.key + one.what} columns={[
        { head: "Slice", names: true, cell: (one) => <a href={href("slices", model, { key: one.key })}><bdi>{one.key}</bdi></a> },
        { head: "Was", cell: (one) => one.what },
        { head: "Consumed", cell: (one) => <code class="cut">{one.was ?? "never"}</code> },
        { head: "Becomes", cell: (one) => <code class="cut">{one.now ?? "nothing"}</code> },
        { head: "Why", kind: "wide", cell: (one) => <Said text={one.why} /> },
      ]} />
      <p><Said text={view.fork_message} /></p>
      {steps.length > 0 && (
        <Table caption="Steps of the rebase" rows={steps} id={(step) => step.number} most={20} columns={[
          { head: "Step", names: true, kind: "number", cell: (step) => step.number },
          { head: "Slices", kind: "wide", cell: (step) => <bdi>{step.slices.map((one) => one.key).join(", ")}</bdi> },
          { head: "Rows", kind: "number", cell: (step) => count(step.rows) },
          { head: "In place of", cell: (step) => step.stands_for === null ? "a late slice" : <a href={href("version", model, { version: step.stands_for })}>v{step.stands_for}</a> },
          { head: "State", cell: (step) => step.done_by === null ? <Badge tone="plain">to train</Badge> : <Badge tone="good">trained as v{step.done_by}</Badge> },
        ]} />
      )}
      <p><Said text={view.estimate_message} /></p>
      {view.anchor_message && <p class="soft"><Said text={view.anchor_message} /></p>}
      {dag === null ? <p><code>ckpt-ops rebase {model}</code> carries it out; so would a DAG made by <code>rebase_dag</code>.</p> : (
        <div class="actions">
          <button type="button" onClick={() => ask(rebase(dag, due, true))}>Dry run of the rebase</button>
          <button type="button" class="primary" onClick={() => ask(rebase(dag, due, false))}>Start the rebase</button>
          <AirflowLink class="button" to={inAirflow(`dags/${encodeURIComponent(dag)}`)}>Open <bdi>{dag}</bdi></AirflowLink>
        </div>
      )}
    </section>
  );
}

function Backfill({ view, route, reload }: { view: PlanAnswer; route: Route; reload: () => void }): JSX.Element {
  const { model } = route;
  const ask = useAsk();
  const [range, setRange] = useState<[string, string]>([view.first, view.last]);
  const [times, setTimes] = useState(view.by_time || view.first.length > 10);
  const [only, setOnly] = useState("");
  useEffect(() => setRange([view.first, view.last]), [view.first, view.last]);
  const go = ([from, to]: [string, string]): string => href("plan", model, { query: { from, to } });
  const shown = (value: string): string => times ? (value.length === 10 ? `${value}T00:00` : value) : value.slice(0, 10);
  const counts = new Map<string, number>();
  for (const one of view.slices ?? []) counts.set(one.action, (counts.get(one.action) ?? 0) + 1);
  const rows = (view.slices ?? []).filter((one) => only === "" || one.action === only);
  const kind = times ? "datetime-local" : "date";
  return (
    <Section title="What a backfill would do" id="backfill">
      <form class="tools" onSubmit={(event) => { event.preventDefault(); location.hash = go([shown(range[0]), shown(range[1])]); }}>
        <label class="pick">From <input type={kind} required value={shown(range[0])} onInput={(event) => setRange([event.currentTarget.value, range[1]])} /></label>
        <label class="pick">To <input type={kind} required value={shown(range[1])} onInput={(event) => setRange([range[0], event.currentTarget.value])} /></label>
        <label class="pick check"><input type="checkbox" checked={times} onChange={(event) => setTimes(event.currentTarget.checked)} /> with times</label>
        <button type="submit">Show</button>
        <a class="button" href={go(view.earlier)}>Earlier</a><a class="button" href={go(view.later)}>Later</a>
      </form>
      <p class="note soft">Starts of data intervals by the clocks of {view.timezone}, both ends included.</p>
      {view.slices === null ? <div class="banner bad" role="alert"><div><Said text={view.problem} /></div></div>
        : view.slices.length === 0 ? <Nothing title="No slice in this range"><p>Source <bdi>{view.source}</bdi> has none there, and none is due.</p></Nothing> : (
          <>
            <div class="tools">
              <div class="switch" role="group" aria-label="What a run would do">
                <button type="button" aria-pressed={only === ""} onClick={() => setOnly("")}>All <span class="soft">{count(view.slices.length)}</span></button>
                {Object.keys(DOES).filter((one) => counts.get(one)).map((one) => (
                  <button key={one} type="button" title={`a run would ${DOES[one] ?? ""}`} aria-pressed={only === one} onClick={() => setOnly(only === one ? "" : one)}>{one} <span class="soft">{count(counts.get(one))}</span></button>
                ))}
              </div>
              <button type="button" class="primary push" onClick={() => ask(backfill(model, view))}>Start a backfill of this range</button>
            </div>
            <Table caption="Slices of the range and what a run would do with each" columns={columns(model, (key) => ask(action(model, "resolve", {
              button: "Decide", key, done: reload,
              fields: [{ name: "how", label: "What becomes of it", kind: "choice", options: [
                { value: "append", label: "Append", does: "train on it after what was consumed, at its next run" },
                { value: "fork", label: "Fork", does: "train on it where it belongs, by a rebase" },
              ] }],
            })))} rows={rows} id={(one) => one.key} />
            {!view.schedule_known && <p class="note soft">Airflow knows no DAG of this name, so missing slices are inferred from the spacing of those that are there.</p>}
            <details><summary>What these words mean</summary>
              <dl class="words">{Object.entries(DOES).map(([word, does]) => <div key={word}><dt>{word}</dt><dd>a run would {does}</dd></div>)}</dl>
            </details>
          </>
        )}
    </Section>
  );
}

function columns(model: string, decide: (key: string) => void): Column<SlicePlan>[] {
  return [
    { head: "Slice", names: true, kind: "tight", cell: (one) => one.status === null ? <bdi>{one.key}</bdi> : <a href={href("slices", model, { key: one.key })}><bdi>{one.key}</bdi></a> },
    { head: "A run would", cell: (one) => <State of={one.action} title={`a run would ${DOES[one.action] ?? one.action}`} /> },
    { head: "Verdict", cell: (one) => one.status === null ? <span class="soft">not validated yet</span>
      : <a href={`${here()}slices/${encodeURIComponent(model)}/${encodeURIComponent(one.key)}/report`} target="_blank" rel="noopener">{one.status}</a> },
    { head: "Rows", kind: "number", cell: (one) => one.rows === null ? <span class="soft">–</span> : count(one.rows) },
    { head: "Consumed by", kind: "number", cell: (one) => one.consumed_by === null ? <span class="soft">–</span> : <a href={href("version", model, { version: one.consumed_by })}>v{one.consumed_by}</a> },
    { head: "Why", kind: "wide", cell: (one) => <><Said text={one.why} />{one.undecided && <> <button type="button" class="small" onClick={() => decide(one.key)} aria-label={`Append or fork slice ${one.key}`}>Append or fork</button></>}</> },
  ];
}
