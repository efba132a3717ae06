// The rebase that is due, and the buttons that start it.

import type { JSX } from "preact";
import type { PlanView } from "../../schema.ts";
import { inAirflow } from "../../api.ts";
import { count } from "../../format.ts";
import { Outward, Badge, Command, Said } from "../../parts/bits.tsx";
import { useAsk } from "../../parts/dialog.tsx";
import { Table } from "../../parts/table.tsx";
import { href } from "../../route.ts";
import { rebase } from "../../starting.ts";

export function Rebase({ view, model }: { view: PlanView; model: string }): JSX.Element | null {
  const ask = useAsk();
  const due = view.rebase;
  if (!due) return null;
  const { dag } = due;
  const steps = due.steps.map((step, at) => ({ ...step, number: at + 1 }));
  return (
    <section class="part due" aria-labelledby="rebase">
      <h2 id="rebase">
        <span class="glyph" aria-hidden="true">
          ◆
        </span>{" "}
        A rebase is due
      </h2>
      <p class="note">What the champion was trained on should have been different:</p>
      <Table
        caption="What changed"
        rows={due.changes}
        id={(one) => one.key + one.what}
        columns={[
          {
            head: "Slice",
            names: true,
            cell: (one) => (
              <a href={href("slices", model, { key: one.key })}>
                <bdi>{one.key}</bdi>
              </a>
            ),
          },
          { head: "Was", cell: (one) => one.what },
          { head: "Consumed", cell: (one) => <code class="cut">{one.was ?? "never"}</code> },
          { head: "Becomes", cell: (one) => <code class="cut">{one.now ?? "nothing"}</code> },
          { head: "Why", kind: "wide", cell: (one) => <Said text={one.why} /> },
        ]}
      />
      <p>
        <Said text={due.fork_message} />
      </p>
      {steps.length > 0 && (
        <Table
          caption="Steps of the rebase"
          rows={steps}
          id={(step) => step.number}
          most={20}
          columns={[
            { head: "Step", names: true, kind: "tight", cell: (step) => `Step ${step.number}` },
            { head: "Slices", kind: "wide", cell: (step) => <bdi>{step.slices.join(", ")}</bdi> },
            { head: "Rows", kind: "number", cell: (step) => count(step.rows) },
            {
              head: "In place of",
              cell: (step) =>
                step.stands_for === null ? (
                  "a late slice"
                ) : (
                  <a href={href("version", model, { version: step.stands_for })}>v{step.stands_for}</a>
                ),
            },
            {
              head: "State",
              cell: (step) =>
                step.done_by === null ? (
                  <Badge tone="plain">to train</Badge>
                ) : (
                  <Badge tone="good">trained as v{step.done_by}</Badge>
                ),
            },
          ]}
        />
      )}
      <p>
        <Said text={due.estimate} />
      </p>
      {due.anchor && (
        <p class="soft">
          <Said text={due.anchor} />
        </p>
      )}
      {dag === null ? (
        <p>
          <Command text={due.command} /> carries it out; so would a DAG made by <code>rebase_dag</code>.
        </p>
      ) : (
        <div class="actions">
          <button type="button" onClick={() => ask(rebase(dag, due, true))}>
            Dry run of the rebase
          </button>
          <button type="button" class="primary" onClick={() => ask(rebase(dag, due, false))}>
            Start the rebase
          </button>
          <Outward class="button" to={inAirflow(`dags/${encodeURIComponent(dag)}`)}>
            Open <bdi>{dag}</bdi>
          </Outward>
        </div>
      )}
    </section>
  );
}
