// What a backfill would do before it is started, the rebase that is due, and the buttons that start them.

import type { JSX } from "preact";
import type { PlanView } from "../schema.ts";
import { inAirflow, useJson } from "../api.ts";
import { minute } from "../format.ts";
import { Outward, Said, Section } from "../parts/bits.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { href, type Route } from "../route.ts";
import { retraining } from "../starting.ts";
import { Rebase } from "./plan/rebase.tsx";
import { Backfill } from "./plan/backfill.tsx";
import { Transfer } from "./plan/transfer.tsx";

export function PlanPage({ route }: { route: Route }): JSX.Element {
  const { model, query } = route;
  const asking = new URLSearchParams(
    Object.entries({ from: query["from"] ?? "", to: query["to"] ?? "" }).filter(([, value]) => value),
  );
  const asked = useJson<PlanView>(
    `models/${encodeURIComponent(model)}/plan${asking.size ? `?${asking.toString()}` : ""}`,
  );
  return (
    <>
      <div class="page-head">
        <h1>Plan</h1>
        <Fresh asked={asked} />
      </div>
      {asked.data === undefined && !asked.error && (
        <p class="note soft" role="status">
          Asking the source about each slice. This takes a few seconds.
        </p>
      )}
      <Answered asked={asked} lines={10}>
        {(view) => <Plan view={view} route={route} reload={asked.reload} />}
      </Answered>
    </>
  );
}

function Plan({ view, route, reload }: { view: PlanView; route: Route; reload: () => void }): JSX.Element {
  const ask = useAsk();
  const { model } = route;
  return (
    <>
      <p class="note">
        {view.head === null ? (
          "No version is in production yet."
        ) : (
          <>
            Version <a href={href("version", model, { version: view.head })}>v{view.head}</a> is in
            production.
          </>
        )}{" "}
        What is shown here trains nothing by itself.
      </p>
      {view.tainted && (
        <div class="banner bad" role="alert">
          <div>
            <strong>The champion is tainted.</strong> Version {view.tainted.version} was trained on slice{" "}
            <a href={href("slices", model, { key: view.tainted.slice })}>
              <bdi>{view.tainted.slice}</bdi>
            </a>
            : <Said text={view.tainted.why} />{" "}
            <span class="soft">
              (<bdi>{view.tainted.by}</bdi>, {minute(view.tainted.time)} UTC)
            </span>{" "}
            It serves on, and nothing is trained from it until a rebase.
          </div>
        </div>
      )}
      {view.held !== null && (
        <div class="banner bad" role="alert">
          <div>
            <strong>The model is on hold.</strong> <Said text={view.held} />
          </div>
          <button
            type="button"
            onClick={() => ask(action(model, "release-hold", { button: "Release the hold", done: reload }))}
          >
            Release the hold
          </button>
        </div>
      )}
      {view.rebase && <Rebase view={view} model={model} />}
      <Backfill view={view} route={route} reload={reload} />
      <Transfer model={model} />
      {view.retrain_dag !== null && (
        <Section
          title="Retraining"
          id="retraining"
          note="A version that sees consumed slices again. It replaces production only if every gate passes."
        >
          <div class="actions">
            <button type="button" onClick={() => ask(retraining(view.retrain_dag ?? "", model, true))}>
              Dry run of a retraining
            </button>
            <button type="button" onClick={() => ask(retraining(view.retrain_dag ?? "", model, false))}>
              Start a retraining
            </button>
            <Outward class="button" to={inAirflow(`dags/${encodeURIComponent(view.retrain_dag)}`)}>
              Open <bdi>{view.retrain_dag}</bdi>
            </Outward>
          </div>
        </Section>
      )}
    </>
  );
}
