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
}

// The plan, as ckpt_ops/views/plan.py has it.

export interface PlannedSlice {
  key: string;
  action: string;
  why: string;
  status: string | null;
  revision: string | null;
  rows: number | null;
  consumed_by: number | null;
  undecided: boolean;
}
export interface ChangedSlice {
  key: string;
  what: string;
  why: string;
  was: string | null;
  now: string | null;
  rows: number;
}
export interface RebaseStep {
  slices: string[];
  rows: number;
  stands_for: number | null;
  done_by: number | null;
}
export interface RebaseView {
  changes: ChangedSlice[];
  fork: number | null;
  fork_message: string;
  steps: RebaseStep[];
  replaced: number[];
  estimate: string;
  anchor: string;
  dag: string | null;
  command: string;
}
export interface RangeView {
  first: string;
  last: string;
  by_time: boolean;
  earlier: [string, string];
  later: [string, string];
  timezone: string;
  known: boolean;
  intervals: number | null;
  cut: boolean;
  backfill_from: string;
  backfill_to: string;
}
export interface PlanView {
  model: string;
  source: string;
  head: number | null;
  held: string | null;
  tainted: { version: number; slice: string; why: string; by: string; time: string } | null;
  range: RangeView;
  slices: PlannedSlice[] | null;
  problem: string;
  counts: Record<string, number>;
  actions: Record<string, string>;
  rebase: RebaseView | null;
  retrain_dag: string | null;
}
export interface TransferRowView {
  name: string;
  move: string;
  source: string;
  before: string;
  after: string;
  nbytes: number;
  kept: number;
  note: string;
}
export interface TransferView {
  parent: number;
  same: boolean;
  message: string;
  rows: TransferRowView[];
  changed: Record<string, string>;
  objections: string[];
  next: string;
}
