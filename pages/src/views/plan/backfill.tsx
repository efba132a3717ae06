// What a backfill of a range would do, slice by slice, and the button that starts it.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PlannedSlice, PlanView } from "../../schema.ts";
import { here } from "../../api.ts";
import { count, plural } from "../../format.ts";
import { Outward, Nothing, Said, Section } from "../../parts/bits.tsx";
import { State } from "../../parts/decisions.tsx";
import { action, useAsk } from "../../parts/dialog.tsx";
import { Table, type Column } from "../../parts/table.tsx";
import { href, type Route } from "../../route.ts";
import { themeNow } from "../../theme.ts";
import { backfill } from "../../starting.ts";

export function Backfill({
  view,
  route,
  reload,
}: {
  view: PlanView;
  route: Route;
  reload: () => void;
}): JSX.Element {
  const { model } = route;
  const ask = useAsk();
  const shownRange = view.range;
  const [range, setRange] = useState<[string, string]>([shownRange.first, shownRange.last]);
  const [times, setTimes] = useState(shownRange.by_time || shownRange.first.length > 10);
  const [only, setOnly] = useState("");
  useEffect(() => setRange([shownRange.first, shownRange.last]), [shownRange.first, shownRange.last]);
  const go = ([from, to]: [string, string]): string => href("plan", model, { query: { from, to } });
  const shown = (value: string): string =>
    times ? (value.length === 10 ? `${value}T00:00` : value) : value.slice(0, 10);
  const rows = (view.slices ?? []).filter((one) => only === "" || one.action === only);
  const kind = times ? "datetime-local" : "date";
  return (
    <Section title="What a backfill would do" id="backfill">
      <form
        class="tools"
        onSubmit={(event) => {
          event.preventDefault();
          location.hash = go([shown(range[0]), shown(range[1])]);
        }}
      >
        <label class="pick">
          From{" "}
          <input
            type={kind}
            required
            value={shown(range[0])}
            onInput={(event) => setRange([event.currentTarget.value, range[1]])}
          />
        </label>
        <label class="pick">
          To{" "}
          <input
            type={kind}
            required
            value={shown(range[1])}
            onInput={(event) => setRange([range[0], event.currentTarget.value])}
          />
        </label>
        <label class="pick check">
          <input
            type="checkbox"
            checked={times}
            onChange={(event) => setTimes(event.currentTarget.checked)}
          />{" "}
          with times
        </label>
        <button type="submit">Show</button>
        <a class="button" href={go(shownRange.earlier)}>
          Earlier
        </a>
        <a class="button" href={go(shownRange.later)}>
          Later
        </a>
      </form>
      <p class="note soft">
        Starts of data intervals by the clocks of {shownRange.timezone}, both ends included.
        {shownRange.intervals !== null &&
          ` The schedule has ${plural(shownRange.intervals, "interval")} there.`}
      </p>
      {shownRange.cut && (
        <div class="banner warn" role="status">
          <div>
            The range is long: it is shown up to <bdi>{shownRange.last}</bdi>.{" "}
            <a href={go(shownRange.later)}>Go on from there</a>
          </div>
        </div>
      )}
      {view.slices === null ? (
        <div class="banner bad" role="alert">
          <div>
            <Said text={view.problem} />
          </div>
        </div>
      ) : view.slices.length === 0 ? (
        <Nothing title="No slice in this range">
          <p>
            Source <bdi>{view.source}</bdi> has none there, and none is due.
          </p>
        </Nothing>
      ) : (
        <>
          <div class="tools">
            <div class="switch" role="group" aria-label="What a run would do">
              <button type="button" aria-pressed={only === ""} onClick={() => setOnly("")}>
                All <span class="soft">{count(view.slices.length)}</span>
              </button>
              {Object.entries(view.counts).map(([one, number]) => (
                <button
                  key={one}
                  type="button"
                  title={`a run would ${view.actions[one] ?? one}`}
                  aria-pressed={only === one}
                  onClick={() => setOnly(only === one ? "" : one)}
                >
                  {one} <span class="soft">{count(number)}</span>
                </button>
              ))}
            </div>
            <button type="button" class="primary push" onClick={() => ask(backfill(model, view))}>
              Start a backfill of this range
            </button>
          </div>
          <Table
            caption="Slices of the range and what a run would do with each"
            columns={columns(view, (key) =>
              ask(
                action(model, "resolve", {
                  button: "Decide",
                  key,
                  done: reload,
                  fields: [
                    {
                      name: "how",
                      label: "What becomes of it",
                      kind: "choice",
                      options: [
                        {
                          value: "append",
                          label: "Append",
                          does: "train on it after what was consumed, at its next run",
                        },
                        { value: "fork", label: "Fork", does: "train on it where it belongs, by a rebase" },
                      ],
                    },
                  ],
                }),
              ),
            )}
            rows={rows}
            id={(one) => one.key}
          />
          {!shownRange.known && (
            <p class="note soft">
              Airflow knows no DAG of this name, so missing slices are inferred from the spacing of those that
              are there.
            </p>
          )}
          <details>
            <summary>What these words mean</summary>
            <dl class="words">
              {Object.entries(view.actions).map(([word, does]) => (
                <div key={word}>
                  <dt>{word}</dt>
                  <dd>a run would {does}</dd>
                </div>
              ))}
            </dl>
          </details>
        </>
      )}
    </Section>
  );
}

export function columns({ model, actions }: PlanView, decide: (key: string) => void): Column<PlannedSlice>[] {
  return [
    {
      head: "Slice",
      names: true,
      kind: "tight",
      cell: (one) =>
        one.status === null ? (
          <bdi>{one.key}</bdi>
        ) : (
          <a href={href("slices", model, { key: one.key })}>
            <bdi>{one.key}</bdi>
          </a>
        ),
    },
    {
      head: "A run would",
      cell: (one) => <State of={one.action} title={`a run would ${actions[one.action] ?? one.action}`} />,
    },
    {
      head: "Verdict",
      cell: (one) =>
        one.status === null ? (
          <span class="soft">not validated yet</span>
        ) : (
          <Outward
            tab
            to={`${here()}slices/${encodeURIComponent(model)}/${encodeURIComponent(one.key)}/report?theme=${themeNow()}`}
          >
            {one.status}
          </Outward>
        ),
    },
    {
      head: "Rows",
      kind: "number",
      cell: (one) => (one.rows === null ? <span class="soft">–</span> : count(one.rows)),
    },
    {
      head: "Consumed by",
      kind: "number",
      cell: (one) =>
        one.consumed_by === null ? (
          <span class="soft">–</span>
        ) : (
          <a href={href("version", model, { version: one.consumed_by })}>v{one.consumed_by}</a>
        ),
    },
    {
      head: "Why",
      kind: "wide",
      cell: (one) => (
        <>
          <Said text={one.why} />
          {one.undecided && (
            <>
              {" "}
              <button
                type="button"
                class="small"
                onClick={() => decide(one.key)}
                aria-label={`Append or fork slice ${one.key}`}
              >
                Append or fork
              </button>
            </>
          )}
        </>
      ),
    },
  ];
}
