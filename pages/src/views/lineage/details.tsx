// One version of the graph, in short.

import type { JSX } from "preact";
import { bytes, count, duration, number, plural, signed } from "../../format.ts";
import { Badge, Facts, Said } from "../../parts/bits.tsx";
import { When } from "../../parts/times.tsx";
import { Slices, State } from "../../parts/decisions.tsx";
import { Table, type Column } from "../../parts/table.tsx";
import { href } from "../../route.ts";
import type { LineageView, VersionRow } from "../../schema.ts";

const beside = (champion: Record<string, number>): Column<[string, number]>[] => [
  { head: "Champion", kind: "number", cell: ([name]) => number(champion[name]) },
  {
    head: "Difference",
    kind: "number",
    cell: ([name, value]) => {
      const other = champion[name];
      return other === undefined ? "–" : signed(value - other);
    },
  },
];

export function Details({
  model,
  row,
  view,
}: {
  model: string;
  row: VersionRow;
  view: LineageView;
}): JSX.Element {
  const metrics = Object.entries(row.metrics);
  const compared = Object.keys(row.champion_metrics).length > 0;
  const other = view.edges.filter(
    (edge) => edge.what !== "trained from" && (edge.source === row.version || edge.target === row.version),
  );
  const children = view.edges
    .filter((edge) => edge.what === "trained from" && edge.source === row.version)
    .map((edge) => edge.target);
  return (
    <aside class="details" aria-label={`Version ${row.version}`} aria-live="polite">
      <h2>
        Version {row.version} {row.head && <Badge tone="good">in production</Badge>}
      </h2>
      <p class="chips">
        <State of={row.status} />
        {row.again && <Badge tone="note">{row.again}</Badge>}
        {row.late && <Badge tone="warn">late slice</Badge>}
      </p>
      <Facts
        facts={[
          {
            label: "Trained from",
            value:
              row.parent === null ? (
                "initial weights"
              ) : (
                <a href={href("version", model, { version: row.parent })}>v{row.parent}</a>
              ),
          },
          children.length > 0 && {
            label: "Parent of",
            value: children.map((version) => `v${version}`).join(", "),
          },
          other.length > 0 && {
            label: "Also",
            value: other
              .map((edge) =>
                edge.source === row.version
                  ? `${edge.what} v${edge.target}`
                  : `v${edge.source} ${edge.what} this`,
              )
              .join("; "),
          },
          {
            label: "Slices",
            value: (
              <>
                <Slices model={model} list={row.slices} />
                <br />
                <span class="soft">{plural(row.rows, "row")}</span>
              </>
            ),
          },
          {
            label: "Training",
            value:
              row.seconds === null ? (
                "not ended"
              ) : (
                <>
                  {duration(row.seconds)}, step {count(row.step)}
                  <br />
                  <span class="soft">
                    ended by <bdi>{row.stopped_by || "–"}</bdi>
                  </span>
                </>
              ),
          },
          {
            label: "Checkpoints",
            value: row.nbytes === null ? "size not recorded" : `${bytes(row.nbytes)} added to the store`,
          },
          { label: "Started", value: <When time={row.started} /> },
        ]}
      />
      {metrics.length > 0 && (
        <Table
          caption={`Evaluation of version ${row.version}`}
          cards={false}
          rows={metrics}
          id={([name]) => name}
          columns={[
            { head: "Metric", names: true, cell: ([name]) => name },
            { head: "Candidate", kind: "number", cell: ([, value]) => number(value) },
            ...(compared ? beside(row.champion_metrics) : []),
          ]}
        />
      )}
      {row.decided?.reason && (
        <p class="note">
          <Said text={row.decided.reason} />{" "}
          <span class="soft">
            by <bdi>{row.decided.actor}</bdi>
          </span>
        </p>
      )}
      <a class="button" href={href("version", model, { version: row.version })}>
        Open version {row.version}
      </a>
    </aside>
  );
}
