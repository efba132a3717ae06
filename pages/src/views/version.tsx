// One version: how it was evaluated, what may be decided on it, and what there is of it.

import type { JSX } from "preact";
import { useJson } from "../api.ts";
import { bytes, duration, plural, spoken } from "../format.ts";
import { Badge, Facts, Nothing, Said, Section } from "../parts/bits.tsx";
import { When } from "../parts/times.tsx";
import { State, Versions } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Markdown } from "../parts/markdown.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { TransferTable } from "../parts/transfer.tsx";
import { href, type Route } from "../route.ts";
import type { VersionView } from "../schema.ts";
import { Evaluation } from "./version/evaluation.tsx";
import { Data } from "./version/kept.tsx";
import { Take } from "./version/kept.tsx";
import { Code } from "./version/kept.tsx";

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
      <div class="page-head">
        <h1>Version {version}</h1>
        <Fresh asked={asked} />
      </div>
      <Answered asked={asked} lines={12}>
        {(view) => <Version view={view} reload={asked.reload} />}
      </Answered>
    </>
  );
}

function Version({ view, reload }: { view: VersionView; reload: () => void }): JSX.Element {
  const ask = useAsk();
  const { model, version } = view;
  const link = (other: number | null): JSX.Element | string =>
    other === null ? "–" : <a href={href("version", model, { version: other })}>v{other}</a>;
  const possible = ACTIONS.filter((one) => view.may[one.name]?.possible);
  const others = ACTIONS.filter(
    (one) => view.may[one.name] && !view.may[one.name]?.possible && view.may[one.name]?.why_not,
  );
  return (
    <>
      <div class="actions">
        {possible.map((one) => (
          <button
            key={one.name}
            type="button"
            class={one.kind}
            onClick={() => ask(action(model, one.name, { button: one.button, version, done: reload }))}
          >
            {one.button}
          </button>
        ))}
        <a class="button" href={href("lineage", model, { query: { v: String(version) } })}>
          Show in the lineage
        </a>
      </div>
      {others.length > 0 && (
        <details class="why-not">
          <summary>Why other actions are not offered</summary>
          <ul>
            {others.map((one) => (
              <li key={one.name}>
                <strong>{one.button}:</strong> <Said text={view.may[one.name]?.why_not ?? ""} />
              </li>
            ))}
          </ul>
        </details>
      )}
      <Facts
        facts={[
          {
            label: "State",
            value: (
              <span class="chips">
                <State of={view.status} />
                {view.head && <Badge tone="good">in production</Badge>}
                {view.late && <Badge tone="warn">late slice</Badge>}
                {view.transferred && <Badge tone="note">transferred</Badge>}
                {view.shadow && <Badge tone="info">shadow</Badge>}
              </span>
            ),
          },
          view.decision && {
            label: "Decision",
            long: view.decision.reason.length > 120,
            value: (
              <>
                {spoken(view.decision.type)} <span class="soft">by</span> <bdi>{view.decision.actor}</bdi>,{" "}
                <When time={view.decision.time} />
                <br />
                <Said text={view.decision.reason} />
              </>
            ),
          },
          view.approved && {
            label: "Approved by",
            value: (
              <>
                <strong>
                  <bdi>{view.approved.actor}</bdi>
                </strong>
                , <When time={view.approved.time} />
                <br />
                <Said text={view.approved.reason} />
              </>
            ),
          },
          { label: "Why it was trained", value: <Said text={view.retrained ?? view.why} /> },
          {
            label: "Trained from",
            value: (
              <>
                {view.parent === null ? "initial weights" : link(view.parent)}{" "}
                <span class="soft">generation {view.generation}</span>
              </>
            ),
          },
          view.champion !== null && { label: "Evaluated against", value: link(view.champion) },
          view.replaces !== null && { label: "Replaces", value: link(view.replaces) },
          view.children.length > 0 && {
            label: "Parent of",
            value: <Versions model={model} list={view.children} />,
          },
          {
            label: "Training",
            value:
              view.steps === null ? (
                "not ended"
              ) : (
                <>
                  {plural(view.steps, "step")} in {duration(view.seconds)}
                  <br />
                  <span class="soft">
                    ended by <bdi>{view.stopped_by ?? "–"}</bdi>; {plural(view.attempts, "attempt")}
                  </span>
                </>
              ),
          },
          { label: "Added to the store", value: bytes(view.uploaded) },
          { label: "Started", value: <When time={view.started} /> },
          view.policy && { label: "Update policy", value: <Said text={view.policy.words} /> },
          { label: "Candidate", value: <code>{view.candidate}</code> },
        ]}
      />
      <Evaluation view={view} />
      <Data view={view} />
      <Section title="Model card" id="card">
        {view.card ? (
          <details open={false}>
            <summary>Show the card</summary>
            <Markdown text={view.card} />
          </details>
        ) : (
          <Nothing title="No card yet">
            <p>A card is written when a version is promoted or rejected.</p>
          </Nothing>
        )}
      </Section>
      <Take view={view} reload={reload} />
      <Code view={view} />
      {view.transfer && (
        <Section
          title="Transfer it began with"
          id="transfer"
          note="What became of the parent's variables, as build_model() was different then."
        >
          <TransferTable document={view.transfer} />
        </Section>
      )}
    </>
  );
}
