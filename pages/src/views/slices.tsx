// The slices of a model: what became of each, and the way to one of them.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useJson } from "../api.ts";
import { count, firstLine, plural } from "../format.ts";
import { Badge, Nothing, Said } from "../parts/bits.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Age } from "../parts/times.tsx";
import { State, Versions } from "../parts/decisions.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { href, type Route } from "../route.ts";
import type { SliceRow, SlicesView } from "../schema.ts";

const STATUSES = [
  "",
  "pending",
  "late",
  "quarantined",
  "suspect",
  "set aside",
  "changed at source",
  "accepted",
  "consumed",
  "discarded",
  "withdrawn",
  "tainted",
  "missing",
];

export function SlicesPage({ route }: { route: Route }): JSX.Element {
  const { model, query } = route;
  const asks = query["q"] ?? "";
  const [typed, setTyped] = useState(asks);
  const shown = useRef({ model, asks }); // what the list shows because of this box
  const status = query["status"] ?? "";
  const set = (given: Record<string, string>): void => {
    location.replace(href("slices", model, { query: { q: query["q"] ?? "", status, before: "", ...given } }));
  };
  useEffect(() => {
    if (typed === asks) return undefined;
    const timer = setTimeout(() => {
      shown.current = { model, asks: typed };
      set({ q: typed });
    }, 250);
    return () => clearTimeout(timer);
  }, [typed, model]);
  useEffect(() => {
    // a link or the browser's way back: the box says what the list shows
    if (model !== shown.current.model || asks !== shown.current.asks) setTyped(asks);
    shown.current = { model, asks };
  }, [model, asks]);
  const asking = new URLSearchParams(
    Object.entries({
      q: query["q"] ?? "",
      status: status === "missing" ? "" : status,
      before: query["before"] ?? "",
    }).filter(([, value]) => value),
  );
  const asked = useJson<SlicesView>(
    `models/${encodeURIComponent(model)}/slices${asking.size ? `?${asking.toString()}` : ""}`,
  );
  const counts = asked.data?.counts ?? {};
  return (
    <>
      <div class="page-head">
        <h1>Slices</h1>
        <Fresh asked={asked} />
      </div>
      <div class="tools">
        <label class="search">
          <span class="unseen">Filter slices by key or reason</span>
          <input
            type="search"
            placeholder="Filter by key or reason"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <label class="pick">
          Status{" "}
          <select value={status} onChange={(event) => set({ status: event.currentTarget.value })}>
            {STATUSES.filter(
              (one) => one === "" || one === status || one === "missing" || (counts[one] ?? 0) > 0,
            ).map((one) => (
              <option key={one} value={one}>
                {one === "" ? "all" : one}
                {one === "missing"
                  ? ` (${count(asked.data?.missing_in_all ?? 0)})`
                  : counts[one] === undefined
                    ? ""
                    : ` (${count(counts[one])})`}
              </option>
            ))}
          </select>
        </label>
        {asked.data && status !== "missing" && (
          <span class="soft push" aria-live="polite">
            {plural(asked.data.found, "slice")}
          </span>
        )}
      </div>
      <Answered asked={asked}>
        {(view) =>
          status === "missing" ? (
            <Missing view={view} reload={asked.reload} />
          ) : (
            <List
              view={view}
              older={(key) => href("slices", model, { query: { q: query["q"] ?? "", status, before: key } })}
              later={query["before"] ? href("slices", model, { query: { q: query["q"] ?? "", status } }) : ""}
            />
          )
        }
      </Answered>
    </>
  );
}

function Missing({ view, reload }: { view: SlicesView; reload: () => void }): JSX.Element {
  const ask = useAsk();
  const known = new Map(view.acknowledged.map((one) => [one.key, one]));
  const keys = [...new Set([...view.missing, ...known.keys()])].sort().reverse();
  if (keys.length === 0) return <Nothing title="No slice is missing" />;
  return (
    <>
      <p class="note">
        {plural(view.missing_in_all, "slice")} should be there by the spacing of the others, and{" "}
        {view.missing_in_all === 1 ? "is" : "are"} not. A run of one finds nothing until its source has it.
        Where none is to come, acknowledge it: it needs nobody any more.
      </p>
      <Table
        caption="Missing slices"
        rows={keys.map((key) => ({ key, said: known.get(key) }))}
        id={(row) => row.key}
        columns={[
          {
            head: "Slice",
            names: true,
            kind: "tight",
            cell: (row) => (
              <a class="strong" href={href("slices", view.model, { key: row.key })}>
                <bdi>{row.key}</bdi>
              </a>
            ),
          },
          {
            head: "Status",
            cell: (row) => (
              <span class="chips">
                <State of="missing" />
                {row.said && <Badge tone="plain">acknowledged</Badge>}
              </span>
            ),
          },
          {
            head: "Acknowledged",
            kind: "wide",
            cell: (row) =>
              row.said ? (
                <>
                  <Said text={row.said.reason} />
                  <br />
                  <span class="soft">
                    by <bdi>{row.said.actor}</bdi>, <Age time={row.said.time} />
                  </span>
                </>
              ) : (
                <span class="soft">by nobody</span>
              ),
          },
          {
            head: "Decide",
            cell: (row) => (
              <span class="list">
                <button
                  type="button"
                  onClick={() =>
                    ask(
                      action(view.model, row.said ? "lift-acknowledgement" : "acknowledge-missing", {
                        button: row.said ? "Take it back" : "Acknowledge",
                        key: row.key,
                        done: reload,
                      }),
                    )
                  }
                >
                  {row.said ? "Take it back" : "Acknowledge"}
                  <span class="unseen"> {row.key}</span>
                </button>
                <a href={href("plan", view.model, { query: { from: row.key, to: row.key } })}>
                  Plan of this slice
                </a>
              </span>
            ),
          },
        ]}
      />
    </>
  );
}

function List({
  view,
  older,
  later,
}: {
  view: SlicesView;
  older: (key: string) => string;
  later: string;
}): JSX.Element {
  if (view.rows.length === 0) {
    return (
      <Nothing
        title={view.found === 0 && Object.keys(view.counts).length === 0 ? "No slice yet" : "No slice fits"}
      >
        <p>A slice is here as soon as a run has validated it.</p>
      </Nothing>
    );
  }
  const { model } = view;
  const columns: Column<SliceRow>[] = [
    {
      head: "Slice",
      names: true,
      kind: "tight",
      cell: (row) => (
        <a class="strong" href={href("slices", model, { key: row.key })}>
          <bdi>{row.key}</bdi>
        </a>
      ),
    },
    { head: "Status", cell: (row) => <Marks row={row} /> },
    {
      head: "Why",
      kind: "wide",
      cell: (row) => (
        <bdi class="reason two" title={row.reason}>
          {row.reason ? firstLine(row.reason, 200) : <span class="soft">–</span>}
        </bdi>
      ),
    },
    { head: "A run would", cell: (row) => <State of={row.action} title={row.why} /> },
    {
      head: "Rows",
      kind: "number",
      cell: (row) => (
        <>
          {count(row.rows)}
          {row.set_aside > 0 && (
            <span class="soft delta" title="rows in quarantine">
              −{count(row.set_aside)}
            </span>
          )}
        </>
      ),
    },
    {
      head: "Consumed by",
      kind: "number",
      cell: (row) =>
        row.consumed_by === null ? (
          <span class="soft">–</span>
        ) : (
          <a href={href("version", model, { version: row.consumed_by })}>v{row.consumed_by}</a>
        ),
    },
    { head: "Trained on by", cell: (row) => <Versions model={model} list={row.seen_by} most={4} /> },
    { head: "Decided", kind: "tight", cell: (row) => <Age time={row.time} /> },
  ];
  return (
    <>
      <Table caption="Slices, the newest first" columns={columns} rows={view.rows} id={(row) => row.key} />
      <p class="pager">
        {later && (
          <a class="button" href={later}>
            Newest
          </a>
        )}
        {view.older !== null && (
          <a class="button" href={older(view.older)}>
            Older slices
          </a>
        )}
      </p>
    </>
  );
}

/** All that is true of a slice at once: its verdict, and what sets it apart. */
export function Marks({ row }: { row: SliceRow }): JSX.Element {
  return (
    <span class="chips">
      <State of={row.status} />
      {row.released && <Badge tone="plain">released</Badge>}
      {row.late && <Badge tone="warn">late</Badge>}
      {row.suspect !== null && (
        <Badge tone="warn" title={row.suspect}>
          suspect
        </Badge>
      )}
      {row.tainted !== null && row.status !== "tainted" && (
        <Badge tone="bad" title={row.tainted}>
          tainted
        </Badge>
      )}
      {row.changed_at_source !== null && (
        <Badge tone="note" title={`since ${row.changed_at_source}`}>
          changed at source
        </Badge>
      )}
      {row.set_aside > 0 && <Badge tone="note">{plural(row.set_aside, "row")} set aside</Badge>}
    </span>
  );
}
