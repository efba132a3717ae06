// Every model, those that need a person first.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { FleetAnswer, FleetRow } from "../answers.ts";
import { useJson } from "../api.ts";
import { fleetOf, fleetsOf } from "../fleets.ts";
import { bytes, count, plural, utc } from "../format.ts";
import { Nothing } from "../parts/bits.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table } from "../parts/table.tsx";
import type { Route } from "../route.ts";
import { COLUMNS } from "./fleet/cells.tsx";

type Show = "all" | "person" | "training" | "hold";

const SHOWS: [Show, string][] = [
  ["all", "All"],
  ["person", "Needs a person"],
  ["training", "Training"],
  ["hold", "On hold or tainted"],
];

const fits: Record<Show, (row: FleetRow) => boolean> = {
  all: () => true,
  person: (row) => row.attention.length > 0 || row.problem !== "",
  training: (row) => row.training !== null,
  hold: (row) => row.held !== null || row.tainted !== null,
};

/** Whether what a person typed is in the model's name or in what it wants. */
function matches(row: FleetRow, typed: string): boolean {
  if (typed === "") return true;
  const text = [row.model, ...row.attention.map((one) => one.what)].join(" ").toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** How much the store holds; before anybody measured the whole of it, how much the models do. */
function Holds({ fleet }: { fleet: FleetAnswer }): JSX.Element | null {
  const measured = fleet.models.filter((row) => row.nbytes !== null);
  if (fleet.nbytes === null && measured.length === 0) return null;
  const title = fleet.measured
    ? `measured ${utc(fleet.measured)}`
    : "without slices and what models share; ckpt-ops gc measures the whole store";
  return (
    <>
      {" "}
      · {fleet.nbytes === null ? "models hold" : "store holds"}{" "}
      <span title={title}>
        {bytes(fleet.nbytes ?? measured.reduce((sum, row) => sum + (row.nbytes ?? 0), 0))}
      </span>
    </>
  );
}

export function FleetPage({ route }: { route: Route }): JSX.Element {
  const asked = useJson<FleetAnswer>("fleet", 30);
  const [typed, setTyped] = useState(route.query["q"] ?? "");
  const [show, setShow] = useState<Show>("all");
  const [chosen, setChosen] = useState(route.query["fleet"] ?? "");
  const models = asked.data?.models ?? [];
  const fleets = useMemo(() => fleetsOf(models.map((row) => row.model)), [models]);
  const only = fleets.some(([name]) => name === chosen) ? chosen : "";
  const members = useMemo(
    () => (only === "" ? models : models.filter((row) => fleetOf(row.model) === only)),
    [models, only],
  );
  const rows = useMemo(
    () => members.filter((row) => fits[show](row) && matches(row, typed)),
    [members, show, typed],
  );
  return (
    <>
      <div class="page-head">
        <h1>Models</h1>
        <Fresh asked={asked} />
      </div>
      <Answered asked={asked} lines={14}>
        {(fleet) =>
          fleet.models.length === 0 ? (
            <Nothing title="No model yet">
              <p>A model is here as soon as a run of its DAG has written to the store.</p>
              <p>
                Next: trigger a retraining DAG, or <code>ckpt-ops init</code> writes a first pipeline.
              </p>
            </Nothing>
          ) : (
            <>
              <div class="tools">
                <label class="search">
                  <span class="unseen">Filter models</span>
                  <input
                    type="search"
                    placeholder="Filter by name or need"
                    value={typed}
                    onInput={(event) => setTyped(event.currentTarget.value)}
                  />
                </label>
                {fleets.length > 0 && (
                  <label>
                    <span class="unseen">Fleet</span>
                    <select value={only} onChange={(event) => setChosen(event.currentTarget.value)}>
                      <option value="">All fleets</option>
                      {fleets.map(([name, size]) => (
                        <option key={name} value={name}>
                          {name} ({count(size)})
                        </option>
                      ))}
                    </select>
                  </label>
                )}
                <div class="switch" role="group" aria-label="Which models">
                  {SHOWS.map(([one, name]) => (
                    <button key={one} type="button" aria-pressed={show === one} onClick={() => setShow(one)}>
                      {name} <span class="soft">{count(members.filter(fits[one]).length)}</span>
                    </button>
                  ))}
                </div>
                <span class="soft push" aria-live="polite">
                  {plural(rows.length, "model")}
                  <Holds fleet={fleet} />
                </span>
              </div>
              {rows.length === 0 ? (
                <Nothing title="No model fits">
                  <p>Clear the filter to see all of them.</p>
                </Nothing>
              ) : (
                <Table
                  caption="Models, those that need a person first"
                  columns={COLUMNS}
                  rows={rows}
                  id={(row) => row.model}
                  most={100}
                  class="fleet"
                />
              )}
            </>
          )
        }
      </Answered>
    </>
  );
}
