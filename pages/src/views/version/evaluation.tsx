// The gates' verdicts on a version, and its metrics beside the champion's.

import type { JSX } from "preact";
import { here } from "../../api.ts";
import { number, plural, signed } from "../../format.ts";
import { Badge, Nothing, Outward, Said, Section } from "../../parts/bits.tsx";
import { Table } from "../../parts/table.tsx";
import { themeNow } from "../../theme.ts";
import type { VersionView } from "../../schema.ts";

export function Evaluation({ view }: { view: VersionView }): JSX.Element {
  const sides = Object.keys(view.metrics);
  const names = [...new Set(Object.values(view.metrics).flatMap((values) => Object.keys(values)))];
  const report = `${here()}models/${encodeURIComponent(view.model)}/versions/${view.version}/evaluation?theme=${themeNow()}`;
  const failed = view.gates.filter((gate) => gate.passed === false);
  const gates = [...failed, ...view.gates.filter((gate) => gate.passed !== false)];
  return (
    <Section
      title="Evaluation"
      id="evaluation"
      aside={
        view.report && (
          <Outward tab to={report}>
            Open the report in a tab
          </Outward>
        )
      }
    >
      {view.passed === null && view.gates.length === 0 ? (
        <Nothing title="Not evaluated yet" />
      ) : (
        <>
          <p>
            {view.passed !== null && (
              <Badge tone={view.passed ? "good" : "bad"}>
                {view.passed
                  ? "every gate passed"
                  : failed.length > 0
                    ? `${plural(failed.length, "gate")} did not pass`
                    : "not passed"}
              </Badge>
            )}{" "}
            <Said text={view.evaluated_reason} />
          </p>
          <div class="two">
            {names.length > 0 && (
              <Table
                caption="Metrics of candidate and champion on the same rows"
                cards={false}
                rows={names}
                id={(name) => name}
                columns={[
                  { head: "Metric", names: true, cell: (name) => <bdi>{name}</bdi> },
                  ...sides.map((side) => ({
                    head: side,
                    kind: "number" as const,
                    cell: (name: string) => number(view.metrics[side]?.[name]),
                  })),
                  ...(sides.length === 2
                    ? [
                        {
                          head: "Difference",
                          kind: "number" as const,
                          cell: (name: string) => {
                            const own = view.metrics[sides[0] ?? ""]?.[name];
                            const other = view.metrics[sides[1] ?? ""]?.[name];
                            return typeof own === "number" && typeof other === "number"
                              ? signed(own - other)
                              : "–";
                          },
                        },
                      ]
                    : []),
                ]}
              />
            )}
            <Table
              caption="Gates"
              rows={
                gates.length > 0
                  ? gates
                  : view.verdicts.map((message) => ({ gate: "", passed: null, message, numbers: {} }))
              }
              id={(gate) => `${gate.gate} ${gate.message}`}
              columns={[
                {
                  head: "Verdict",
                  kind: "tight",
                  cell: (gate) => (
                    <Badge tone={gate.passed === null ? "plain" : gate.passed ? "good" : "bad"}>
                      {gate.passed === null ? "does not apply" : gate.passed ? "passed" : "not passed"}
                    </Badge>
                  ),
                },
                {
                  head: "Gate",
                  names: true,
                  kind: "wide",
                  cell: (gate) => (
                    <>
                      <Said text={gate.message} />
                      {gate.gate && (
                        <>
                          <br />
                          <code class="soft">{gate.gate}</code>
                        </>
                      )}
                    </>
                  ),
                },
              ]}
            />
          </div>
          {view.report && (
            <details>
              <summary>Show the evaluation report</summary>
              <iframe
                class="report"
                title={`Evaluation of version ${view.version}`}
                sandbox=""
                src={report}
                loading="lazy"
              />
            </details>
          )}
        </>
      )}
    </Section>
  );
}
