// What a backfill would do before it is started, the rebase that is due, and the buttons that start them.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PlannedSlice, PlanView, TransferView } from "../answers.ts";
import { here, inAirflow, useJson } from "../api.ts";
import { bytes, count, minute, plural } from "../format.ts";
import { AirflowLink, Badge, Command, Nothing, Said, Section, Skeleton, Trouble } from "../parts/bits.tsx";
import { State } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { href, type Route } from "../route.ts";
import { backfill, rebase, retraining } from "../starting.ts";

export function PlanPage({ route }: { route: Route }): JSX.Element {
  const { model, query } = route;
  const asking = new URLSearchParams(Object.entries({ from: query["from"] ?? "", to: query["to"] ?? "" }).filter(([, value]) => value));
  const asked = useJson<PlanView>(`models/${encodeURIComponent(model)}/plan${asking.size ? `?${asking.toString()}` : ""}`);
  return (
    <>
      <div class="page-head"><h1>Plan</h1><Fresh asked={asked} /></div>
      {asked.data === undefined && !asked.error && <p class="note soft" role="status">Asking the source about each slice. This takes a few seconds.</p>}
      <Answered asked={asked} lines={10}>{(view) => <Plan view={view} route={route} reload={asked.reload} />}</Answered>
    </>
  );
}

function Plan({ view, route, reload }: { view: PlanView; route: Route; reload: () => void }): JSX.Element {
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
      <Transfer model={model} />
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

function Rebase({ view, model }: { view: PlanView; model: string }): JSX.Element | null {
  const ask = useAsk();
  const due = view.rebase;
  if (!due) return null;
  const { dag } = due;
  const steps = due.steps.map((step, at) => ({ ...step, number: at + 1 }));
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
      <p><Said text={due.fork_message} /></p>
      {steps.length > 0 && (
        <Table caption="Steps of the rebase" rows={steps} id={(step) => step.number} most={20} columns={[
          { head: "Step", names: true, kind: "tight", cell: (step) => `Step ${step.number}` },
          { head: "Slices", kind: "wide", cell: (step) => <bdi>{step.slices.join(", ")}</bdi> },
          { head: "Rows", kind: "number", cell: (step) => count(step.rows) },
          { head: "In place of", cell: (step) => step.stands_for === null ? "a late slice" : <a href={href("version", model, { version: step.stands_for })}>v{step.stands_for}</a> },
          { head: "State", cell: (step) => step.done_by === null ? <Badge tone="plain">to train</Badge> : <Badge tone="good">trained as v{step.done_by}</Badge> },
        ]} />
      )}
      <p><Said text={due.estimate} /></p>
      {due.anchor && <p class="soft"><Said text={due.anchor} /></p>}
      {dag === null ? <p><Command text={due.command} /> carries it out; so would a DAG made by <code>rebase_dag</code>.</p> : (
        <div class="actions">
          <button type="button" onClick={() => ask(rebase(dag, due, true))}>Dry run of the rebase</button>
          <button type="button" class="primary" onClick={() => ask(rebase(dag, due, false))}>Start the rebase</button>
          <AirflowLink class="button" to={inAirflow(`dags/${encodeURIComponent(dag)}`)}>Open <bdi>{dag}</bdi></AirflowLink>
        </div>
      )}
    </section>
  );
}

function Backfill({ view, route, reload }: { view: PlanView; route: Route; reload: () => void }): JSX.Element {
  const { model } = route;
  const ask = useAsk();
  const shownRange = view.range;
  const [range, setRange] = useState<[string, string]>([shownRange.first, shownRange.last]);
  const [times, setTimes] = useState(shownRange.by_time || shownRange.first.length > 10);
  const [only, setOnly] = useState("");
  useEffect(() => setRange([shownRange.first, shownRange.last]), [shownRange.first, shownRange.last]);
  const go = ([from, to]: [string, string]): string => href("plan", model, { query: { from, to } });
  const shown = (value: string): string => times ? (value.length === 10 ? `${value}T00:00` : value) : value.slice(0, 10);
  const rows = (view.slices ?? []).filter((one) => only === "" || one.action === only);
  const kind = times ? "datetime-local" : "date";
  return (
    <Section title="What a backfill would do" id="backfill">
      <form class="tools" onSubmit={(event) => { event.preventDefault(); location.hash = go([shown(range[0]), shown(range[1])]); }}>
        <label class="pick">From <input type={kind} required value={shown(range[0])} onInput={(event) => setRange([event.currentTarget.value, range[1]])} /></label>
        <label class="pick">To <input type={kind} required value={shown(range[1])} onInput={(event) => setRange([range[0], event.currentTarget.value])} /></label>
        <label class="pick check"><input type="checkbox" checked={times} onChange={(event) => setTimes(event.currentTarget.checked)} /> with times</label>
        <button type="submit">Show</button>
        <a class="button" href={go(shownRange.earlier)}>Earlier</a><a class="button" href={go(shownRange.later)}>Later</a>
      </form>
      <p class="note soft">Starts of data intervals by the clocks of {shownRange.timezone}, both ends included.{shownRange.intervals !== null && ` The schedule has ${plural(shownRange.intervals, "interval")} there.`}</p>
      {shownRange.cut && <div class="banner warn" role="status"><div>The range is long: it is shown up to <bdi>{shownRange.last}</bdi>. <a href={go(shownRange.later)}>Go on from there</a></div></div>}
      {view.slices === null ? <div class="banner bad" role="alert"><div><Said text={view.problem} /></div></div>
        : view.slices.length === 0 ? <Nothing title="No slice in this range"><p>Source <bdi>{view.source}</bdi> has none there, and none is due.</p></Nothing> : (
          <>
            <div class="tools">
              <div class="switch" role="group" aria-label="What a run would do">
                <button type="button" aria-pressed={only === ""} onClick={() => setOnly("")}>All <span class="soft">{count(view.slices.length)}</span></button>
                {Object.entries(view.counts).map(([one, number]) => (
                  <button key={one} type="button" title={`a run would ${view.actions[one] ?? one}`} aria-pressed={only === one} onClick={() => setOnly(only === one ? "" : one)}>{one} <span class="soft">{count(number)}</span></button>
                ))}
              </div>
              <button type="button" class="primary push" onClick={() => ask(backfill(model, view))}>Start a backfill of this range</button>
            </div>
            <Table caption="Slices of the range and what a run would do with each" columns={columns(view, (key) => ask(action(model, "resolve", {
              button: "Decide", key, done: reload,
              fields: [{ name: "how", label: "What becomes of it", kind: "choice", options: [
                { value: "append", label: "Append", does: "train on it after what was consumed, at its next run" },
                { value: "fork", label: "Fork", does: "train on it where it belongs, by a rebase" },
              ] }],
            })))} rows={rows} id={(one) => one.key} />
            {!shownRange.known && <p class="note soft">Airflow knows no DAG of this name, so missing slices are inferred from the spacing of those that are there.</p>}
            <details><summary>What these words mean</summary>
              <dl class="words">{Object.entries(view.actions).map(([word, does]) => <div key={word}><dt>{word}</dt><dd>a run would {does}</dd></div>)}</dl>
            </details>
          </>
        )}
    </Section>
  );
}

/** What the next version would begin with, asked after the plan: it may have to build the model. */
function Transfer({ model }: { model: string }): JSX.Element | null {
  const asked = useJson<TransferView | null>(`models/${encodeURIComponent(model)}/plan/transfer`);
  const found = asked.data;
  if (found === null) return null;
  return (
    <Section title="What the next version begins with" id="transfer">
      {asked.error ? <Trouble error={asked.error} again={asked.reload} /> : found === undefined ? <><p class="note soft" role="status">Asking whether the model's code changed. This may take a minute.</p><Skeleton lines={2} /></> : (
        <>
          <p class="note">The model's code is different from that of <a href={href("version", model, { version: found.parent })}>v{found.parent}</a>. <Said text={found.message} /></p>
          {found.objections.length > 0 && (
            <div class="banner bad" role="alert"><div><strong>No candidate would be trained as things are.</strong>
              <ul>{found.objections.map((one, at) => <li key={at}><Said text={one} /></li>)}</ul>{found.next && <><strong>Next:</strong> <Said text={found.next} /></>}</div></div>
          )}
          {!found.same && (
            <Table caption="Variables of the transfer" rows={found.rows} id={(one) => `${one.name} ${one.source} ${one.move}`} most={40} columns={[
              { head: "Variable", names: true, kind: "wide", cell: (one) => <code><bdi>{one.name || one.source}</bdi></code> },
              { head: "Becomes", cell: (one) => <Badge tone={one.move === "carried" ? "good" : "note"}>{one.move}</Badge> },
              { head: "Was", cell: (one) => <code>{one.before || "–"}</code> },
              { head: "Is", cell: (one) => <code>{one.after || "–"}</code> },
              { head: "Size", kind: "number", cell: (one) => bytes(one.nbytes) },
              { head: "Kept", kind: "number", cell: (one) => `${(100 * one.kept).toFixed(0)} %` },
              { head: "Note", kind: "wide", cell: (one) => one.note ? <Said text={one.note} /> : <span class="soft">–</span> },
            ]} />
          )}
          {Object.keys(found.changed).length > 0 && <ul>{Object.entries(found.changed).map(([place, what]) => <li key={place}><code>{place}</code>: <Said text={what} /></li>)}</ul>}
        </>
      )}
    </Section>
  );
}

function columns({ model, actions }: PlanView, decide: (key: string) => void): Column<PlannedSlice>[] {
  return [
    { head: "Slice", names: true, kind: "tight", cell: (one) => one.status === null ? <bdi>{one.key}</bdi> : <a href={href("slices", model, { key: one.key })}><bdi>{one.key}</bdi></a> },
    { head: "A run would", cell: (one) => <State of={one.action} title={`a run would ${actions[one.action] ?? one.action}`} /> },
    { head: "Verdict", cell: (one) => one.status === null ? <span class="soft">not validated yet</span>
      : <a href={`${here()}slices/${encodeURIComponent(model)}/${encodeURIComponent(one.key)}/report`} target="_blank" rel="noopener">{one.status}</a> },
    { head: "Rows", kind: "number", cell: (one) => one.rows === null ? <span class="soft">–</span> : count(one.rows) },
    { head: "Consumed by", kind: "number", cell: (one) => one.consumed_by === null ? <span class="soft">–</span> : <a href={href("version", model, { version: one.consumed_by })}>v{one.consumed_by}</a> },
    { head: "Why", kind: "wide", cell: (one) => <><Said text={one.why} />{one.undecided && <> <button type="button" class="small" onClick={() => decide(one.key)} aria-label={`Append or fork slice ${one.key}`}>Append or fork</button></>}</> },
  ];
}
