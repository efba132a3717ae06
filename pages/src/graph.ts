// Where the versions of a lineage stand and how the edges run: left to right, in time.

import dagre from "@dagrejs/dagre";

export interface Node {
  version: number;
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface DrawnEdge {
  source: number;
  target: number;
  what: string;
  path: string;
  label: { x: number; y: number } | null;
}
export interface Laid {
  nodes: Node[];
  edges: DrawnEdge[];
  width: number;
  height: number;
}

const WIDTH = 118;
const HEIGHT = 46;
const ROOM = 18; // of a label, to the drawing's edge

/** Places for the versions and paths for those edges whose both ends are among them. */
export function laidOut(versions: number[], edges: { source: number; target: number; what: string }[]): Laid {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 22, ranksep: 44, marginx: 20, marginy: 20 });
  const there = new Set(versions);
  for (const version of versions) graph.setNode(String(version), { width: WIDTH, height: HEIGHT });
  const drawn = edges.filter(
    (edge) => there.has(edge.source) && there.has(edge.target) && edge.source !== edge.target,
  );
  // only what a version was trained from places it: a rollback goes back, and must not pull its ends apart
  for (const edge of drawn)
    if (edge.what === "trained from") graph.setEdge(String(edge.source), String(edge.target), {}, edge.what);
  dagre.layout(graph);
  const nodes = versions.map((version): Node => {
    const at = graph.node(String(version)) as { x: number; y: number };
    return { version, x: at.x - WIDTH / 2, y: at.y - HEIGHT / 2, width: WIDTH, height: HEIGHT };
  });
  const place = new Map(nodes.map((node) => [node.version, node]));
  const arcs = drawn.map((edge): DrawnEdge => {
    const from = place.get(edge.source);
    const to = place.get(edge.target);
    if (!from || !to) return { ...edge, path: "", label: null };
    if (edge.what === "trained from") {
      const { points } = graph.edge({ v: String(edge.source), w: String(edge.target), name: edge.what }) as {
        points: { x: number; y: number }[];
      };
      return { ...edge, path: smooth(points), label: null };
    }
    return { ...edge, ...arc(from, to, nodes, edge.what.startsWith("rolled")) };
  });
  const size = graph.graph() as { width?: number; height?: number };
  const labels = arcs.flatMap((edge) => (edge.label ? [edge.label.y] : []));
  const above = Math.max(0, ...labels.map((y) => ROOM - y));
  const below = Math.max(0, ...labels.map((y) => y + ROOM - (size.height ?? HEIGHT)));
  const moved = (path: string): string =>
    path.replace(
      /(-?[\d.]+),(-?[\d.]+)/g,
      (_, x: string, y: string) => `${x},${(Number(y) + above).toFixed(1)}`,
    );
  return {
    nodes: nodes.map((node) => ({ ...node, y: node.y + above })),
    edges: arcs.map((edge) => ({
      ...edge,
      path: moved(edge.path),
      label: edge.label && { x: edge.label.x, y: edge.label.y + above },
    })),
    width: Math.ceil(size.width ?? WIDTH),
    height: Math.ceil((size.height ?? HEIGHT) + above + below),
  };
}

function smooth(points: { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const text = (x: number, y: number): string => `${x.toFixed(1)},${y.toFixed(1)}`;
  let path = `M${text(first.x, first.y)}`;
  let before = first;
  for (const point of rest) {
    const middle = (before.x + point.x) / 2;
    path += `C${text(middle, before.y)} ${text(middle, point.y)} ${text(point.x, point.y)}`;
    before = point;
  }
  return path;
}

// what is no training runs in an arc beside the others: above, or below when it goes back, if there is nothing in its way
function arc(
  from: Node,
  to: Node,
  nodes: Node[],
  back: boolean,
): { path: string; label: { x: number; y: number } } {
  const blocked = (under: boolean): boolean =>
    [from, to].some((end) =>
      nodes.some((one) => Math.abs(one.x - end.x) < WIDTH && (under ? one.y > end.y : one.y < end.y)),
    );
  const below = blocked(back) && !blocked(!back) ? !back : back;
  const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2];
  const side = (node: Node): number => (below ? node.y + node.height : node.y);
  const [y1, y2] = [side(from), side(to)];
  const between = nodes.filter((one) => {
    const x = one.x + one.width / 2;
    return one === from || one === to || (x > Math.min(x1, x2) && x < Math.max(x1, x2));
  });
  const far = (below ? Math.max : Math.min)(...between.map(side));
  const high = Math.min(48, 20 + Math.abs(x1 - x2) / 16);
  const middle = far + (below ? high : -high);
  const turn = (middle - (y1 + y2) / 8) / 0.75; // half way, the curve is at `middle`
  const text = (x: number, y: number): string => `${x.toFixed(1)},${y.toFixed(1)}`;
  return {
    path: `M${text(x1, y1)}C${text(x1, turn)} ${text(x2, turn)} ${text(x2, y2)}`,
    label: { x: (x1 + x2) / 2, y: middle + (below ? 12 : -4) },
  };
}
