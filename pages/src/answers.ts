// What the routes add to the views: what Airflow knows, and what the person may do.

import type { Fleet, ModelView, Summary } from "./schema.ts";

export interface AirflowSide {
  next_run: string | null;
  paused: boolean;
  last_run: string | null;
  last_run_state: string | null;
  last_run_note: string | null;
  missing_runs: number;
}
export type FleetRow = Summary & { airflow?: AirflowSide | null };
export type FleetAnswer = Omit<Fleet, "models"> & { models: FleetRow[] };
export type ModelAnswer = ModelView & { may?: { trigger: boolean }; airflow?: AirflowSide | null };

/** What an action would do; asked before its dialog is shown. */
export interface Intent {
  title: string;
  will: string[];
  possible: boolean;
  why_not: string;
  needs_reason: boolean;
  danger: boolean;
  already?: boolean;
  /** Whether the person may trigger runs of the DAG, which every change takes. */
  permitted?: boolean;
  /** Sent along with the change, so that nothing else is done than what was shown. */
  seen?: string;
}

/** What became of a change. */
export interface Done {
  message: string;
  changed?: boolean;
  /** The request to Airflow's API that answers the question of a waiting run alike. */
  airflow?: { method: string; path: string; run: string; body: Record<string, unknown> } | null;
}
