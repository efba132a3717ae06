// The graph of versions: who was trained from whom, what a rebase replaced, what was rolled back to.

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useJson } from "../api.ts";
import { bytes, count, duration, number, plural, signed } from "../format.ts";
import { Badge, Facts, Nothing, Said, Skeleton, When } from "../parts/bits.tsx";
import { Slices, State } from "../parts/decisions.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Scrolled, Table } from "../parts/table.tsx";
import type * as graphs from "../graph.ts";
import type { Laid } from "../graph.ts";
import { href, type Route } from "../route.ts";
import type { LineageView, VersionRow } from "../schema.ts";

export function LineagePage({ route }: { route: Route }): JSX.Element {
  const asked = useJson<LineageView>(`models/${encodeURIComponent(route.model)}/lineage`);
  return (
    <>
      <div class="page-head"><h1>Lineage</h1><Fresh asked={asked} /></div>
      <Answered asked={asked}>{(view) => view.versions.length === 0
        ? <Nothing title="No version yet"><p>The graph grows with the first training.</p></Nothing>
        : <Lineage view={view} chosen={Number(route.query["v"] ?? 0)} />}</Answered>
    </>
  );
}

declare const GRAPH: string; // digest of the file; see build.mjs

// the code that lays graphs out is a third of all: it comes when the first graph is drawn
const drawing = (): Promise<typeof graphs> => import(`./graph.js?v=${GRAPH}`) as Promise<typeof graphs>;

const GLYPHS: Record<string, string> = {
  promoted: "▲", rejected: "✕", "rolled back": "↺", deferred: "○", replayed: "■", replaced: "□", evaluated: "●", trained: "●", started: "…",
};

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
        <label class="pick">Versions <select value={String(most)} onChange={(event) => setMost(Number(event.currentTarget.value))}>
          {[40, 100, 300].filter((_, at, all) => at === 0 || (all[at - 1] ?? 0) < sorted.length).map((one) => <option key={one} value={String(one)}>last {one}</option>)}
        </select></label>
        {cut > 0 && <span class="soft">{plural(cut, "earlier version")} not drawn</span>}
        <button type="button" class="push" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>Show as table</button>
      </div>
      <div class="lineage">
        {asTable ? <Edges view={view} rows={shown} /> : <Graph view={view} rows={shown} selected={selected} pick={pick} />}
        {row && <Details model={view.model} row={row} view={view} />}
      </div>
    </>
  );
}

function Graph({ view, rows, selected, pick }: {
  view: LineageView; rows: VersionRow[]; selected: number; pick: (version: number) => void;
}): JSX.Element {
  const [laid, setLaid] = useState<Laid>();
  useEffect(() => {
    let wanted = true;
    void drawing().then(({ laidOut }) => { if (wanted) setLaid(laidOut(rows.map((row) => row.version), view.edges)); });
    return () => { wanted = false; };
  }, [rows.length, view]);
  const here = useRef<HTMLButtonElement>(null);
  useEffect(() => here.current?.scrollIntoView({ block: "nearest", inline: "center" }), [laid]);
  const of = new Map(rows.map((row) => [row.version, row]));
  // arrows walk along edges, so that a keyboard need not pass every version
  const press = (event: TargetedKeyboardEvent<HTMLElement>, version: number): void => {
    const order = rows.map((row) => row.version);
    const at = order.indexOf(version);
    const to = event.key === "ArrowRight" || event.key === "ArrowDown" ? order[at + 1]
      : event.key === "ArrowLeft" || event.key === "ArrowUp" ? order[at - 1]
      : event.key === "Home" ? order[0] : event.key === "End" ? order.at(-1) : undefined;
    if (to === undefined) return;
    event.preventDefault();
    pick(to);
    event.currentTarget.parentElement?.querySelector<HTMLElement>(`[data-version="${to}"]`)?.focus();
  };
  if (laid === undefined) return <Skeleton lines={5} label="Drawing the graph" />;
  return (
    <div class="graph-box">
      <Scrolled label="Graph of versions" class="graph">
        <div class="canvas" style={{ width: `${laid.width}px`, height: `${laid.height}px` }}>
          <svg width={laid.width} height={laid.height} aria-hidden="true">
            <defs>
              <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8Z" class="arrow" /></marker>
            </defs>
            {laid.edges.map((edge) => (
              <g key={`${edge.source}-${edge.target}-${edge.what}`} class={`edge ${edge.what === "trained from" ? "" : edge.what.startsWith("rolled") ? "back" : "again"}`}>
                <path d={edge.path} marker-end="url(#tip)" />
                {edge.label && <text x={edge.label.x} y={edge.label.y}>{edge.what}</text>}
              </g>
            ))}
          </svg>
          {laid.nodes.map((node) => {
            const row = of.get(node.version);
            if (!row) return null;
            const chosen = node.version === selected;
            return (
              <button key={node.version} type="button" ref={chosen ? here : null} data-version={node.version} aria-pressed={chosen} tabIndex={chosen ? 0 : -1}
                class={`node ${row.status.replace(" ", "-")} ${row.head ? "head" : ""}`} onClick={() => pick(node.version)} onKeyDown={(event) => press(event, node.version)}
                style={{ left: `${node.x}px`, top: `${node.y}px`, width: `${node.width}px`, height: `${node.height}px` }}>
                <span class="node-name"><span aria-hidden="true">{GLYPHS[row.status] ?? "○"}</span> v{node.version}{row.head && <span class="head-mark">head</span>}<span class="unseen">, {row.status}, </span></span>
                <span class="node-note"><bdi>{row.again || (row.slices.length > 1 ? `${row.slices.length} slices` : row.slices[0] ?? "no slice")}</bdi></span>
              </button>
            );
          })}
        </div>
      </Scrolled>
      <ul class="legend" aria-label="What the marks mean">
        {Object.entries(GLYPHS).filter(([status]) => rows.some((row) => row.status === status)).map(([status, glyph]) => <li key={status}><span aria-hidden="true">{glyph}</span> {status}</li>)}
        <li><span class="stroke" aria-hidden="true" /> trained from</li>
        {laid.edges.some((edge) => edge.what === "replaces") && <li><span class="stroke dashed" aria-hidden="true" /> replaces</li>}
        {laid.edges.some((edge) => edge.what.startsWith("rolled")) && <li><span class="stroke dotted" aria-hidden="true" /> rolled back to</li>}
      </ul>
    </div>
  );
}

function Details({ model, row, view }: { model: string; row: VersionRow; view: LineageView }): JSX.Element {
  const metrics = Object.entries(row.metrics);
  const other = view.edges.filter((edge) => edge.what !== "trained from" && (edge.source === row.version || edge.target === row.version));
  const children = view.edges.filter((edge) => edge.what === "trained from" && edge.source === row.version).map((edge) => edge.target);
  return (
    <aside class="details" aria-label={`Version ${row.version}`} aria-live="polite">
      <h2>Version {row.version} {row.head && <Badge tone="good">in production</Badge>}</h2>
      <p class="chips"><State of={row.status} />{row.again && <Badge tone="note">{row.again}</Badge>}{row.late && <Badge tone="warn">late slice</Badge>}</p>
      <Facts facts={[
        { label: "Trained from", value: row.parent === null ? "initial weights" : <a href={href("version", model, { version: row.parent })}>v{row.parent}</a> },
        children.length > 0 && { label: "Parent of", value: children.map((version) => `v${version}`).join(", ") },
        other.length > 0 && { label: "Also", value: other.map((edge) => edge.source === row.version ? `${edge.what} v${edge.target}` : `v${edge.source} ${edge.what} this`).join("; ") },
        { label: "Slices", value: <><Slices model={model} list={row.slices} /><br /><span class="soft">{plural(row.rows, "row")}</span></> },
        { label: "Training", value: row.seconds === null ? "not ended" : <>{duration(row.seconds)}, step {count(row.step)}<br /><span class="soft">ended by <bdi>{row.stopped_by || "–"}</bdi></span></> },
        { label: "Checkpoints", value: row.nbytes === null ? "size not recorded" : `${bytes(row.nbytes)} added to the store` },
        { label: "Started", value: <When time={row.started} /> },
      ]} />
      {metrics.length > 0 && (
        <Table caption={`Evaluation of version ${row.version}`} cards={false} rows={metrics} id={([name]) => name} columns={[
          { head: "Metric", names: true, cell: ([name]) => name },
          { head: "Candidate", kind: "number", cell: ([, value]) => number(value) },
          { head: "Champion", kind: "number", cell: ([name]) => number(row.champion_metrics[name]) },
          { head: "Gain", kind: "number", cell: ([name, value]) => { const champion = row.champion_metrics[name]; return champion === undefined ? "–" : signed(value - champion); } },
        ]} />
      )}
      {row.decided?.reason && <p class="note"><Said text={row.decided.reason} /> <span class="soft">by <bdi>{row.decided.actor}</bdi></span></p>}
      <a class="button" href={href("version", model, { version: row.version })}>Open version {row.version}</a>
    </aside>
  );
}

function Edges({ view, rows }: { view: LineageView; rows: VersionRow[] }): JSX.Element {
  return (
    <Table caption="Versions and where they came from" rows={[...rows].reverse()} id={(row) => row.version} most={40} marked={(row) => row.head} columns={[
      { head: "Version", names: true, cell: (row) => <a href={href("version", view.model, { version: row.version })}>v{row.version}{row.head ? " (in production)" : ""}</a> },
      { head: "State", cell: (row) => <State of={row.status} /> },
      { head: "Came of", kind: "wide", cell: (row) => view.edges.filter((edge) => edge.target === row.version && edge.what === "trained from").map((edge) => `v${edge.source}`).join(", ") || "initial weights" },
      { head: "Also", kind: "wide", cell: (row) => view.edges.filter((edge) => edge.what !== "trained from" && edge.source === row.version).map((edge) => `${edge.what} v${edge.target}`).join("; ") || "–" },
      { head: "Slices", cell: (row) => <Slices model={view.model} list={row.slices} most={3} /> },
    ]} />
  );
}
