// The graph of versions: who was trained from whom, what a rebase replaced, what was rolled back to.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { useJson } from "../api.ts";
import { plural } from "../format.ts";
import { Nothing } from "../parts/bits.tsx";
import { Slices, State } from "../parts/decisions.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table } from "../parts/table.tsx";
import { href, type Route } from "../route.ts";
import type { LineageView, VersionRow } from "../schema.ts";
import { Graph } from "./lineage/drawn.tsx";
import { Details } from "./lineage/details.tsx";

export function LineagePage({ route }: { route: Route }): JSX.Element {
  const asked = useJson<LineageView>(`models/${encodeURIComponent(route.model)}/lineage`);
  return (
    <>
      <div class="page-head">
        <h1>Lineage</h1>
        <Fresh asked={asked} />
      </div>
      <Answered asked={asked}>
        {(view) =>
          view.versions.length === 0 ? (
            <Nothing title="No version yet">
              <p>The graph grows with the first training.</p>
            </Nothing>
          ) : (
            <Lineage view={view} chosen={Number(route.query["v"] ?? 0)} />
          )
        }
      </Answered>
    </>
  );
}

function Lineage({ view, chosen }: { view: LineageView; chosen: number }): JSX.Element {
  const sorted = useMemo(() => [...view.versions].sort((a, b) => a.version - b.version), [view]);
  const [most, setMost] = useState(40);
  const [asTable, setAsTable] = useState(false);
  const shown = sorted.slice(-most);
  const [selected, setSelected] = useState(chosen || view.head || shown.at(-1)?.version || 0);
  const row = sorted.find((one) => one.version === selected);
  const cut = sorted.length - shown.length + view.left_out;
  const pick = (version: number): void => {
    setSelected(version);
    history.replaceState(null, "", href("lineage", view.model, { query: { v: String(version) } }));
  };
  return (
    <>
      <div class="tools">
        <label class="pick">
          Versions{" "}
          <select value={String(most)} onChange={(event) => setMost(Number(event.currentTarget.value))}>
            {[40, 100, 300]
              .filter((_, at, all) => at === 0 || (all[at - 1] ?? 0) < sorted.length)
              .map((one) => (
                <option key={one} value={String(one)}>
                  last {one}
                </option>
              ))}
          </select>
        </label>
        {cut > 0 && <span class="soft">{plural(cut, "earlier version")} not drawn</span>}
        <button type="button" class="push" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          Show as table
        </button>
      </div>
      <div class="lineage">
        {asTable ? (
          <Edges view={view} rows={shown} />
        ) : (
          <Graph view={view} rows={shown} selected={selected} pick={pick} />
        )}
        {row && <Details model={view.model} row={row} view={view} />}
      </div>
    </>
  );
}

function Edges({ view, rows }: { view: LineageView; rows: VersionRow[] }): JSX.Element {
  return (
    <Table
      caption="Versions and where they came from"
      rows={[...rows].reverse()}
      id={(row) => row.version}
      most={40}
      marked={(row) => row.head}
      columns={[
        {
          head: "Version",
          names: true,
          cell: (row) => (
            <a href={href("version", view.model, { version: row.version })}>
              v{row.version}
              {row.head ? " (in production)" : ""}
            </a>
          ),
        },
        { head: "State", cell: (row) => <State of={row.status} /> },
        {
          head: "Came of",
          kind: "wide",
          cell: (row) =>
            view.edges
              .filter((edge) => edge.target === row.version && edge.what === "trained from")
              .map((edge) => `v${edge.source}`)
              .join(", ") || "initial weights",
        },
        {
          head: "Also",
          kind: "wide",
          cell: (row) =>
            view.edges
              .filter((edge) => edge.what !== "trained from" && edge.source === row.version)
              .map((edge) => `${edge.what} v${edge.target}`)
              .join("; ") || "–",
        },
        { head: "Slices", cell: (row) => <Slices model={view.model} list={row.slices} most={3} /> },
      ]}
    />
  );
}
