// The small parts of all pages: times, badges, tips, links, what is shown while something loads or fails.

import type { ComponentChildren, JSX, TargetedMouseEvent } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { Refused } from "../api.ts";
import { ago, minute, utc } from "../format.ts";

/** The browser's clock, which moves on by itself so that ages do. */
function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** An age, with the whole time to hover and to be read out. */
export function Age({ time }: { time: string }): JSX.Element {
  const now = useNow();
  if (!time) return <span class="soft">–</span>;
  const whole = utc(time);
  return <time dateTime={time} title={whole}>{ago(time, now)}<span class="unseen"> ({whole})</span></time>;
}

/** A whole time with its age, for where there is room. */
export function When({ time }: { time: string }): JSX.Element {
  const now = useNow();
  if (!time) return <span class="soft">–</span>;
  return <time dateTime={time} title={utc(time)}>{minute(time)} UTC <span class="soft">{ago(time, now)}</span></time>;
}

export type Tone = "good" | "bad" | "warn" | "info" | "note" | "plain";

const GLYPHS: Record<Tone, string> = { good: "✓", bad: "✕", warn: "!", info: "●", note: "◆", plain: "○" };

/** A word with a shape of its own, so that it is told apart without its colour. */
export function Badge({ tone = "plain", title, children }: {
  tone?: Tone; title?: string | undefined; children: ComponentChildren;
}): JSX.Element {
  return <span class={`badge ${tone}`} title={title}><span class="glyph" aria-hidden="true">{GLYPHS[tone]}</span>{children}</span>;
}

/** Text from data: whole in the title, cut by its box, in its own direction. */
export function Cut({ text, class: kind = "" }: { text: string; class?: string }): JSX.Element {
  return <bdi class={`cut ${kind}`} title={text}>{text}</bdi>;
}

/** Text from data as it is, in its own direction. */
export function Said({ text }: { text: string }): JSX.Element {
  return <bdi class="said">{text}</bdi>;
}

/** A short thing that shows more on hover and on focus, and by Escape less. */
export function Tip({ label, children, class: kind = "" }: {
  label: ComponentChildren; children: ComponentChildren; class?: string;
}): JSX.Element {
  const id = useId();
  const [hidden, setHidden] = useState(false);
  return (
    <span class={`tip ${kind}`} data-hidden={hidden || undefined}
      onKeyDown={(event) => event.key === "Escape" && setHidden(true)}
      onMouseEnter={() => setHidden(false)} onFocusIn={() => setHidden(false)}>
      <button type="button" class="tip-label" aria-describedby={id}>{label}</button>
      <span role="tooltip" id={id} class="tip-more">{children}</span>
    </span>
  );
}

/** Leaves the frame that Airflow shows the page in: the whole window goes to one of Airflow's own pages. */
export function AirflowLink({ to, children, class: kind }: {
  to: string; children: ComponentChildren; class?: string;
}): JSX.Element {
  const follow = (event: TargetedMouseEvent<HTMLAnchorElement>): void => {
    if (window.top === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // the frame may not move the window, but the window's own document may, and it is of the same origin
    try {
      const link = window.top!.document.createElement("a");
      link.href = event.currentTarget.href;
      link.click();
    } catch {
      window.open(event.currentTarget.href, "_blank", "noopener");
    }
  };
  return <a href={to} class={kind} onClick={follow}>{children}</a>;
}

/** What stands where something is about to be. */
export function Skeleton({ lines = 6, label = "Loading" }: { lines?: number; label?: string }): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, at) => <div key={at} class="bone" />)}
    </div>
  );
}

/** What happened, what is safe and what to do next. */
export function Trouble({ error, again }: { error: Refused; again?: () => void }): JSX.Element {
  return (
    <div class="trouble" role="alert">
      <p class="what"><Said text={error.what} /></p>
      {error.safe && <p><strong>Safe:</strong> <Said text={error.safe} /></p>}
      {error.next && <p><strong>Next:</strong> <Said text={error.next} /></p>}
      {again && <button type="button" onClick={again}>Ask again</button>}
    </div>
  );
}

/** Where there is nothing, and why. */
export function Nothing({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return <div class="nothing"><p class="title">{title}</p>{children}</div>;
}

/** A command of `ckpt-ops`, with a button that copies it. */
export function Command({ text, what = "command" }: { text: string; what?: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    const done = (): void => setCopied(true);
    if (navigator.clipboard) void navigator.clipboard.writeText(text).then(done, () => byHand(text, done));
    else byHand(text, done);
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" class="quiet" onClick={copy} aria-label={`Copy ${what}: ${text}`}>{copied ? "Copied" : "Copy"}</button>
    </span>
  );
}

// without TLS a browser has no clipboard to write to
function byHand(text: string, done: () => void): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  if (document.execCommand("copy")) done();
  area.remove();
}

/** A part of a page, with a heading that a screen reader lists. */
export function Section({ title, id, aside, children, note }: {
  title: string; id: string; aside?: ComponentChildren; children: ComponentChildren; note?: string;
}): JSX.Element {
  return (
    <section class="part" aria-labelledby={id}>
      <div class="part-head"><h2 id={id}>{title}</h2>{aside}</div>
      {note && <p class="note soft">{note}</p>}
      {children}
    </section>
  );
}

export interface Fact { label: string; value: ComponentChildren }

/** Names with values. */
export function Facts({ facts }: { facts: (Fact | false | null | undefined)[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts.filter((fact): fact is Fact => Boolean(fact)).map(({ label, value }) => (
        <div key={label}><dt>{label}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}
