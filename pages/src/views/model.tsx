// One model: what is in production and why, how good it was, what it forgot, what it costs.

import type { JSX } from "preact";
import type { ModelAnswer } from "../answers.ts";
import { inAirflow, useJson } from "../api.ts";
import { HeatTable } from "../charts/heatmap.tsx";
import { Outward, Nothing, Said, Section } from "../parts/bits.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import type { Route } from "../route.ts";
import { Standing } from "./model/standing.tsx";
import { Quality } from "./model/quality.tsx";
import { VersionTable } from "./model/versions.tsx";
import { Periods } from "./model/versions.tsx";
import { Drift } from "./model/drift.tsx";
import { Cost } from "./model/cost.tsx";

export function ModelPage({ route }: { route: Route }): JSX.Element {
  const asked = useJson<ModelAnswer>(`models/${encodeURIComponent(route.model)}`, 30);
  return (
    <>
      <div class="page-head">
        <h1>
          <bdi>{route.model}</bdi>
        </h1>
        <span class="head-side">
          <Outward to={inAirflow(`dags/${encodeURIComponent(route.model)}`)}>Open the DAG</Outward>
          <Fresh asked={asked} />
        </span>
      </div>
      <Answered asked={asked} lines={12}>
        {(view) => <Model view={view} reload={asked.reload} />}
      </Answered>
    </>
  );
}

function Model({ view, reload }: { view: ModelAnswer; reload: () => void }): JSX.Element {
  const { summary } = view;
  const { model } = summary;
  if (summary.problem)
    return (
      <Nothing title="The model's log cannot be read">
        <p>
          <Said text={summary.problem} />
        </p>
      </Nothing>
    );
  return (
    <>
      <Standing view={view} reload={reload} />
      <Quality view={view} />
      <VersionTable view={view} />
      <Periods view={view} />
      <Drift view={view} />
      {view.forgetting.length > 0 && (
        <Section
          title="Forgetting"
          id="forgetting"
          note="A metric by version (rows) and past slice (columns). A version that fell behind on a slice is marked ▼."
        >
          {view.forgetting.map((map) => (
            <div key={map.metric} class="heat-block">
              <h3>
                {map.metric}
                {map.better && <span class="soft"> · {map.better} is better</span>}
              </h3>
              <HeatTable map={map} model={model} />
            </div>
          ))}
        </Section>
      )}
      <Cost versions={view.versions} />
    </>
  );
}
