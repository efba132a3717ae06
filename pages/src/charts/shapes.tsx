// What happened to a version or a slice, each as a shape of its own with a word, so that colour only helps.

import type { JSX } from "preact";

export interface Look {
  path: string;
  tone: string;
  word: string;
}

const LOOKS: Record<string, Look> = {
  promoted: { path: "M0-5.2L5 4.2H-5Z", tone: "good", word: "promoted" },
  rejected: { path: "M-4-4L4 4M4-4L-4 4", tone: "bad", word: "rejected" },
  "rolled back": {
    path: "M-4.5 0A4.5 4.5 0 1 0-1.5-4.2M-1.5-7L-2-4L1-3.2",
    tone: "warn",
    word: "rolled back",
  },
  quarantined: { path: "M0-5.4L5.4 0L0 5.4L-5.4 0Z", tone: "bad", word: "quarantined" },
  deferred: { path: "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0", tone: "soft", word: "deferred" },
  retrained: {
    path: "M0-5.5L1.6-1.7L5.6-1.4L2.5 1.2L3.5 5.1L0 3L-3.5 5.1L-2.5 1.2L-5.6-1.4L-1.6-1.7Z",
    tone: "info",
    word: "retrained",
  },
  rebase: { path: "M-4.4-4.4H4.4V4.4H-4.4Z", tone: "note", word: "rebase" },
};
const OPEN = new Set(["rejected", "rolled back", "deferred"]);
const PLAIN: Look = { path: "M-2 0A2 2 0 1 0 2 0A2 2 0 1 0-2 0", tone: "soft", word: "" };

export const look = (what: string): Look => LOOKS[what] ?? { ...PLAIN, word: what };

/** The shape, around its own middle. */
export function Shape({
  what,
  x = 0,
  y = 0,
  size = 1,
}: {
  what: string;
  x?: number;
  y?: number;
  size?: number;
}): JSX.Element {
  const { path, tone } = look(what);
  return (
    <path
      d={path}
      transform={`translate(${x} ${y}) scale(${size})`}
      class={`shape ${tone} ${OPEN.has(what) ? "open" : "full"}`}
    />
  );
}

/** Shapes with their words. */
export function Legend({ of }: { of: string[] }): JSX.Element {
  return (
    <ul class="legend" aria-label="Marks">
      {of.map((what) => (
        <li key={what}>
          <svg viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">
            <Shape what={what} />
          </svg>
          {look(what).word}
        </li>
      ))}
    </ul>
  );
}
