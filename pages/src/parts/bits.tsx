// The small parts of all pages: times, badges, tips, links, what is shown while something loads or fails.

import type { ComponentChildren, JSX, TargetedMouseEvent } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { Refused } from "../api.ts";

export type Tone = "good" | "bad" | "warn" | "info" | "note" | "plain";

const GLYPHS: Record<Tone, string> = { good: "✓", bad: "✕", warn: "!", info: "●", note: "◆", plain: "○" };

/** A word with a shape of its own, so that it is told apart without its colour. */
export function Badge({
  tone = "plain",
  title,
  children,
}: {
  tone?: Tone;
  title?: string | undefined;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`badge ${tone}`} title={title}>
      <span class="glyph" aria-hidden="true">
        {GLYPHS[tone]}
      </span>
      {children}
    </span>
  );
}

/** Text from data: whole in the title, cut by its box, in its own direction. */
export function Cut({ text, class: kind = "" }: { text: string; class?: string }): JSX.Element {
  return (
    <bdi class={`cut ${kind}`} title={text}>
      {text}
    </bdi>
  );
}

/** Text from data as it is, in its own direction. */
export function Said({ text }: { text: string }): JSX.Element {
  return <bdi class="said">{text}</bdi>;
}

/** A short thing that shows more on hover and on focus, and by Escape less. */
export function Tip({
  label,
  children,
  class: kind = "",
}: {
  label: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}): JSX.Element {
  const id = useId();
  const [hidden, setHidden] = useState(false);
  return (
    <span
      class={`tip ${kind}`}
      data-hidden={hidden || undefined}
      onKeyDown={(event) => event.key === "Escape" && setHidden(true)}
      onMouseEnter={() => setHidden(false)}
      onFocusIn={() => setHidden(false)}
    >
      <button type="button" class="tip-label" aria-describedby={id}>
        {label}
      </button>
      <span role="tooltip" id={id} class="tip-more">
        {children}
      </span>
    </span>
  );
}

/**
 * A link out of the frame that Airflow shows the page in: to one of Airflow's own pages, in the whole window, or to
 * a page of ours that stands alone, in a tab.
 *
 * @param tab opens a tab.
 */
export function Outward({
  to,
  tab = false,
  children,
  class: kind,
}: {
  to: string;
  tab?: boolean;
  children: ComponentChildren;
  class?: string;
}): JSX.Element {
  const follow = (event: TargetedMouseEvent<HTMLAnchorElement>): void => {
    if (window.top === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // the frame may neither move the window nor open one, but the window's own document may, and is of the same origin
    try {
      const link = window.top!.document.createElement("a");
      link.href = event.currentTarget.href;
      link.rel = "noopener";
      if (tab) link.target = "_blank";
      link.click();
      event.preventDefault();
    } catch {
      // a page of another origin is around us: the browser decides
    }
  };
  return (
    <a href={to} class={kind} onClick={follow} {...(tab ? { target: "_blank", rel: "noopener" } : {})}>
      {children}
    </a>
  );
}

/** What stands where something is about to be. */
export function Skeleton({ lines = 6, label = "Loading" }: { lines?: number; label?: string }): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, at) => (
        <div key={at} class="bone" />
      ))}
    </div>
  );
}

/** What happened, what is safe and what to do next. */
export function Trouble({ error, again }: { error: Refused; again?: () => void }): JSX.Element {
  return (
    <div class="trouble" role="alert">
      <p class="what">
        <Said text={error.what} />
      </p>
      {error.safe && (
        <p>
          <strong>Safe:</strong> <Said text={error.safe} />
        </p>
      )}
      {error.next && (
        <p>
          <strong>Next:</strong> <Said text={error.next} />
        </p>
      )}
      {again && (
        <button type="button" onClick={again}>
          Ask again
        </button>
      )}
    </div>
  );
}

/** Where there is nothing, and why. */
export function Nothing({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="nothing">
      <p class="title">{title}</p>
      {children}
    </div>
  );
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
      <button type="button" class="quiet" onClick={copy} aria-label={`Copy ${what}: ${text}`}>
        {copied ? "Copied" : "Copy"}
      </button>
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
export function Section({
  title,
  id,
  aside,
  children,
  note,
}: {
  title: string;
  id: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  note?: string;
}): JSX.Element {
  return (
    <section class="part" aria-labelledby={id}>
      <div class="part-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {note && <p class="note soft">{note}</p>}
      {children}
    </section>
  );
}

export interface Fact {
  label: string;
  value: ComponentChildren;
}

/** Names with values. */
export function Facts({ facts }: { facts: (Fact | false | null | undefined)[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts
        .filter((fact): fact is Fact => Boolean(fact))
        .map(({ label, value }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
