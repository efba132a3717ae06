// One version: how it was evaluated, what may be decided on it, and what there is of it.

import type { JSX } from "preact";
import { here, useJson } from "../api.ts";
import { bytes, count, duration, number, plural, signed, spoken } from "../format.ts";
import { Badge, Command, Facts, Nothing, Said, Section, When } from "../parts/bits.tsx";
import { State, Versions } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Markdown } from "../parts/markdown.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table } from "../parts/table.tsx";
import { TransferTable } from "../parts/transfer.tsx";
import { href, type Route } from "../route.ts";
import type { VersionView } from "../schema.ts";

const ACTIONS: { name: string; button: string; kind?: string }[] = [
  { name: "approve", button: "Approve", kind: "primary" },
  { name: "reject", button: "Reject" },
  { name: "promote-despite-gates", button: "Promote despite gates", kind: "danger" },
  { name: "rollback", button: "Roll back to this version" },
];

export function VersionPage({ route }: { route: Route }): JSX.Element {
  const { model, version } = route;
  const asked = useJson<VersionView>(`models/${encodeURIComponent(model)}/versions/${version}`);
  return (
    <>
      <div class="page-head"><h1>Version {version}</h1><Fresh asked={asked} /></div>
      <Answered asked={asked} lines={12}>{(view) => <Version view={view} reload={asked.reload} />}</Answered>
    </>
  );
}

function Version({ view, reload }: { view: VersionView; reload: () => void }): JSX.Element {
  const ask = useAsk();
  const { model, version } = view;
  const link = (other: number | null): JSX.Element | string => other === null ? "–" : <a href={href("version", model, { version: other })}>v{other}</a>;
  const possible = ACTIONS.filter((one) => view.may[one.name]?.possible);
  const others = ACTIONS.filter((one) => view.may[one.name] && !view.may[one.name]?.possible && view.may[one.name]?.why_not);
  return (
    <>
      <div class="actions">
        {possible.map((one) => <button key={one.name} type="button" class={one.kind} onClick={() => ask(action(model, one.name, { button: one.button, version, done: reload }))}>{one.button}</button>)}
        <a class="button" href={href("lineage", model, { query: { v: String(version) } })}>Show in the lineage</a>
      </div>
      {others.length > 0 && (
        <details class="why-not"><summary>Why other actions are not offered</summary>
          <ul>{others.map((one) => <li key={one.name}><strong>{one.button}:</strong> <Said text={view.may[one.name]?.why_not ?? ""} /></li>)}</ul>
        </details>
      )}
      <Facts facts={[
        { label: "State", value: <span class="chips"><State of={view.status} />{view.head && <Badge tone="good">in production</Badge>}{view.late && <Badge tone="warn">late slice</Badge>}{view.transferred && <Badge tone="note">transferred</Badge>}{view.shadow && <Badge tone="info">shadow</Badge>}</span> },
        view.decision && { label: "Decision", value: <>{spoken(view.decision.type)} <span class="soft">by</span> <bdi>{view.decision.actor}</bdi>, <When time={view.decision.time} /><br /><Said text={view.decision.reason} /></> },
        view.approved && { label: "Approved by", value: <><strong><bdi>{view.approved.actor}</bdi></strong>, <When time={view.approved.time} /><br /><Said text={view.approved.reason} /></> },
        { label: "Why it was trained", value: <Said text={view.retrained ?? view.why} /> },
        { label: "Trained from", value: <>{view.parent === null ? "initial weights" : link(view.parent)} <span class="soft">generation {view.generation}</span></> },
        view.champion !== null && { label: "Evaluated against", value: link(view.champion) },
        view.replaces !== null && { label: "Replaces", value: link(view.replaces) },
        view.children.length > 0 && { label: "Parent of", value: <Versions model={model} list={view.children} /> },
        { label: "Training", value: view.steps === null ? "not ended" : <>{plural(view.steps, "step")} in {duration(view.seconds)}<br /><span class="soft">ended by <bdi>{view.stopped_by ?? "–"}</bdi>; {plural(view.attempts, "attempt")}</span></> },
        { label: "Added to the store", value: bytes(view.uploaded) },
        { label: "Started", value: <When time={view.started} /> },
        view.policy && { label: "Update policy", value: <Said text={view.policy.words} /> },
        { label: "Candidate", value: <code>{view.candidate}</code> },
      ]} />
      <Evaluation view={view} />
      <Data view={view} />
      <Section title="Model card" id="card">
        {view.card ? <details open={false}><summary>Show the card</summary><Markdown text={view.card} /></details> : <Nothing title="No card yet"><p>A card is written when a version is promoted or rejected.</p></Nothing>}
      </Section>
      <Take view={view} />
      <Code view={view} />
      {view.transfer && <Section title="Transfer it began with" id="transfer" note="What became of the parent's variables, as build_model() was different then."><TransferTable document={view.transfer} /></Section>}
    </>
  );
}

function Evaluation({ view }: { view: VersionView }): JSX.Element {
  const sides = Object.keys(view.metrics);
  const names = [...new Set(Object.values(view.metrics).flatMap((values) => Object.keys(values)))];
  const report = `${here()}models/${encodeURIComponent(view.model)}/versions/${view.version}/evaluation`;
  const failed = view.gates.filter((gate) => gate.passed === false);
  const gates = [...failed, ...view.gates.filter((gate) => gate.passed !== false)];
  return (
    <Section title="Evaluation" id="evaluation" aside={view.report && <a href={report} target="_blank" rel="noopener">Open the report in a tab</a>}>
      {view.passed === null && view.gates.length === 0 ? <Nothing title="Not evaluated yet" /> : (
        <>
          <p>{view.passed !== null && <Badge tone={view.passed ? "good" : "bad"}>{view.passed ? "every gate passed" : `${plural(failed.length || view.verdicts.length, "gate")} did not pass`}</Badge>} <Said text={view.evaluated_reason} /></p>
          <div class="two">
            {names.length > 0 && (
              <Table caption="Metrics of candidate and champion on the same rows" cards={false} rows={names} id={(name) => name} columns={[
                { head: "Metric", names: true, cell: (name) => <bdi>{name}</bdi> },
                ...sides.map((side) => ({ head: side, kind: "number" as const, cell: (name: string) => number(view.metrics[side]?.[name]) })),
                ...(sides.length === 2 ? [{ head: "Gain", kind: "number" as const, cell: (name: string) => {
                  const own = view.metrics[sides[0] ?? ""]?.[name];
                  const other = view.metrics[sides[1] ?? ""]?.[name];
                  return typeof own === "number" && typeof other === "number" ? signed(own - other) : "–";
                } }] : []),
              ]} />
            )}
            <Table caption="Gates" rows={gates.length > 0 ? gates : view.verdicts.map((message) => ({ gate: "", passed: null, message, numbers: {} }))} id={(gate) => `${gate.gate} ${gate.message}`} columns={[
              { head: "Verdict", kind: "tight", cell: (gate) => <Badge tone={gate.passed === null ? "plain" : gate.passed ? "good" : "bad"}>{gate.passed === null ? "does not apply" : gate.passed ? "passed" : "not passed"}</Badge> },
              { head: "Gate", names: true, kind: "wide", cell: (gate) => <><Said text={gate.message} />{gate.gate && <><br /><code class="soft">{gate.gate}</code></>}</> },
            ]} />
          </div>
          {view.report && (
            <details><summary>Show the evaluation report</summary>
              <iframe class="report" title={`Evaluation of version ${view.version}`} sandbox="allow-popups" src={report} loading="lazy" />
            </details>
          )}
        </>
      )}
    </Section>
  );
}

function Data({ view }: { view: VersionView }): JSX.Element {
  const scored = Object.entries(view.scores);
  const metrics = [...new Set(scored.flatMap(([, values]) => Object.keys(values)))];
  return (
    <Section title="Slices it was trained on" id="data" aside={<span class="soft">{plural(view.rows, "row")}</span>}>
      {view.slices.length === 0 ? <Nothing title="No slice of its own" /> : (
        <Table caption="Slices it was trained on" rows={view.slices} id={(one) => one.key} most={30} columns={[
          { head: "Slice", names: true, cell: (one) => <a href={href("slices", view.model, { key: one.key })}><bdi>{one.key}</bdi></a> },
          { head: "Rows", kind: "number", cell: (one) => count(one.rows) },
          { head: "Revision", cell: (one) => <code class="cut">{one.revision}</code> },
          ...metrics.map((metric) => ({ head: `${metric} of the champion, before`, kind: "number" as const, cell: (one: { key: string }) => number(view.scores[one.key]?.[metric]) })),
        ]} />
      )}
      {view.retrained_without.length > 0 && <p class="note">It does without slices that were consumed before: {view.retrained_without.map((one) => one.key).join(", ")}</p>}
      {view.shadow && <p class="note"><Badge tone="info">shadow</Badge> <Said text={view.shadow.words} /></p>}
    </Section>
  );
}

function Take({ view }: { view: VersionView }): JSX.Element {
  const { model, version } = view;
  const objects = Object.entries(view.artifacts);
  return (
    <Section title="Export and convert" id="export">
      {!view.kept && <div class="banner warn" role="status"><div>Its last checkpoint was pruned: it cannot be exported or trained from any more.</div></div>}
      <ul class="commands">
        {[`ckpt-ops export ${model} ${version} --format keras ${model}.keras`, `ckpt-ops convert ${model} ${version} --format tflite`, `ckpt-ops convert ${model} ${version} --format onnx`].map((text) => <li key={text}><Command text={text} /></li>)}
      </ul>
      {view.conversions.length > 0 && (
        <Table caption="Conversions" rows={view.conversions} id={(one) => one.format + one.object} columns={[
          { head: "Format", names: true, cell: (one) => one.format },
          { head: "Kept", kind: "wide", cell: (one) => one.error ? <><Badge tone="bad">refused</Badge> <Said text={one.error} /></> : <Command text={one.object} what="object name" /> },
          { head: "Rows compared", kind: "number", cell: (one) => count(one.rows) },
          { head: "Largest difference", kind: "number", cell: (one) => number(one.max_abs_difference) },
        ]} />
      )}
      {view.checkpoints.length > 0 && (
        <Table caption="Checkpoints" seen rows={[...view.checkpoints].reverse()} id={(one) => one.manifest} most={5} columns={[
          { head: "Step", names: true, kind: "tight", cell: (one) => count(one.step) },
          { head: "New in the store", kind: "number", cell: (one) => bytes(one.uploaded) },
          { head: "Stepping until then", kind: "number", cell: (one) => duration(one.seconds) },
          { head: "Object", kind: "wide", cell: (one) => <code>{one.manifest}</code> },
        ]} />
      )}
      {(objects.length > 0 || view.exported.length > 0 || view.predictions.length > 0) && (
        <details><summary>Objects in the store ({objects.length + view.exported.length + view.predictions.length})</summary>
          <ul class="objects">
            {objects.map(([kind, name]) => <li key={kind}><span class="soft">{spoken(kind)}</span> <code>{name}</code></li>)}
            {view.exported.map((name) => <li key={name}><span class="soft">SavedModel</span> <code>{name}</code></li>)}
            {view.predictions.map((one) => <li key={one.object}><span class="soft">predictions on <bdi>{one.key}</bdi></span> <code>{one.object}</code></li>)}
          </ul>
        </details>
      )}
    </Section>
  );
}

function Code({ view }: { view: VersionView }): JSX.Element | null {
  const { code } = view;
  if (code === null) return null;
  const files = Object.entries(code.files);
  return (
    <Section title="Code" id="code">
      <Facts facts={[
        { label: "Code", value: <code>{code.digest || "–"}</code> }, { label: "Lock", value: <code>{code.lock || "–"}</code> },
        code.object !== "" && { label: "Archive", value: <code>{code.object}</code> },
      ]} />
      {files.length === 0 ? <Nothing title="The files are not kept any more" /> : (
        <details><summary>{plural(files.length, "file")} kept</summary>
          <Table caption="Files of the code" cards={false} rows={files} id={([name]) => name} columns={[
            { head: "File", names: true, cell: ([name]) => <code><bdi>{name}</bdi></code> },
            { head: "Bytes", kind: "number", cell: ([, size]) => bytes(size) },
          ]} />
        </details>
      )}
    </Section>
  );
}
