// What the routes add to the views: what Airflow knows, and what the person may do.

import type { Fleet, ModelView, Summary } from "./schema.ts";

export interface AirflowSide {
  next_run: string | null;
  paused: boolean;
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
}

// The plan: what a backfill would do, and the rebase that is due.

export interface SlicePlan {
  key: string; action: string; why: string; status: string | null; revision: string | null; rows: number | null;
  consumed_by: number | null; undecided: boolean;
}
export interface Cost { candidates: number; rows: number; steps: number; seconds: number }
export interface RebaseChange { key: string; what: string; why: string; was: string | null; now: string | null; rows: number }
export interface RebaseStep {
  slices: { key: string; revision: string; rows: number }[]; rows: number; stands_for: number | null; done_by: number | null;
}
export interface RebaseView {
  changes: RebaseChange[]; nearest: number | null; fork: number | null; replay: RebaseStep[]; replaced: number[];
  cost: Cost; left: Cost; anchor_cost: Cost; rebuild: Cost; result: number | null;
}
export interface PlanAnswer {
  kind: string; model: string; source: string; head: number | null; held: string | null;
  tainted: { version: number; slice: string; why: string; by: string; time: string } | null;
  rebase: RebaseView | null; fork_message: string; estimate_message: string; anchor_message: string;
  slices: SlicePlan[] | null; problem: string;
  first: string; last: string; earlier: [string, string]; later: [string, string]; by_time: boolean;
  timezone: string; schedule_known: boolean; rebase_dag: string | null; retrain_dag: string | null;
  transfer: { message: string; document: Record<string, unknown> | null } | null;
}
