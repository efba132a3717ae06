// How a decision, a version's state and a slice's state are named and marked, the same on every page.

import type { JSX } from "preact";
import { firstLine, spoken } from "../format.ts";
import { href } from "../route.ts";
import type { Attention, Decision } from "../schema.ts";
import { Badge, Command, Said, type Tone } from "./bits.tsx";
import { Age } from "./times.tsx";

const TONES: Record<string, Tone> = {
  promoted: "good",
  accepted: "good",
  approved: "good",
  released: "good",
  consumed: "good",
  success: "good",
  append: "good",
  rejected: "bad",
  quarantined: "bad",
  tainted: "bad",
  failed: "bad",
  missing: "bad",
  withdrawn: "warn",
  discarded: "plain",
  "rolled back": "warn",
  late: "warn",
  hold: "warn",
  held: "warn",
  suspect: "warn",
  deferred: "plain",
  "update deferred": "plain",
  evaluated: "info",
  trained: "info",
  started: "info",
  queued: "plain",
  running: "info",
  shadow: "info",
  replayed: "note",
  replaced: "plain",
  fork: "note",
  skip: "plain",
};

/** A state in its own shape. */
export function State({ of, title }: { of: string; title?: string | undefined }): JSX.Element {
  const word = spoken(of);
  return (
    <Badge tone={TONES[word] ?? "plain"} title={title}>
      {word}
    </Badge>
  );
}

const URGENT = new Set([
  "on hold",
  "champion is tainted",
  "below its floor",
  "log cannot be read",
  "freshness objective missed",
]);
const SOON = new Set([
  "awaits approval",
  "late slice awaits a decision",
  "suspect slice",
  "slice in quarantine",
  "rebase is due",
]);

export const urgency = (what: string): Tone => (URGENT.has(what) ? "bad" : SOON.has(what) ? "warn" : "note");

/** Where a person decides on it. */
export function attentionHref(model: string, one: Attention): string {
  switch (one.what) {
    case "awaits approval":
    case "last candidate rejected":
    case "training is slower":
      return one.version === null ? href("model", model) : href("version", model, { version: one.version });
    case "rebase is due":
      return href("plan", model);
    case "slice is missing":
      return href("slices", model, { query: { status: "missing" } });
    default:
      return one.slices.length === 1
        ? href("slices", model, { key: one.slices[0] })
        : one.slices.length > 1
          ? href("slices", model)
          : href("model", model);
  }
}

/** What needs a person on a model, the most urgent first. */
export function AttentionList({ model, list }: { model: string; list: Attention[] }): JSX.Element | null {
  if (list.length === 0) return null;
  return (
    <ul class="attention" aria-label="What needs a person">
      {list.map((one, at) => (
        <li key={at}>
          <a href={attentionHref(model, one)}>
            <Badge tone={urgency(one.what)}>{one.what}</Badge>
          </a>
          <span class="attention-text">
            <Said text={one.message} />
          </span>
          {one.command && <Command text={one.command} />}
        </li>
      ))}
    </ul>
  );
}

/** A decision in a line: what, on which version, when, by whom and why. */
export function DecisionLine({
  model,
  one,
  why = true,
}: {
  model: string;
  one: Decision | null;
  why?: boolean;
}): JSX.Element {
  if (one === null) return <span class="soft">none yet</span>;
  return (
    <span class="decision">
      <State of={one.what} />{" "}
      {one.version !== null && <a href={href("version", model, { version: one.version })}>v{one.version}</a>}{" "}
      <span class="soft">
        <Age time={one.time} />
      </span>
      {why && one.reason && (
        <bdi class="reason one" title={one.reason}>
          {firstLine(one.reason)}
        </bdi>
      )}
    </span>
  );
}

/** Links to versions. */
export function Versions({
  model,
  list,
  most = 8,
}: {
  model: string;
  list: number[];
  most?: number;
}): JSX.Element {
  if (list.length === 0) return <span class="soft">none</span>;
  return (
    <span class="list">
      {list.slice(0, most).map((version) => (
        <a key={version} href={href("version", model, { version })}>
          v{version}
        </a>
      ))}
      {list.length > most && (
        <span
          class="soft"
          title={list
            .slice(most)
            .map((version) => `v${version}`)
            .join(", ")}
        >
          and {list.length - most} more
        </span>
      )}
    </span>
  );
}

/** Links to slices. */
export function Slices({
  model,
  list,
  most = 6,
}: {
  model: string;
  list: string[];
  most?: number;
}): JSX.Element {
  if (list.length === 0) return <span class="soft">none</span>;
  return (
    <span class="list">
      {list.slice(0, most).map((key) => (
        <a key={key} href={href("slices", model, { key })}>
          <bdi>{key}</bdi>
        </a>
      ))}
      {list.length > most && (
        <span class="soft" title={list.slice(most).join(", ")}>
          and {list.length - most} more
        </span>
      )}
    </span>
  );
}
