// The frame of every page: where it is, the way to the others, and what asks for a person on this model.

import type { ComponentChildren, JSX } from "preact";
import type { Asked } from "../api.ts";
import { href, type Page, type Route } from "../route.ts";
import { Skeleton, Trouble } from "./bits.tsx";
import { Age } from "./times.tsx";

const TABS: [Page, string][] = [
  ["model", "Model"],
  ["lineage", "Lineage"],
  ["slices", "Slices"],
  ["training", "Training now"],
  ["plan", "Plan"],
];

/** The bar with the way back and the pages of the model. */
export function Bar({ route }: { route: Route }): JSX.Element {
  const { model, page } = route;
  return (
    <header class={model ? "bar" : "bar bare"}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the page
      </a>
      {model && (
        <nav aria-label="Where you are" class="crumbs">
          <a href={href("fleet")}>Models</a>
          <span aria-hidden="true" class="soft">
            /
          </span>
          <a href={href("model", model)} title={model} class="cut">
            <bdi>{model}</bdi>
          </a>
        </nav>
      )}
      {model && (
        <nav aria-label="Pages of the model" class="tabs">
          {TABS.map(([tab, name]) => (
            <a key={tab} href={href(tab, model)} aria-current={page === tab ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
      )}
    </header>
  );
}

/** What came of asking: a skeleton, the refusal, or the page; with when it came, where it asks by itself. */
export function Answered<T>({
  asked,
  children,
  lines = 8,
}: {
  asked: Asked<T>;
  children: (data: T) => ComponentChildren;
  lines?: number;
}): JSX.Element {
  const { data, error, reload } = asked;
  return (
    <>
      {error && <Trouble error={error} again={reload} />}
      {data === undefined ? !error && <Skeleton lines={lines} /> : children(data)}
    </>
  );
}

/** When the shown data came, and a button that asks again. */
export function Fresh({ asked }: { asked: Asked<unknown> }): JSX.Element {
  return (
    <span class="fresh soft">
      {asked.at > 0 && (
        <span>
          Seen <Age time={new Date(asked.at).toISOString()} />
        </span>
      )}
      <button type="button" onClick={asked.reload} aria-busy={asked.loading}>
        Refresh
      </button>
    </span>
  );
}
