// Written by `python -m ckpt_ops.views --typescript`: change the classes in ckpt_ops/views.

/** What was decided on a version, as its record says. */
export interface Decision {
  version: number | null;
  what: string;
  reason: string;
  actor: string;
  time: string;
  verdicts: string[];
}

/** One number of a series. */
export interface Point {
  at: string;
  value: number | null;
}

/** A metric over slices, in key order. */
export interface Series {
  metric: string;
  points: Point[];
  better: string;
}

/** How far a column of the newest slice is from those before it. */
export interface Drifted {
  column: string;
  psi: number;
}

/** What a model wants a person for; the most urgent first. */
export type Wants =
  | "log cannot be read"
  | "on hold"
  | "champion is tainted"
  | "below its floor"
  | "freshness objective missed"
  | "awaits approval"
  | "late slice awaits a decision"
  | "suspect slice"
  | "slice in quarantine"
  | "rebase is due"
  | "slice changed at its source"
  | "slice is missing"
  | "last candidate rejected"
  | "training is slower";

/** One thing that a person should look at. */
export interface Attention {
  what: Wants;
  message: string;
  command: string;
  slices: string[];
  version: number | null;
}

/** How far a running training is. */
export interface TrainingNow {
  model: string;
  version: number;
  attempt: number;
  phase: string;
  step: number;
  last: number;
  started: string;
  updated: string;
  metrics: Record<string, number>;
  history: [number, Record<string, number>][];
  rows_per_second: number | null;
  steps_per_second: number | null;
  seconds_left: number | null;
  saves: [number, number, number][];
  stall_seconds: number;
  save_every: number | null;
  slices: string[];
  lost: boolean;
}

/** Where one model stands. */
export interface Summary {
  model: string;
  head: number | null;
  head_since: string;
  head_how: string;
  head_why: string;
  head_by: string;
  versions: number;
  generation: number;
  freshness_hours: number | null;
  newest_consumed: string | null;
  consumed_time: string;
  newest_slice: string | null;
  last: Decision | null;
  last_rejected: Decision | null;
  metric: Series | null;
  metrics: [string, number][];
  pending: string[];
  late: string[];
  quarantined: string[];
  set_aside: string[];
  suspects: string[];
  missing: string[];
  acknowledged: string[];
  changed_at_source: string[];
  counts: [string, number][];
  waiting: number[];
  held: string | null;
  tainted: string | null;
  rebase_due: string[];
  drift: Drifted[];
  attention: Attention[];
  training: TrainingNow | null;
  training_versions: number[];
  records: number;
  nbytes: number | null;
  problem: string;
}

/** Every model, those that need a person first. */
export interface Fleet {
  store: string;
  models: Summary[];
  nbytes: number | null;
  measured: string;
}

/** Something that happened, at a slice of the chart. */
export interface Mark {
  at: string;
  what: string;
  message: string;
  version: number | null;
}

/** A version in a table, and a mark on the chart. */
export interface VersionRow {
  version: number;
  status: string;
  head: boolean;
  parent: number | null;
  generation: number;
  started: string;
  slices: string[];
  rows: number;
  metrics: Record<string, number>;
  champion_metrics: Record<string, number>;
  decided: Decision | null;
  approved_by: string;
  approved_why: string;
  seconds: number | null;
  step: number | null;
  stopped_by: string;
  nbytes: number | null;
  again: string;
  late: boolean;
  shadow: boolean;
}

/** How long one version was in production. See `lineage.production.Period`. */
export interface PeriodRow {
  version: number;
  since: string;
  until: string | null;
  how: string;
  actor: string;
  why: string;
}

/** A column's drift over slices; its values are of the population stability index. */
export interface DriftRow {
  column: string;
  series: Series;
}

/** A metric by version and past slice: what later versions forgot. */
export interface Heatmap {
  metric: string;
  versions: number[];
  slices: string[];
  values: ((number | null)[])[];
  better: string;
}

/** The page of a model. */
export interface ModelView {
  summary: Summary;
  scores: Series[];
  marks: Mark[];
  versions: VersionRow[];
  periods: PeriodRow[];
  drift: DriftRow[];
  forgetting: Heatmap[];
}

/** From a version to one that was made of it. */
export interface Edge {
  source: number;
  target: number;
  what: string;
}

/** Versions and how they came of each other; the last 300 versions, and `left_out` before them. */
export interface LineageView {
  model: string;
  head: number | null;
  versions: VersionRow[];
  edges: Edge[];
  left_out: number;
}

/** A slice in its newest known revision, and what a run of it would do. */
export interface SliceRow {
  key: string;
  revision: string;
  rows: number;
  status: string;
  reason: string;
  consumed_by: number | null;
  action: string;
  why: string;
  changed_at_source: string | null;
  repeats: number | null;
  time: string;
  report: string;
  origin: string;
  set_aside: number;
  released: boolean;
  seen_by: number[];
  suspect: string | null;
  late: boolean;
  tainted: string | null;
}

/** That a person said why a slice has not come. */
export interface Acknowledged {
  key: string;
  reason: string;
  actor: string;
  time: string;
  arrived: boolean;
}

/** Slices of a model, the newest first, some at a time. */
export interface SlicesView {
  model: string;
  rows: SliceRow[];
  found: number;
  older: string | null;
  counts: Record<string, number>;
  missing: string[];
  missing_in_all: number;
  acknowledged: Acknowledged[];
  acknowledged_in_all: number;
}

/** A record of the log on a slice. */
export interface Said {
  number: number;
  what: string;
  time: string;
  actor: string;
  run: string;
  reason: string;
  revision: string;
  rows: number;
  set_aside: number;
  report: string;
}

/** A revision of a slice that the store holds. */
export interface RevisionRow {
  revision: string;
  rows: number;
  made: string;
  how: string;
  roles: string[];
}

/** One thing that validation found. See `validation.verdict.Reason`. */
export interface ReasonRow {
  kind: string;
  severity: string;
  column: string;
  message: string;
  expectation: string;
  unexpected_count: number;
  examples: string[];
  why: string;
}

/** What validation said of the newest revision. */
export interface VerdictView {
  outcome: string;
  summary: string;
  rows: number;
  set_aside: number;
  unread: number;
  expectations: number;
  seconds: number;
  suite: string;
  reasons: ReasonRow[];
  drift: Record<string, number>;
}

/** Whether a person may decide something now. */
export interface Choice {
  possible: boolean;
  why_not: string;
}

/** One slice. */
export interface SliceView {
  model: string;
  slice: SliceRow;
  history: Said[];
  whole: boolean;
  revisions: RevisionRow[];
  verdict: VerdictView | null;
  inherited_by: number[];
  scores: Record<string, number | null>;
  may: Record<string, Choice>;
  acknowledged: Acknowledged | null;
}

/** A slice that should have come, and has not. It has no row: nobody has seen it. */
export interface MissingView {
  model: string;
  key: string;
  missing: boolean;
  after: string | null;
  before: string | null;
  newer: number;
  acknowledged: Acknowledged | null;
  history: Said[];
  whole: boolean;
  may: Record<string, Choice>;
}

/** A slice as it was trained on. */
export interface Trained {
  key: string;
  revision: string;
  rows: number;
}

/** A committed checkpoint. */
export interface CheckpointRow {
  step: number;
  manifest: string;
  uploaded: number;
  seconds: number;
  metrics: Record<string, number | null>;
}

/** How far a candidate in shadow has come. */
export interface ShadowProgress {
  version: number;
  slices: number;
  scored: Trained[];
  words: string;
}

/** The last decision on a version: type of the record, reason, who and when. */
export interface DecisionTaken {
  type: string;
  reason: string;
  actor: string;
  time: string;
}

/** What the update policy said: `words`, and the `numbers` behind them. */
export interface PolicySaid {
  words: string;
  numbers: Record<string, number | null>;
}

/** A conversion to another format; `error`: why it was refused, and nothing is kept then. */
export interface ConversionRow {
  format: string;
  object: string;
  rows: number;
  max_abs_difference: number | null;
  error: string;
}

/** Predictions on a slice, as an object. */
export interface PredictionRow {
  key: string;
  revision: string;
  rows: number;
  object: string;
}

/** A gate's verdict. */
export interface GateRow {
  gate: string;
  passed: boolean | null;
  message: string;
  numbers: Record<string, number | null>;
}

/** A checkpoint of the version, in the store in a format of another library. */
export interface ExportRow {
  format: string;
  step: number;
  object: string;
  files: number;
  nbytes: number;
  actor: string;
  time: string;
  reason: string;
}

/** The code that the version was trained with. */
export interface CodeView {
  digest: string;
  lock: string;
  object: string;
  files: Record<string, number>;
}

/** The page of a version. */
export interface VersionView {
  model: string;
  version: number;
  candidate: string;
  status: string;
  head: boolean;
  parent: number | null;
  generation: number;
  transferred: boolean;
  late: boolean;
  retrained: string | null;
  retrained_without: Trained[];
  why: string;
  started: string;
  slices: Trained[];
  rows: number;
  attempts: number;
  checkpoints: CheckpointRow[];
  shadow: ShadowProgress | null;
  steps: number | null;
  stopped_by: string | null;
  artifacts: Record<string, string>;
  champion: number | null;
  judged_in_shadow_on: Trained[];
  passed: boolean | null;
  metrics: Record<string, Record<string, number | null>>;
  verdicts: string[];
  decision: DecisionTaken | null;
  policy: PolicySaid | null;
  scores: Record<string, Record<string, number | null>>;
  conversions: ConversionRow[];
  predictions: PredictionRow[];
  kept: boolean;
  run: string;
  evaluated_reason: string;
  evaluated_time: string;
  gates: GateRow[];
  report: string;
  decisions: Decision[];
  approved: Decision | null;
  placement: string;
  card: string;
  transfer: Record<string, unknown> | null;
  exported: string[];
  exports: ExportRow[];
  code: CodeView | null;
  children: number[];
  replaces: number | null;
  uploaded: number;
  seconds: number | null;
  may: Record<string, Choice>;
}

/** A format that a version may be written in. */
export interface FormatRow {
  format: string;
  converts: boolean;
  possible: boolean;
  why_not: string;
  command: string;
}

/** A run that writes the version in a format. */
export interface ExportRun {
  run: string;
  format: string;
  state: string;
  started: string;
  ended: string;
  by: string;
  reason: string;
  note: string;
}

/** The formats of a version, and the runs that write them. */
export interface ExportsView {
  model: string;
  version: number;
  dag: string | null;
  paused: boolean;
  permitted: boolean;
  formats: FormatRow[];
  runs: ExportRun[];
}

/** Why nothing may be built on the version in production. */
export interface TaintRow {
  version: number | null;
  slice: string;
  revision: string;
  why: string;
  by: string;
  time: string;
}

/** A suspect slice; see `lineage.suspects.Suspect`. */
export interface SuspectRow {
  key: string;
  revision: string;
  rows: number;
  why: string;
  in_a_row: number;
  like_a_change: boolean;
}

/** A consumed slice that was rewritten at its source, since when, and what to do. */
export interface ChangedRow {
  key: string;
  since: string;
  consumed_by: number | null;
  next: string;
}

/** A model, with all keys of its slices that need something, and its last records. */
export interface StatusView {
  model: string;
  head: number | null;
  held: string | null;
  tainted: TaintRow | null;
  rebase_due: string[];
  metrics: Record<string, number | null>;
  newest_consumed: string | null;
  waiting: number[];
  pending: Trained[];
  quarantined: string[];
  set_aside: string[];
  suspects: SuspectRow[];
  changed_at_source: ChangedRow[];
  below_floor: string | null;
  shadow: ShadowProgress | null;
  versions: number;
  records: number;
  last: Record<string, unknown>[];
  summary: Summary;
  problem: string;
}

/** Why nothing may be built on the version in production. */
export interface Tainted {
  version: number;
  slice: string;
  why: string;
  by: string;
  time: string;
}

/** The range that is shown, by the clocks of the DAG's time zone. */
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

/** What a run would do with one slice. See `runs.backfill.SlicePlan`. */
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

/** A slice that should have been consumed differently. */
export interface ChangedSlice {
  key: string;
  what: string;
  why: string;
  was: string | null;
  now: string | null;
  rows: number;
}

/** One training of a rebase. */
export interface RebaseStep {
  slices: string[];
  rows: number;
  stands_for: number | null;
  done_by: number | null;
}

/** The rebase that is due. */
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

/** The page before a backfill or a rebase. Nothing on it trains anything. */
export interface PlanView {
  model: string;
  source: string;
  head: number | null;
  held: string | null;
  tainted: Tainted | null;
  range: RangeView;
  slices: PlannedSlice[] | null;
  problem: string;
  counts: Record<string, number>;
  actions: Record<string, string>;
  rebase: RebaseView | null;
  retrain_dag: string | null;
}

/** One variable of the model. See `candidates.transfer_preview.TransferRow`. */
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

/** What becomes of the variables of the version in production, where the model's code has changed. */
export interface TransferView {
  parent: number;
  same: boolean;
  message: string;
  rows: TransferRowView[];
  changed: Record<string, string>;
  objections: string[];
  next: string;
}
