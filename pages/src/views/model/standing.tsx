// Where a model stands: what is in production, since when and why, and what needs a person.

import type { JSX } from "preact";
import type { ModelAnswer } from "../../answers.ts";
import { bytes, count, duration, plural } from "../../format.ts";
import { Badge, Facts, Said } from "../../parts/bits.tsx";
import { When } from "../../parts/times.tsx";
import { AttentionList, DecisionLine } from "../../parts/decisions.tsx";
import { action, useAsk } from "../../parts/dialog.tsx";
import { percent } from "../../progress.ts";
import { href } from "../../route.ts";

export function Standing({ view, reload }: { view: ModelAnswer; reload: () => void }): JSX.Element {
  const { summary, airflow } = view;
  const ask = useAsk();
  const { model } = summary;
  const may = view.may?.trigger ?? true;
  return (
    <>
      {summary.held !== null && (
        <div class="banner bad" role="alert">
          <div>
            <strong>The model is on hold.</strong> <Said text={summary.held} />
          </div>
          {may && (
            <button
              type="button"
              onClick={() => ask(action(model, "release-hold", { button: "Release the hold", done: reload }))}
            >
              Release the hold
            </button>
          )}
        </div>
      )}
      {summary.tainted !== null && (
        <div class="banner bad" role="alert">
          <div>
            <strong>The champion is tainted.</strong> <Said text={summary.tainted} />
            <br />
            It serves on, and nothing is trained from it until a rebase.
          </div>
          <a class="button" href={href("plan", model)}>
            See the plan
          </a>
        </div>
      )}
      <AttentionList
        model={model}
        list={summary.attention.filter((one) => one.what !== "on hold" && one.what !== "champion is tainted")}
      />
      <Facts
        facts={[
          {
            label: "In production",
            value:
              summary.head === null ? (
                <span class="soft">no version yet</span>
              ) : (
                <>
                  <a class="big" href={href("version", model, { version: summary.head })}>
                    v{summary.head}
                  </a>{" "}
                  <span class="soft">generation {summary.generation}</span>
                </>
              ),
          },
          summary.head !== null && {
            label: "Since",
            value: (
              <>
                <When time={summary.head_since} />
              </>
            ),
          },
          summary.head !== null && {
            label: "Why",
            value: (
              <>
                <Badge tone="plain">{summary.head_how || "promoted"}</Badge> <span class="soft">by</span>{" "}
                <bdi>{summary.head_by || "–"}</bdi>
                <br />
                <Said text={summary.head_why} />
              </>
            ),
          },
          {
            label: "Freshness",
            value: (
              <>
                {summary.freshness_hours === null
                  ? "no objective"
                  : `objective ${duration(summary.freshness_hours * 3600)}`}
                <br />
                <span class="soft">
                  trained to <bdi>{summary.newest_consumed ?? "–"}</bdi>, newest{" "}
                  <bdi>{summary.newest_slice ?? "–"}</bdi>
                </span>
              </>
            ),
          },
          { label: "Last decision", value: <DecisionLine model={model} one={summary.last} /> },
          summary.last_rejected !== null && {
            label: "Last rejection",
            long: true,
            value: (
              <>
                <DecisionLine
                  model={model}
                  one={summary.last_rejected}
                  why={summary.last_rejected.verdicts.length === 0}
                />
                {summary.last_rejected.verdicts.length > 0 && (
                  <ul class="verdicts">
                    {summary.last_rejected.verdicts.map((verdict, at) => (
                      <li key={at}>
                        <Said text={verdict} />
                      </li>
                    ))}
                  </ul>
                )}
              </>
            ),
          },
          summary.training !== null && {
            label: "Training",
            value: (
              <a class="progress-line" href={href("training", model)}>
                <progress max={100} value={percent(summary.training)} aria-label="Training" /> v
                {summary.training.version}, step {count(summary.training.step)}
              </a>
            ),
          },
          airflow && {
            label: "Next run",
            value: airflow.paused ? (
              <Badge tone="warn">paused</Badge>
            ) : airflow.next_run ? (
              <When time={airflow.next_run} />
            ) : (
              "no schedule"
            ),
          },
          {
            label: "Log and store",
            value: (
              <>
                {plural(summary.records, "record")}, {plural(summary.versions, "version")}
                <br />
                <span class="soft">
                  {summary.nbytes === null ? "bytes not measured" : `${bytes(summary.nbytes)} in the store`}
                </span>
              </>
            ),
          },
        ]}
      />
    </>
  );
}
