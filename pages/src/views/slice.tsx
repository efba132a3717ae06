// One slice: what validation said, what was trained on it, and what a person may decide on it.

import type { JSX } from "preact";
import { here, useJson } from "../api.ts";
import { count, duration, number, plural } from "../format.ts";
import { Badge, Facts, Nothing, Outward, Said, Section } from "../parts/bits.tsx";
import { When } from "../parts/times.tsx";
import { State, Versions } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import type { Choosing } from "../parts/field.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table } from "../parts/table.tsx";
import { href, type Route } from "../route.ts";
import { themeNow } from "../theme.ts";
import type { MissingView, SliceView } from "../schema.ts";
import { History, MissingSlice } from "./slice/missing.tsx";
import { Marks } from "./slices.tsx";

const HOW: Choosing = {
  name: "how",
  label: "What becomes of it",
  kind: "choice",
  options: [
    { value: "append", label: "Append", does: "train on it after what was consumed, at its next run" },
    { value: "fork", label: "Fork", does: "train on it where it belongs, by a rebase" },
  ],
};

/** What a person may decide on a slice: the route's name, its button, and what is chosen besides. */
const ACTIONS: { name: string; may: string; button: string; fields?: Choosing[] }[] = [
  { name: "resolve", may: "resolve", button: "Append or fork", fields: [HOW] },
  { name: "release-slice", may: "release", button: "Release" },
  { name: "discard-slice", may: "discard", button: "Discard" },
  { name: "withdraw", may: "withdraw", button: "Withdraw" },
  { name: "taint", may: "taint", button: "Taint" },
  { name: "lift-taint", may: "lift-taint", button: "Lift the taint" },
];

export function SlicePage({ route }: { route: Route }): JSX.Element {
  const { model, key } = route;
  const made = Number(route.query["version"] ?? 0); // by the run whose tab led here
  const asked = useJson<SliceView | MissingView>(
    `models/${encodeURIComponent(model)}/slices/${encodeURIComponent(key)}`,
  );
  return (
    <>
      <p class="back">
        <a href={href("slices", model)}>All slices</a>
      </p>
      <div class="page-head">
        <h1>
          Slice <bdi>{key}</bdi>
        </h1>
        {made > 0 && (
          <span class="note">
            The run made <a href={href("version", model, { version: made })}>version {made}</a>.
          </span>
        )}
        <Fresh asked={asked} />
      </div>
      <Answered asked={asked}>
        {(view) =>
          "missing" in view ? (
            <MissingSlice view={view} reload={asked.reload} />
          ) : (
            <Slice view={view} reload={asked.reload} />
          )
        }
      </Answered>
    </>
  );
}

function Slice({ view, reload }: { view: SliceView; reload: () => void }): JSX.Element {
  const { model, slice: row, verdict } = view;
  const ask = useAsk();
  const page = (which: string): string =>
    `${here()}slices/${encodeURIComponent(model)}/${encodeURIComponent(row.key)}/${which}?revision=${encodeURIComponent(row.origin || row.revision)}&theme=${themeNow()}`;
  const possible = ACTIONS.filter((one) => view.may[one.may]?.possible);
  const others = ACTIONS.filter(
    (one) => view.may[one.may] && !view.may[one.may]?.possible && view.may[one.may]?.why_not,
  );
  const scores = Object.entries(view.scores);
  return (
    <>
      <div class="actions">
        {possible.map((one) => (
          <button
            key={one.name}
            type="button"
            onClick={() =>
              ask(
                action(model, one.name, {
                  button: one.button,
                  key: row.key,
                  done: reload,
                  ...(one.fields ? { fields: one.fields } : {}),
                }),
              )
            }
          >
            {one.button}
          </button>
        ))}
        {row.report && (
          <Outward class="button" tab to={page("report")}>
            Validation report
          </Outward>
        )}
        {row.report && (
          <Outward class="button" tab to={page("data-docs")}>
            Data Docs
          </Outward>
        )}
      </div>
      {others.length > 0 && (
        <details class="why-not">
          <summary>Why other actions are not offered</summary>
          <ul>
            {others.map((one) => (
              <li key={one.name}>
                <strong>{one.button}:</strong> <Said text={view.may[one.may]?.why_not ?? ""} />
              </li>
            ))}
          </ul>
        </details>
      )}
      <Facts
        facts={[
          { label: "Status", value: <Marks row={row} /> },
          { label: "Why", value: row.reason ? <Said text={row.reason} /> : "–" },
          { label: "Decided", value: <When time={row.time} /> },
          view.acknowledged && {
            label: "Acknowledged as missing",
            value: (
              <>
                by <bdi>{view.acknowledged.actor}</bdi>, <When time={view.acknowledged.time} />. It has come
                since.
                <br />
                <Said text={view.acknowledged.reason} />
              </>
            ),
          },
          {
            label: "A run would",
            value: (
              <>
                <State of={row.action} /> <Said text={row.why} />
              </>
            ),
          },
          {
            label: "Rows",
            value: (
              <>
                {count(row.rows)}
                {row.set_aside > 0 && `, ${count(row.set_aside)} set aside`}
              </>
            ),
          },
          {
            label: "Consumed by",
            value:
              row.consumed_by === null ? (
                "nothing in production's ancestry"
              ) : (
                <a href={href("version", model, { version: row.consumed_by })}>v{row.consumed_by}</a>
              ),
          },
          { label: "Versions trained on it", value: <Versions model={model} list={row.seen_by} most={40} /> },
          view.inherited_by.length > 0 && {
            label: "Descend from those",
            value: <Versions model={model} list={view.inherited_by} most={12} />,
          },
          row.repeats !== null && {
            label: "Came to nothing",
            value: <a href={href("version", model, { version: row.repeats })}>v{row.repeats}</a>,
          },
          row.suspect !== null && { label: "Suspect", value: <Said text={row.suspect} /> },
          row.tainted !== null && { label: "Tainted", value: <Said text={row.tainted} /> },
          row.changed_at_source !== null && {
            label: "Changed at source",
            value: <When time={row.changed_at_source} />,
          },
          scores.length > 0 && {
            label: "Production on it",
            value: scores.map(([name, value]) => `${name} ${number(value)}`).join(", "),
          },
          { label: "Revision", value: <code>{row.revision}</code> },
        ]}
      />
      <Section title="Validation" id="validation">
        {verdict === null ? (
          <Nothing title="The verdict is not kept any more" />
        ) : (
          <>
            <p>
              <State of={verdict.outcome.startsWith("accepted") ? "accepted" : "quarantined"} />{" "}
              <Said text={verdict.summary || verdict.outcome} />
            </p>
            <p class="soft">
              {plural(verdict.expectations, "expectation")} on {plural(verdict.rows, "row")} in{" "}
              {duration(verdict.seconds)}
              {verdict.set_aside > 0 && `; ${plural(verdict.set_aside, "row")} set aside`}
              {verdict.unread > 0 && `; ${plural(verdict.unread, "row")} not read`}
            </p>
            {verdict.reasons.length > 0 && (
              <Table
                caption="What validation found"
                rows={verdict.reasons.map((reason, at) => ({ ...reason, at }))}
                id={(reason) => reason.at}
                columns={[
                  {
                    head: "Severity",
                    cell: (reason) => (
                      <Badge
                        tone={
                          reason.severity === "critical"
                            ? "bad"
                            : reason.severity === "warning"
                              ? "warn"
                              : "note"
                        }
                      >
                        {reason.severity}
                      </Badge>
                    ),
                  },
                  {
                    head: "Column",
                    names: true,
                    cell: (reason) => <bdi class="cut">{reason.column || "the whole slice"}</bdi>,
                  },
                  {
                    head: "What",
                    kind: "wide",
                    cell: (reason) => (
                      <>
                        <Said text={reason.message} />
                        {reason.why && (
                          <>
                            <br />
                            <span class="soft">
                              <Said text={reason.why} />
                            </span>
                          </>
                        )}
                      </>
                    ),
                  },
                  { head: "Rows", kind: "number", cell: (reason) => count(reason.unexpected_count) },
                  {
                    head: "Examples",
                    kind: "wide",
                    cell: (reason) =>
                      reason.examples.length === 0 ? (
                        <span class="soft">–</span>
                      ) : (
                        <span class="list">
                          {reason.examples.slice(0, 5).map((one, at) => (
                            <code key={at}>
                              <bdi>{one}</bdi>
                            </code>
                          ))}
                        </span>
                      ),
                  },
                ]}
              />
            )}
          </>
        )}
      </Section>
      {view.revisions.length > 0 && (
        <Section title="Revisions" id="revisions">
          <Table
            caption="Revisions that the store holds"
            rows={view.revisions}
            id={(one) => one.revision}
            columns={[
              { head: "Revision", names: true, cell: (one) => <code>{one.revision}</code> },
              {
                head: "Role",
                cell: (one) => (
                  <span class="chips">
                    {one.roles.map((role) => (
                      <Badge key={role} tone="plain">
                        {role}
                      </Badge>
                    ))}
                  </span>
                ),
              },
              { head: "Rows", kind: "number", cell: (one) => count(one.rows) },
              { head: "Made", cell: (one) => <When time={one.made} /> },
              { head: "How", kind: "wide", cell: (one) => <Said text={one.how} /> },
            ]}
          />
        </Section>
      )}
      <History view={view} />
    </>
  );
}
