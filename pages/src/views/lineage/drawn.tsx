// The graph, drawn: versions as buttons over the edges between them.

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Skeleton } from "../../parts/bits.tsx";
import { Scrolled } from "../../parts/table.tsx";
import type * as graphs from "../../graph.ts";
import type { Laid } from "../../graph.ts";
import type { LineageView, VersionRow } from "../../schema.ts";

declare const GRAPH: string; // digest of the file; see build.mjs

// the code that lays graphs out is a third of all: it comes when the first graph is drawn
const drawing = (): Promise<typeof graphs> => import(`./graph.js?v=${GRAPH}`) as Promise<typeof graphs>;

const GLYPHS: Record<string, string> = {
  promoted: "▲",
  rejected: "✕",
  "rolled back": "↺",
  deferred: "○",
  replayed: "■",
  replaced: "□",
  evaluated: "●",
  trained: "●",
  started: "…",
};

export function Graph({
  view,
  rows,
  selected,
  pick,
}: {
  view: LineageView;
  rows: VersionRow[];
  selected: number;
  pick: (version: number) => void;
}): JSX.Element {
  const [laid, setLaid] = useState<Laid>();
  useEffect(() => {
    let wanted = true;
    void drawing().then(({ laidOut }) => {
      if (wanted)
        setLaid(
          laidOut(
            rows.map((row) => row.version),
            view.edges,
          ),
        );
    });
    return () => {
      wanted = false;
    };
  }, [rows.length, view]);
  const here = useRef<HTMLButtonElement>(null);
  useEffect(() => here.current?.scrollIntoView({ block: "nearest", inline: "center" }), [laid]);
  const of = new Map(rows.map((row) => [row.version, row]));
  // arrows walk along edges, so that a keyboard need not pass every version
  const press = (event: TargetedKeyboardEvent<HTMLElement>, version: number): void => {
    const order = rows.map((row) => row.version);
    const at = order.indexOf(version);
    const to =
      event.key === "ArrowRight" || event.key === "ArrowDown"
        ? order[at + 1]
        : event.key === "ArrowLeft" || event.key === "ArrowUp"
          ? order[at - 1]
          : event.key === "Home"
            ? order[0]
            : event.key === "End"
              ? order.at(-1)
              : undefined;
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
              <marker
                id="tip"
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="7"
                markerHeight="7"
                orient="auto-start-reverse"
              >
                <path d="M0 0L8 4L0 8Z" class="arrow" />
              </marker>
            </defs>
            {laid.edges.map((edge) => (
              <g
                key={`${edge.source}-${edge.target}-${edge.what}`}
                class={`edge ${edge.what === "trained from" ? "" : edge.what.startsWith("rolled") ? "back" : "again"}`}
              >
                <path d={edge.path} marker-end="url(#tip)" />
                {edge.label && (
                  <text x={edge.label.x} y={edge.label.y}>
                    {edge.what}
                  </text>
                )}
              </g>
            ))}
          </svg>
          {laid.nodes.map((node) => {
            const row = of.get(node.version);
            if (!row) return null;
            const chosen = node.version === selected;
            return (
              <button
                key={node.version}
                type="button"
                ref={chosen ? here : null}
                data-version={node.version}
                aria-pressed={chosen}
                tabIndex={chosen ? 0 : -1}
                class={`node ${row.status.replace(" ", "-")} ${row.head ? "head" : ""}`}
                onClick={() => pick(node.version)}
                onKeyDown={(event) => press(event, node.version)}
                style={{
                  left: `${node.x}px`,
                  top: `${node.y}px`,
                  width: `${node.width}px`,
                  height: `${node.height}px`,
                }}
              >
                <span class="node-name">
                  <span aria-hidden="true">{GLYPHS[row.status] ?? "○"}</span> v{node.version}
                  {row.head && <span class="head-mark">head</span>}
                  <span class="unseen">, {row.status}, </span>
                </span>
                <span class="node-note">
                  <bdi>
                    {row.again ||
                      (row.slices.length > 1 ? `${row.slices.length} slices` : (row.slices[0] ?? "no slice"))}
                  </bdi>
                </span>
              </button>
            );
          })}
        </div>
      </Scrolled>
      <ul class="legend" aria-label="What the marks mean">
        {Object.entries(GLYPHS)
          .filter(([status]) => rows.some((row) => row.status === status))
          .map(([status, glyph]) => (
            <li key={status}>
              <span aria-hidden="true">{glyph}</span> {status}
            </li>
          ))}
        <li>
          <span class="stroke" aria-hidden="true" /> trained from
        </li>
        {laid.edges.some((edge) => edge.what === "replaces") && (
          <li>
            <span class="stroke dashed" aria-hidden="true" /> replaces
          </li>
        )}
        {laid.edges.some((edge) => edge.what.startsWith("rolled")) && (
          <li>
            <span class="stroke dotted" aria-hidden="true" /> rolled back to
          </li>
        )}
      </ul>
    </div>
  );
}
