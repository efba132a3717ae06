// The versions of a model, and the periods in which each was in production.

import type { JSX } from "preact";
import type { ModelAnswer } from "../../answers.ts";
import { count, duration, minute, number, signed, spoken } from "../../format.ts";
import { Badge, Nothing, Said, Section } from "../../parts/bits.tsx";
import { Age } from "../../parts/times.tsx";
import { Slices, State } from "../../parts/decisions.tsx";
import { Table } from "../../parts/table.tsx";
import { href } from "../../route.ts";
import type { VersionRow } from "../../schema.ts";

export function VersionTable({ view }: { view: ModelAnswer }): JSX.Element {
  const { model } = view.summary;
  const metric =
    view.summary.metric?.metric ??
    view.scores[0]?.metric ??
    Object.keys(view.versions[0]?.metrics ?? {})[0] ??
    "";
  if (view.versions.length === 0)
    return (
      <Section title="Versions" id="versions">
        <Nothing title="No version yet" />
      </Section>
    );
  return (
    <Section
      title="Versions"
      id="versions"
      aside={<span class="soft">{count(view.summary.versions)} in all</span>}
    >
      <Table
        caption="Versions, the newest first"
        rows={view.versions}
        id={(row) => row.version}
        most={10}
        marked={(row) => row.head}
        columns={[
          {
            head: "Version",
            names: true,
            kind: "tight",
            cell: (row) => (
              <>
                <a class="strong" href={href("version", model, { version: row.version })}>
                  v{row.version}
                </a>
                {row.head && (
                  <>
                    {" "}
                    <Badge tone="good">in production</Badge>
                  </>
                )}
              </>
            ),
          },
          {
            head: "State",
            cell: (row) => (
              <span class="chips">
                <State of={row.status} />
                {row.again && <Badge tone="note">{row.again}</Badge>}
                {row.late && <Badge tone="warn">late slice</Badge>}
                {row.shadow && <Badge tone="info">shadow</Badge>}
              </span>
            ),
          },
          { head: "Decided", kind: "wide", cell: (row) => <Decided row={row} /> },
          {
            head: "Approved by",
            cell: (row) =>
              row.approved_by ? (
                <bdi title={row.approved_why}>{row.approved_by}</bdi>
              ) : (
                <span class="soft">–</span>
              ),
          },
          { head: metric || "Metric", kind: "number", cell: (row) => <Compared row={row} metric={metric} /> },
          { head: "Slices", cell: (row) => <Slices model={model} list={row.slices} most={2} /> },
          { head: "Rows", kind: "number", cell: (row) => count(row.rows) },
          {
            head: "Trained",
            kind: "number",
            cell: (row) =>
              row.seconds === null ? (
                <span class="soft">–</span>
              ) : (
                <span title={`step ${row.step ?? "?"}, ${row.stopped_by}`}>{duration(row.seconds)}</span>
              ),
          },
          {
            head: "Parent",
            kind: "number",
            cell: (row) =>
              row.parent === null ? (
                <span class="soft">none</span>
              ) : (
                <a href={href("version", model, { version: row.parent })}>v{row.parent}</a>
              ),
          },
        ]}
      />
    </Section>
  );
}

function Decided({ row }: { row: VersionRow }): JSX.Element {
  if (!row.decided)
    return (
      <span class="soft">
        not yet; started <Age time={row.started} />
      </span>
    );
  return (
    <span>
      <Age time={row.decided.time} />{" "}
      <span class="soft">
        by <bdi>{row.decided.actor}</bdi>
      </span>
      <bdi class="reason two" title={row.decided.reason}>
        {row.decided.verdicts[0] ?? row.decided.reason}
      </bdi>
    </span>
  );
}

function Compared({ row, metric }: { row: VersionRow; metric: string }): JSX.Element {
  const own = row.metrics[metric];
  const champion = row.champion_metrics[metric];
  if (own === undefined) return <span class="soft">–</span>;
  return (
    <span>
      {number(own)}
      {champion !== undefined && (
        <span class="soft delta" title={`the champion had ${number(champion)} on the same rows`}>
          {signed(own - champion)}
        </span>
      )}
    </span>
  );
}

export function Periods({ view }: { view: ModelAnswer }): JSX.Element | null {
  const { model } = view.summary;
  if (view.periods.length === 0) return null;
  return (
    <Section title="In production since when, and why" id="periods">
      <Table
        caption="Periods in production, the newest first"
        rows={view.periods}
        id={(row) => `${row.version} ${row.since}`}
        most={10}
        marked={(row) => row.until === null}
        columns={[
          {
            head: "Version",
            names: true,
            kind: "tight",
            cell: (row) => (
              <a class="strong" href={href("version", model, { version: row.version })}>
                v{row.version}
              </a>
            ),
          },
          {
            head: "Since (UTC)",
            kind: "tight",
            cell: (row) => <span title={row.since}>{minute(row.since)}</span>,
          },
          {
            head: "For",
            kind: "tight",
            cell: (row) =>
              row.until === null ? (
                <Badge tone="good">now</Badge>
              ) : (
                duration((Date.parse(row.until) - Date.parse(row.since)) / 1000)
              ),
          },
          { head: "How", kind: "tight", cell: (row) => spoken(row.how) },
          { head: "By", cell: (row) => <bdi class="cut">{row.actor}</bdi> },
          { head: "Why", kind: "wide", cell: (row) => <Said text={row.why} /> },
        ]}
      />
    </Section>
  );
}
