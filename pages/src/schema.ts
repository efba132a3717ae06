// What the api answers. Until it is made from the classes of ckpt_ops/views, it is kept by hand.

export type Wants =
  | "on hold" | "champion is tainted" | "below its floor" | "freshness objective missed" | "awaits approval"
  | "late slice awaits a decision" | "suspect slice" | "slice in quarantine" | "rebase is due"
  | "slice changed at its source" | "slice is missing" | "last candidate rejected" | "log cannot be read";

export interface Attention { what: Wants; message: string; command: string; slices: string[]; version: number | null }
export interface Decision {
  version: number | null; what: string; reason: string; actor: string; time: string; verdicts: string[];
}
export interface Point { at: string; value: number | null }
export interface Series { metric: string; points: Point[]; better: string }
export interface Drifted { column: string; psi: number }
export interface TrainingNow {
  model: string; version: number; attempt: number; phase: string; step: number; last: number; started: string;
  updated: string; metrics: Record<string, number>; history: [number, Record<string, number>][];
  rows_per_second: number | null; steps_per_second: number | null; seconds_left: number | null;
  saves: [number, number, number][]; stall_seconds: number; slices: string[]; lost: boolean;
}
export interface Summary {
  model: string; head: number | null; head_since: string; head_how: string; head_why: string; head_by: string;
  versions: number; generation: number; freshness_hours: number | null; newest_consumed: string | null;
  consumed_time: string; newest_slice: string | null; last: Decision | null; last_rejected: Decision | null;
  metric: Series | null; metrics: [string, number][]; pending: string[]; late: string[]; quarantined: string[];
  set_aside: string[]; suspects: string[]; missing: string[]; changed_at_source: string[];
  counts: [string, number][]; waiting: number[]; held: string | null; tainted: string | null;
  rebase_due: string[]; drift: Drifted[]; attention: Attention[]; training: TrainingNow | null; records: number;
  nbytes: number | null; problem: string;
}
export interface Fleet { store: string; models: Summary[]; nbytes: number | null; measured: string }
export interface VersionRow {
  version: number; status: string; head: boolean; parent: number | null; generation: number; started: string;
  slices: string[]; rows: number; metrics: Record<string, number>; champion_metrics: Record<string, number>;
  decided: Decision | null; approved_by: string; approved_why: string; seconds: number | null;
  step: number | null; stopped_by: string; nbytes: number | null; again: string; late: boolean; shadow: boolean;
}
export interface PeriodRow {
  version: number; since: string; until: string | null; how: string; actor: string; why: string;
}
export interface Mark { at: string; what: string; message: string; version: number | null }
export interface DriftRow { column: string; series: Series }
export interface Heatmap {
  metric: string; versions: number[]; slices: string[]; values: (number | null)[][]; better: string;
}
export interface ModelView {
  summary: Summary; scores: Series[]; marks: Mark[]; versions: VersionRow[]; periods: PeriodRow[];
  drift: DriftRow[]; forgetting: Heatmap[];
}
export interface Edge { source: number; target: number; what: string }
export interface LineageView {
  model: string; head: number | null; versions: VersionRow[]; edges: Edge[]; left_out: number;
}
export interface Choice { possible: boolean; why_not: string }
export interface SliceRow {
  key: string; revision: string; rows: number; status: string; reason: string; consumed_by: number | null;
  action: string; why: string; changed_at_source: string | null; repeats: number | null; time: string;
  report: string; origin: string; set_aside: number; released: boolean; seen_by: number[];
  suspect: string | null; late: boolean; tainted: string | null;
}
export interface SlicesView {
  model: string; rows: SliceRow[]; found: number; older: string | null; counts: Record<string, number>;
  missing: string[]; missing_in_all: number;
}
export interface Said {
  number: number; what: string; time: string; actor: string; run: string; reason: string; revision: string;
  rows: number; set_aside: number; report: string;
}
export interface RevisionRow { revision: string; rows: number; made: string; how: string; roles: string[] }
export interface ReasonRow {
  kind: string; severity: string; column: string; message: string; expectation: string;
  unexpected_count: number; examples: string[]; why: string;
}
export interface VerdictView {
  outcome: string; summary: string; rows: number; set_aside: number; unread: number; expectations: number;
  seconds: number; suite: string; reasons: ReasonRow[]; drift: Record<string, number>;
}
export interface SliceView {
  model: string; slice: SliceRow; history: Said[]; whole: boolean; revisions: RevisionRow[];
  verdict: VerdictView | null; inherited_by: number[]; scores: Record<string, number | null>;
  may: Record<string, Choice>;
}
export interface Trained { key: string; revision: string; rows: number }
export interface CheckpointRow {
  step: number; manifest: string; uploaded: number; seconds: number; metrics: Record<string, number | null>;
}
export interface GateRow {
  gate: string; passed: boolean | null; message: string; numbers: Record<string, number | null>;
}
export interface DecisionTaken { type: string; reason: string; actor: string; time: string }
export interface ShadowProgress { version: number; slices: number; scored: Trained[]; words: string }
export interface ConversionRow {
  format: string; object: string; rows: number; max_abs_difference: number | null; error: string;
}
export interface PredictionRow { key: string; revision: string; rows: number; object: string }
export interface CodeView { digest: string; lock: string; object: string; files: Record<string, number> }
export interface PolicySaid { words: string; numbers: Record<string, number | null> }
export interface VersionView {
  model: string; version: number; candidate: string; status: string; head: boolean; parent: number | null;
  generation: number; transferred: boolean; late: boolean; retrained: string | null;
  retrained_without: Trained[]; why: string; started: string; slices: Trained[]; rows: number;
  attempts: number; checkpoints: CheckpointRow[]; shadow: ShadowProgress | null; steps: number | null;
  stopped_by: string | null; artifacts: Record<string, string>; champion: number | null;
  judged_in_shadow_on: Trained[]; passed: boolean | null;
  metrics: Record<string, Record<string, number | null>>; verdicts: string[];
  decision: DecisionTaken | null; policy: PolicySaid | null;
  scores: Record<string, Record<string, number | null>>; conversions: ConversionRow[];
  predictions: PredictionRow[]; kept: boolean; run: string; evaluated_reason: string; evaluated_time: string;
  gates: GateRow[]; report: string; decisions: Decision[]; approved: Decision | null; card: string;
  transfer: Record<string, unknown> | null; exported: string[]; code: CodeView | null; children: number[];
  replaces: number | null; uploaded: number; seconds: number | null; may: Record<string, Choice>;
}
