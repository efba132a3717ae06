// A backfill, a rebase, a retraining and an export are started through Airflow's public API, which checks and logs the person.

import type { Intent } from "./answers.ts";
import type { PlanView, RebaseView } from "./schema.ts";
import { get, sendToAirflow, Refused } from "./api.ts";
import { plural, utc } from "./format.ts";
import type { Change } from "./parts/dialog.tsx";
import type { Choosing } from "./parts/field.tsx";

const AGAIN: Choosing = {
  name: "reprocess_behavior",
  label: "Intervals that have a run",
  kind: "choice",
  options: [
    { value: "none", label: "Leave them", does: "only intervals without a run are run" },
    { value: "failed", label: "Run failed ones again" },
    { value: "completed", label: "Run all again", does: "successful ones too" },
  ],
};
const AT_ONCE: Choosing = {
  name: "max_active_runs",
  label: "Runs at once",
  kind: "number",
  value: "1",
  required: true,
  note: "they wait for each other's slices in any case",
};
interface DryRun {
  backfills: { logical_date: string | null }[];
  total_entries: number;
}

/** A backfill of the range that a plan shows. */
export function backfill(model: string, view: PlanView): Change {
  const body = (values: Record<string, string>): Record<string, unknown> => ({
    dag_id: model,
    from_date: view.range.backfill_from,
    to_date: view.range.backfill_to,
    run_backwards: false,
    reprocess_behavior: values["reprocess_behavior"] ?? "none",
    max_active_runs: Number(values["max_active_runs"]) || 1,
  });
  const planned = (...actions: string[]): number =>
    actions.reduce((sum, action) => sum + (view.counts[action] ?? 0), 0);
  const trains = planned("append", "late");
  const stops = planned("hold", "fork");
  return {
    button: "Start the backfill",
    fields: [AGAIN, AT_ONCE],
    reasonLabel: "Why",
    intent: async (values): Promise<Intent> => {
      const title = `Backfill ${model} from ${view.range.first} to ${view.range.last}?`;
      if (!view.range.backfill_from)
        return {
          title,
          will: [],
          possible: false,
          why_not: "The schedule has no interval in this range that is over.",
          needs_reason: false,
          danger: false,
        };
      let found: DryRun;
      try {
        found = await sendToAirflow<DryRun>("backfills/dry_run", body(values));
      } catch (error) {
        if (error instanceof Refused && error.status === 404) {
          return {
            title,
            will: [],
            possible: false,
            why_not: error.what,
            needs_reason: false,
            danger: false,
          };
        }
        throw error;
      }
      const dates = found.backfills
        .map((one) => one.logical_date)
        .filter((one): one is string => one !== null);
      const will = [
        `Airflow creates ${plural(found.total_entries, "run")} of ${model}, the oldest first.`,
        ...(dates.length > 0
          ? [
              `They are those of ${utc(dates[0] ?? "")}${dates.length > 1 ? ` to ${utc(dates.at(-1) ?? "")}` : ""}.`,
            ]
          : []),
        `By the plan, ${plural(trains, "slice")} of the range would be trained on, if each run ends well.`,
        ...(stops > 0
          ? [
              `${plural(stops, "slice")} would stop its run, until a person decides or a rebase is carried out.`,
            ]
          : []),
      ];
      return {
        title,
        will,
        possible: found.total_entries > 0,
        why_not: "Airflow would create no run: every interval of the range has one already, or none is over.",
        needs_reason: false,
        danger: false,
      };
    },
    send: async (why, values) => {
      await sendToAirflow("backfills", { ...body(values), ...(why ? { dag_run_conf: { why } } : {}) });
      return `The backfill of ${model} is created. Airflow starts its runs now.`;
    },
  };
}

async function trigger(dag: string, conf: Record<string, unknown>, note: string): Promise<string> {
  const run = await sendToAirflow<{ dag_run_id?: string }>(`dags/${encodeURIComponent(dag)}/dagRuns`, {
    logical_date: null,
    conf,
    note,
  });
  return `Run ${run.dag_run_id ?? ""} of ${dag} is triggered.`;
}

/** The rebase that is due, as a dry run or for real. */
export function rebase(dag: string, due: RebaseView, dry: boolean): Change {
  const left = due.steps.filter((step) => step.done_by === null).length;
  return {
    button: dry ? "Start the dry run" : "Start the rebase",
    intent: (): Promise<Intent> =>
      Promise.resolve({
        title: dry ? "Dry run of the rebase" : "Start the rebase",
        will: dry
          ? [
              `Airflow triggers a run of ${dag} with dry_run.`,
              "It plans and writes the plan to its log. Nothing is trained and nothing is promoted.",
            ]
          : [
              `Airflow triggers a run of ${dag}.`,
              left > 0
                ? `It trains ${plural(left, "step")}, one after the other. ${due.estimate}`
                : "Every step is trained already.",
              "The result is evaluated; it becomes the head only if every gate passes. Until then the champion serves on.",
            ],
        possible: true,
        why_not: "",
        needs_reason: true,
        danger: !dry,
      }),
    send: (why) => trigger(dag, { dry_run: dry, why }, why),
  };
}

const RETRAIN: Choosing[] = [
  {
    name: "begin",
    label: "Begin with",
    kind: "choice",
    options: [
      { value: "scratch", label: "Scratch", does: "initial weights" },
      { value: "champion", label: "Champion", does: "the version in production" },
    ],
  },
  {
    name: "slices",
    label: "Slices",
    kind: "text",
    note: "FROM:TO, a range of consumed slices; empty: all, or the newest",
  },
  {
    name: "newest",
    label: "Newest",
    kind: "number",
    note: "how many of the newest; empty: all, or the range",
  },
  { name: "max_steps", label: "Steps", kind: "number", note: "empty: the pipeline's budget" },
];

/** A retraining, as a dry run or for real. */
export function retraining(dag: string, model: string, dry: boolean): Change {
  const numbered = (value: string | undefined): number | null => (value ? Number(value) : null);
  return {
    button: dry ? "Start the dry run" : "Start the retraining",
    fields: RETRAIN,
    intent: (values): Promise<Intent> =>
      Promise.resolve({
        title: dry ? `Dry run of a retraining of ${model}` : `Retrain ${model}`,
        will: [
          `Airflow triggers a run of ${dag}${dry ? " with dry_run" : ""}.`,
          `It ${dry ? "says what it would train" : "trains a version"} ${values["begin"] === "champion" ? "from the version in production" : "from initial weights"} on ${values["slices"] ? `the slices ${values["slices"]}` : values["newest"] ? `the newest ${plural(Number(values["newest"]), "slice")}` : "all consumed slices"}.`,
          dry
            ? "Nothing is trained and nothing is promoted."
            : "It replaces production only if every gate passes.",
        ],
        possible: !(values["slices"] && values["newest"]),
        why_not: "Give a range of slices or a number of the newest, not both.",
        needs_reason: true,
        danger: !dry,
      }),
    send: (why, values) =>
      trigger(
        dag,
        {
          dry_run: dry,
          why,
          begin: values["begin"] ?? "scratch",
          slices: values["slices"] || null,
          newest: numbered(values["newest"]),
          max_steps: numbered(values["max_steps"]),
        },
        why,
      ),
  };
}

/** A run that writes a version in another format. */
export function exporting(
  dag: string,
  model: string,
  version: number,
  format: string,
  converts: boolean,
): Change {
  return {
    button: converts ? "Start the conversion" : "Start the export",
    intent: (_, signal) =>
      get<Intent>(
        `models/${encodeURIComponent(model)}/versions/${version}/exports/${encodeURIComponent(format)}`,
        signal,
      ),
    send: (why) => trigger(dag, { version, format, why }, why),
  };
}
