// A slice that should have come and has not; and what the log says of any slice.

import type { JSX } from "preact";
import { count, plural, spoken } from "../../format.ts";
import { Badge, Facts, Nothing, Said, Section } from "../../parts/bits.tsx";
import { State } from "../../parts/decisions.tsx";
import { action, useAsk } from "../../parts/dialog.tsx";
import { Table } from "../../parts/table.tsx";
import { When } from "../../parts/times.tsx";
import { href } from "../../route.ts";
import type { MissingView, SliceView } from "../../schema.ts";

const ACTIONS = [
  { name: "acknowledge-missing", button: "Acknowledge" },
  { name: "lift-acknowledgement", button: "Take it back" },
];

export function MissingSlice({ view, reload }: { view: MissingView; reload: () => void }): JSX.Element {
  const ask = useAsk();
  const { model, key, acknowledged: said } = view;
  const link = (other: string): JSX.Element => (
    <a href={href("slices", model, { key: other })}>
      <bdi>{other}</bdi>
    </a>
  );
  return (
    <>
      <div class="actions">
        {ACTIONS.filter((one) => view.may[one.name]?.possible).map((one) => (
          <button
            key={one.name}
            type="button"
            onClick={() => ask(action(model, one.name, { button: one.button, key, done: reload }))}
          >
            {one.button}
          </button>
        ))}
        <a class="button" href={href("plan", model, { query: { from: key, to: key } })}>
          Plan of this slice
        </a>
      </div>
      <Facts
        facts={[
          {
            label: "Status",
            value: (
              <span class="chips">
                <State of="missing" />
                {said && <Badge tone="plain">acknowledged</Badge>}
              </span>
            ),
          },
          {
            label: "Acknowledged",
            value: said ? (
              <>
                by <bdi>{said.actor}</bdi>, <When time={said.time} />
                <br />
                <Said text={said.reason} />
              </>
            ) : (
              <span class="soft">by nobody</span>
            ),
          },
          view.after !== null && { label: "Slice before", value: link(view.after) },
          view.before !== null && { label: "Slice after", value: link(view.before) },
          {
            label: "If it comes",
            value:
              view.newer > 0
                ? `it is late: ${plural(view.newer, "consumed slice")} ${view.newer === 1 ? "is" : "are"} newer`
                : "it is taken as any other",
          },
        ]}
      />
      {view.history.length > 0 ? (
        <History view={view} />
      ) : (
        <Nothing title="The log says nothing of it">
          <p>By the spacing of the others, a slice of this key should be there.</p>
        </Nothing>
      )}
    </>
  );
}

export function History({ view }: { view: SliceView | MissingView }): JSX.Element {
  return (
    <Section
      title="History"
      id="history"
      {...(view.whole ? {} : { note: "The newest records of a long log." })}
    >
      <Table
        caption="What the log says of the slice, the newest first"
        rows={view.history}
        id={(one) => one.number}
        most={50}
        columns={[
          { head: "What", names: true, kind: "tight", cell: (one) => spoken(one.what) },
          { head: "When", kind: "tight", cell: (one) => <When time={one.time} /> },
          { head: "By", cell: (one) => <bdi class="cut">{one.actor}</bdi> },
          {
            head: "Why",
            kind: "wide",
            cell: (one) => (one.reason ? <Said text={one.reason} /> : <span class="soft">–</span>),
          },
          { head: "Rows", kind: "number", cell: (one) => count(one.rows) },
          { head: "Record", kind: "number", cell: (one) => one.number },
        ]}
      />
    </Section>
  );
}
