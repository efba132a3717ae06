// Made-up answers in the shapes of ckpt_ops/views: a fleet with everything in it that pages have to show.
// The same seed makes the same fleet. Some names are hostile on purpose.

const DAY = 86_400_000;
export const NOW = Date.UTC(2026, 2, 16, 9, 30);

function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// ages are of today, so that "3 h ago" stays true while somebody develops
const shift = Date.now() - NOW;
const iso = (at) => new Date(at + shift).toISOString().replace("Z", "+00:00");
const key = (at) => new Date(at).toISOString().slice(0, 10);
const pick = (next, list) => list[Math.floor(next() * list.length)];

const WORDS = [
  "flight_delay",
  "eta",
  "churn",
  "fraud",
  "ranking",
  "demand",
  "price",
  "clicks",
  "returns",
  "spam",
  "energy",
  "credit",
];
const PLACES = ["", ".berlin", ".oslo", "_nairobi", "_lima", "_osaka"];
export const HOSTILE = "<img src=x onerror=alert(1)>";
export const LONG = `model_${"with_a_very_long_name_".repeat(9)}end`;
export const ARABIC = "نموذج_الطلب";
const PEOPLE = ["ada", "grace", "mary.jackson", "scheduler"];

const names = () => {
  const found = [];
  for (const place of PLACES) for (const word of WORDS) found.push(`${word}${place}`);
  return [...found.slice(0, 47), HOSTILE, LONG, ARABIC];
};

const GATES = [
  [
    "NotWorse(metric='auc', by=0.005)",
    "auc 0.7412 is not more than 0.005 below the champion's 0.7388 on the newest 3 slices",
  ],
  ["NoSuspectSlice(deviations=6.0)", "no slice deviates by more than 6 standard deviations"],
  [
    "NoForgetting(metric='auc', by=0.02, slices=4)",
    "auc on slice 2026-02-09 is 0.7012, 0.031 below the champion's",
  ],
  ["Floor(metric='auc', value=0.65)", "auc 0.7412 is above 0.65"],
  ["Segments(column='carrier', metric='auc', by=0.03)", "carrier '<b>AA</b>' lost 0.041"],
];

function training(model, version, next) {
  const last = 4000;
  const started = NOW + shift - 95_000;
  const step = Math.min(last, 900 + Math.floor(((Date.now() - started) / 1000) % 300) * 10);
  const at = (one) => ({
    loss: 0.69 * Math.exp(-one / 1500) + 0.31 + 0.02 * Math.sin(one / 37),
    auc: 0.74 - 0.16 * Math.exp(-one / 700) + 0.004 * Math.sin(one / 51),
  });
  return {
    model,
    version,
    attempt: 1,
    phase: "training",
    step,
    last,
    started: new Date(started).toISOString(),
    updated: new Date().toISOString(),
    metrics: at(step),
    history: Array.from({ length: Math.floor(step / 20) }, (_, number) => [
      20 * (number + 1),
      at(20 * (number + 1)),
    ]),
    rows_per_second: 48_211 + 100 * next(),
    steps_per_second: 94.2,
    seconds_left: (last - step) / 94.2,
    saves: [
      [250, 302_000_000, 302_000_000],
      [500, 302_000_000, 61_000_000],
      [750, 302_000_000, 58_400_000],
    ],
    stall_seconds: 0.41,
    save_every: 30,
    slices: [key(NOW - DAY)],
    lost: false,
  };
}

function made(model, at) {
  const next = random(7919 * (at + 1));
  const count = at === 5 ? 0 : at === 9 ? 1000 : 12 + Math.floor(next() * 60);
  const better = model.startsWith("eta") || model.startsWith("price") ? "lower" : "higher";
  const metric = better === "lower" ? "mean_absolute_error" : "auc";
  const base = better === "lower" ? 4.2 : 0.72;
  const quality = (slice) =>
    base *
    (1 +
      0.03 * Math.sin(slice / 5 + at) +
      0.012 * (next() - 0.5) +
      0.0006 * slice * (better === "lower" ? -1 : 1));
  const versions = [];
  const edges = [];
  const marks = [];
  const periods = [];
  const scores = [];
  let head = null;
  let generation = 1;
  for (let number = 1; number <= count; number += 1) {
    const time = NOW - (count - number) * DAY - 3_600_000 * (1 + next() * 4);
    const slice = key(NOW - (count - number + 1) * DAY);
    const value = quality(number);
    scores.push({ at: slice, value: number === 1 || next() < 0.03 ? null : value });
    const lot = next();
    const last = number === count;
    const status =
      head === null
        ? "promoted"
        : last && at % 4 === 0
          ? "rejected"
          : last && at % 11 === 3
            ? "evaluated"
            : lot < 0.12
              ? "rejected"
              : lot < 0.16
                ? "deferred"
                : "promoted";
    if (number > 1 && number % 23 === 0) generation += 1;
    const own = value * (1 + 0.01 * (next() - 0.5));
    const actor = pick(next, PEOPLE);
    const reason =
      status === "rejected"
        ? "2 of 5 gates did not pass: auc fell by 0.031 on slice 2026-02-09, and carrier 'AA' lost 0.041"
        : status === "deferred"
          ? "1,204 new rows are fewer than the 5,000 that the policy waits for"
          : "every gate passed";
    const row = {
      version: number,
      status,
      head: false,
      parent: head,
      generation,
      started: iso(time - 900_000),
      slices: [slice],
      rows: 40_000 + Math.floor(next() * 30_000),
      metrics: { [metric]: own, loss: 0.5 + 0.02 * next() },
      champion_metrics: head === null ? {} : { [metric]: value, loss: 0.51 },
      decided:
        status === "evaluated"
          ? null
          : {
              version: number,
              what: status === "deferred" ? "update_deferred" : status,
              reason,
              actor,
              time: iso(time),
              verdicts: status === "rejected" ? [GATES[2][1], GATES[4][1]] : [],
            },
      approved_by: status === "promoted" && number % 7 === 0 ? "ada" : "",
      approved_why: number % 7 === 0 ? "looked at the segments; fine" : "",
      seconds: status === "deferred" ? null : 30 + 25 * next(),
      step: 4000,
      stopped_by: pick(next, ["the end of the data", "early stopping", "max_steps"]),
      nbytes: status === "deferred" ? null : 50_000_000 + Math.floor(next() * 20_000_000),
      again: number === 17 ? "retraining" : number > 26 && number < 30 ? "rebase" : "",
      late: number % 19 === 0,
      shadow: number % 13 === 0,
    };
    versions.push(row);
    if (row.parent !== null) edges.push({ source: row.parent, target: number, what: "trained from" });
    if (row.again) edges.push({ source: number, target: number - 3, what: "replaces" });
    if (status !== "deferred")
      marks.push({
        at: slice,
        what: status === "evaluated" ? "deferred" : status,
        message: `version ${number}: ${reason}`,
        version: number,
      });
    if (row.again)
      marks.push({
        at: slice,
        what: row.again === "rebase" ? "rebase" : "retrained",
        message: `version ${number} replaces version ${number - 3}`,
        version: number,
      });
    if (next() < 0.05)
      marks.push({
        at: slice,
        what: "quarantined",
        message: "expect_column_values_to_be_between(distance) did not hold for 1,204 rows",
        version: null,
      });
    if (status === "promoted") {
      if (periods[0]) periods[0].until = iso(time);
      periods.unshift({
        version: number,
        since: iso(time),
        until: null,
        how: number % 7 === 0 ? "approved" : "gates",
        actor,
        why: number % 7 === 0 ? "looked at the segments; fine" : "every gate passed",
      });
      head = number;
    }
    if (number === 21 && head > 2) {
      const back = versions.findLast((one) => one.status === "promoted" && one.version < head)?.version ?? 1;
      periods[0].until = iso(time + 4_000_000);
      periods.unshift({
        version: back,
        since: iso(time + 4_000_000),
        until: null,
        how: "rolled_back",
        actor: "grace",
        why: "customers saw wrong times",
      });
      marks.push({
        at: slice,
        what: "rolled back",
        message: `from version ${head} to version ${back}: customers saw wrong times`,
        version: back,
      });
      edges.push({ source: head, target: back, what: "rolled back to" });
      versions[head - 1].status = "rolled back";
      head = back;
    }
  }
  const now = versions.find((one) => one.version === head);
  if (now) now.head = true;
  const last = versions.at(-1)?.decided ?? versions.at(-2)?.decided ?? null;
  const rejected = versions.findLast((one) => one.status === "rejected")?.decided ?? null;
  const old = (ages) => ages.map((age) => key(NOW - age * DAY));
  const state = {
    pending: at % 3 === 0 ? old([0, 1].slice(0, 1 + (at % 2))) : [],
    late: at % 9 === 4 ? old([12]) : [],
    quarantined: at % 5 === 0 ? old([2, 9, 15].slice(0, 1 + (at % 3))) : [],
    set_aside: at % 7 === 2 ? old([3]) : [],
    suspects: at % 16 === 0 ? old([2]) : [],
    missing: at % 8 === 6 ? old([4, 5]) : [],
    acknowledged: at % 8 === 6 ? old([6]) : [],
    changed_at_source: at % 13 === 7 ? old([20]) : [],
  };
  const attention = [];
  const want = (what, message, command = "", slices = [], version = null) =>
    attention.push({ what, message, command, slices, version });
  const held = at === 8 ? "auc of 0.6121 on slice 2026-03-14 is below the floor of 0.65" : null;
  const tainted =
    at === 16 ? `version ${head} was trained on slice 2026-03-09: prices were in the wrong currency` : null;
  if (held)
    want(
      "on hold",
      `${held}. Nothing is trained until somebody releases it.`,
      `ckpt-ops release ${model} --why TEXT`,
    );
  if (tainted) want("champion is tainted", tainted, `ckpt-ops rebase ${model}`, ["2026-03-09"]);
  if (at % 12 === 1)
    want(
      "freshness objective missed",
      "The newest consumed slice is 3 days old; the objective is 24 hours.",
      `ckpt-ops status ${model}`,
    );
  if (versions.at(-1)?.status === "evaluated")
    want(
      "awaits approval",
      `Version ${count} passed its gates and waits for a person.`,
      `ckpt-ops approve ${model} ${count} --why TEXT`,
      [],
      count,
    );
  if (state.late.length)
    want(
      "late slice awaits a decision",
      `Slice ${state.late[0]} came after newer ones were consumed.`,
      `ckpt-ops resolve ${model} ${state.late[0]} --append --why TEXT`,
      state.late,
    );
  if (state.suspects.length)
    want(
      "suspect slice",
      `A candidate was rejected because of slice ${state.suspects[0]}.`,
      "",
      state.suspects,
    );
  if (state.quarantined.length)
    want(
      "slice in quarantine",
      `${state.quarantined.length} of the last 30 slices did not pass validation.`,
      `ckpt-ops slices ${model}`,
      state.quarantined,
    );
  if (state.changed_at_source.length)
    want(
      "slice changed at its source",
      `Slice ${state.changed_at_source[0]} was consumed with a different content.`,
      "",
      state.changed_at_source,
    );
  if (state.missing.length)
    want("slice is missing", `${state.missing.length} slices are not at the source.`, "", state.missing);
  if (versions.at(-1)?.status === "rejected")
    want(
      "last candidate rejected",
      `Version ${count}: ${rejected?.reason}`,
      `ckpt-ops show ${model} ${count}`,
      [],
      count,
    );
  const broken = at === 30;
  const summary = {
    model,
    head,
    head_since: periods[0]?.since ?? "",
    head_how: periods[0]?.how ?? "",
    head_why: periods[0]?.why ?? "",
    head_by: periods[0]?.actor ?? "",
    versions: count,
    generation,
    freshness_hours: at % 6 === 5 ? null : 24 + 24 * (at % 3),
    newest_consumed: now?.slices[0] ?? null,
    consumed_time: periods[0]?.since ?? "",
    newest_slice: key(NOW - DAY),
    last,
    last_rejected: rejected,
    metric: count ? { metric, better, points: scores.slice(-30) } : null,
    metrics: Object.entries(now?.metrics ?? {}),
    ...state,
    counts: Object.entries(state).map(([name, keys]) => [name, keys.length]),
    waiting: versions.at(-1)?.status === "evaluated" ? [count] : [],
    held,
    tainted,
    rebase_due: tainted ? ["2026-03-09"] : [],
    drift: count
      ? [
          { column: "distance", psi: at % 10 === 3 ? 0.41 : 0.08 },
          { column: "carrier", psi: 0.05 },
          { column: "a_column_with_quite_a_long_name", psi: 0.02 },
        ]
      : [],
    attention,
    training: at % 15 === 2 ? training(model, count + 1, next) : null,
    records: 40 + 7 * count,
    nbytes: 2_000_000_000 + Math.floor(next() * 9e9),
    problem: "",
  };
  if (broken) {
    Object.assign(summary, {
      problem: "entry 000000000412 of the log is no JSON",
      head: null,
      last: null,
      last_rejected: null,
      metric: null,
      versions: 0,
      training: null,
      drift: [],
      attention: [
        {
          what: "log cannot be read",
          message: "entry 000000000412 of the log is no JSON",
          command: `ckpt-ops check ${model}`,
          slices: [],
          version: null,
        },
      ],
    });
  }
  return { summary, versions: versions.reverse(), edges, marks, periods, scores, metric, better };
}

const fleetOf = () => names().map((name, at) => made(name, at));
const URGENCY = [
  "on hold",
  "champion is tainted",
  "freshness objective missed",
  "awaits approval",
  "late slice awaits a decision",
  "suspect slice",
  "slice in quarantine",
  "rebase is due",
  "slice changed at its source",
  "slice is missing",
  "last candidate rejected",
];

let whole;
const all = () => (whole ??= fleetOf());
const find = (name) => all().find((one) => one.summary.model === name);
const airflow = (at) => ({
  next_run: at % 10 === 9 ? null : iso(NOW + 3_600_000 * (3 + (at % 20))),
  paused: at % 17 === 5,
  last_run_state: at % 8 === 6 ? "success" : pick(random(at), ["success", "failed", "running"]),
  last_run_note: null,
  missing_runs: at % 8 === 6 ? 2 : 0,
});

export function fleet() {
  const models = all().map(({ summary }, at) => ({ ...summary, airflow: airflow(at) }));
  const rank = (one) =>
    one.problem ? 0.5 : one.attention.length ? URGENCY.indexOf(one.attention[0].what) : 99;
  models.sort((a, b) => rank(a) - rank(b) || (a.model < b.model ? -1 : 1));
  return {
    store: "gs://models",
    models,
    nbytes: models.reduce((sum, one) => sum + one.nbytes, 0),
    measured: iso(NOW - DAY),
  };
}

export function model(name) {
  const one = find(name);
  if (!one) return undefined;
  const { summary, versions, marks, periods, scores, metric, better } = one;
  const promoted = versions.filter((row) => row.status === "promoted").slice(0, 8);
  const slices = scores.slice(-9).map((point) => point.at);
  const next = random(3);
  return {
    summary,
    versions,
    marks,
    periods,
    may: { trigger: true },
    airflow: airflow(all().indexOf(one)),
    scores: summary.head
      ? [
          { metric, better, points: scores },
          {
            metric: "loss",
            better: "lower",
            points: scores.map((point) => ({
              at: point.at,
              value: point.value === null ? null : 0.5 + 0.05 * next(),
            })),
          },
        ]
      : [],
    drift: [
      "distance",
      "carrier",
      "dep_hour",
      "origin",
      "dest",
      "wind_speed",
      "month",
      "a_column_with_quite_a_long_name",
    ].map((column, number) => ({
      column,
      series: {
        metric: "psi",
        better: "lower",
        points: scores
          .slice(-40)
          .map((point, at) => ({
            at: point.at,
            value: 0.02 + 0.06 * next() + (number === 0 && at > 30 ? 0.3 : 0),
          })),
      },
    })),
    forgetting: promoted.length
      ? [
          {
            metric,
            better,
            versions: promoted.map((row) => row.version),
            slices,
            values: promoted.map((row, line) =>
              slices.map((_, at) => (at > 9 - line ? null : (better === "lower" ? 4 : 0.7) + 0.06 * next())),
            ),
          },
        ]
      : [],
  };
}

export function lineage(name) {
  const one = find(name);
  return (
    one && { model: name, head: one.summary.head, versions: one.versions, edges: one.edges, left_out: 0 }
  );
}

function sliceRow(one, at, number) {
  const { summary, versions } = one;
  const name = key(NOW - at * DAY);
  const seen = versions.filter((row) => row.slices.includes(name));
  const quarantined = summary.quarantined.includes(name);
  const late = summary.late.includes(name);
  return {
    key: name,
    revision: `r${(7_654_321 * (at + 3)).toString(16)}f3a9`,
    rows: 41_000 + 37 * at,
    status: quarantined ? "quarantined" : number === 5 ? "withdrawn" : "accepted",
    reason: quarantined
      ? "expect_column_values_to_be_between(distance) did not hold for 1,204 of 41,074 rows, such as <script>alert(1)</script>"
      : number === 5
        ? "the provider sent it twice"
        : "",
    consumed_by: seen.find((row) => row.status === "promoted")?.version ?? null,
    action: quarantined ? "skip" : late ? "hold" : seen.length ? "skip" : "append",
    why: quarantined
      ? "it is in quarantine"
      : late
        ? "newer slices were consumed, and it is beyond late_slices"
        : seen.length
          ? "it is consumed"
          : "it is pending",
    changed_at_source: summary.changed_at_source.includes(name) ? iso(NOW - DAY) : null,
    repeats: null,
    time: iso(NOW - at * DAY + 3_000_000),
    report: "slices/x/report.json",
    origin: "",
    set_aside: summary.set_aside.includes(name) ? 312 : 0,
    released: number === 8,
    seen_by: seen.map((row) => row.version),
    suspect: summary.suspects.includes(name) ? "version 40 was rejected because of it" : null,
    late,
    tainted: summary.tainted && name === "2026-03-09" ? "prices were in the wrong currency" : null,
  };
}

export function slices(name, query) {
  const one = find(name);
  if (!one) return undefined;
  const rows = Array.from({ length: Math.max(1, one.summary.versions) + 3 }, (_, at) =>
    sliceRow(one, at, at),
  );
  const status = query.get("status") ?? "";
  const q = query.get("q") ?? "";
  const fits = (row) =>
    (row.key + row.reason).includes(q) &&
    (status === "" ||
      row.status === status ||
      (status === "late" && row.late) ||
      (status === "suspect" && row.suspect) ||
      (status === "consumed" && row.consumed_by) ||
      (status === "pending" && row.action === "append") ||
      (status === "set aside" && row.set_aside) ||
      (status === "changed at source" && row.changed_at_source));
  const found = rows.filter(fits);
  const counts = {};
  const add = (word, yes = true) => {
    if (yes) counts[word] = (counts[word] ?? 0) + 1;
  };
  for (const row of rows) {
    add(row.status);
    add("late", row.late);
    add("suspect", row.suspect);
    add("consumed", row.consumed_by);
    add("pending", row.action === "append");
    add("set aside", row.set_aside);
    add("changed at source", row.changed_at_source);
  }
  return {
    model: name,
    rows: found.slice(0, 200),
    found: found.length,
    older: null,
    counts,
    missing: [...one.summary.missing, ...one.summary.acknowledged].sort(),
    missing_in_all: one.summary.missing.length + one.summary.acknowledged.length,
    acknowledged: one.summary.acknowledged.map(acknowledged),
    acknowledged_in_all: one.summary.acknowledged.length,
  };
}

const acknowledged = (key, arrived = false) => ({
  key,
  reason: "the shop was closed: a holiday, and <b>nobody</b> sold anything, as was announced a month before",
  actor: "ada@example.com",
  time: iso(NOW - DAY),
  arrived,
});

function missing(one, key) {
  const said = one.summary.acknowledged.includes(key);
  const why_not = said
    ? "It is acknowledged already, by ada@example.com."
    : "Possible is a missing slice that is acknowledged: none.";
  return {
    model: one.summary.model,
    key,
    missing: true,
    after: new Date(Date.parse(key) - DAY).toISOString().slice(0, 10),
    before: new Date(Date.parse(key) + DAY).toISOString().slice(0, 10),
    newer: 3,
    acknowledged: said ? acknowledged(key) : null,
    history: said
      ? [
          {
            ...{ number: 812, what: "MissingAcknowledged", time: iso(NOW - DAY), actor: "ada@example.com" },
            ...{ run: "", reason: acknowledged(key).reason, revision: "", rows: 0, set_aside: 0, report: "" },
          },
        ]
      : [],
    whole: true,
    may: {
      "acknowledge-missing": { possible: !said, why_not: said ? why_not : "" },
      "lift-acknowledgement": { possible: said, why_not: said ? "" : why_not },
    },
  };
}

export function slice(name, wanted) {
  const one = find(name);
  if (!one) return undefined;
  if ([...one.summary.missing, ...one.summary.acknowledged].includes(wanted)) return missing(one, wanted);
  const at = Math.round((NOW - Date.parse(wanted)) / DAY);
  const row = { ...sliceRow(one, Number.isNaN(at) ? 3 : at, at), key: wanted };
  const bad = row.status === "quarantined";
  return {
    model: name,
    slice: row,
    whole: true,
    inherited_by: one.versions.slice(0, 3).map((version) => version.version),
    scores: { auc: 0.7312, loss: 0.5121 },
    history: [
      {
        number: 214,
        what: bad ? "slice_quarantined" : "slice_accepted",
        time: row.time,
        actor: "scheduler",
        run: "scheduled__2026-03-14",
        reason: row.reason,
        revision: row.revision,
        rows: row.rows,
        set_aside: row.set_aside,
        report: row.report,
      },
    ],
    revisions: [
      {
        revision: row.revision,
        rows: row.rows,
        made: row.time,
        how: "as pulled",
        roles: bad ? ["newest", "in quarantine"] : ["newest", "consumed"],
      },
    ],
    verdict: {
      outcome: bad ? "quarantined" : "accepted",
      summary: bad ? "2 critical expectations did not hold" : "every expectation held",
      rows: row.rows,
      set_aside: row.set_aside,
      unread: 0,
      expectations: 31,
      seconds: 1.4,
      suite: "s1",
      drift: {},
      reasons: bad
        ? [
            {
              kind: "expectation",
              severity: "critical",
              column: "distance",
              message: "1,204 values are not between 0 and 5,000",
              expectation: "expect_column_values_to_be_between",
              unexpected_count: 1204,
              examples: ["-3", "99999", HOSTILE],
              why: "a distance of a flight",
            },
            {
              kind: "drift",
              severity: "warning",
              column: "carrier",
              message: "population stability index 0.31",
              expectation: "drift",
              unexpected_count: 0,
              examples: [],
              why: "",
            },
          ]
        : [],
    },
    acknowledged: row.late ? acknowledged(wanted, true) : null,
    may: {
      release: { possible: bad, why_not: bad ? "" : "It is not in quarantine." },
      discard: { possible: bad, why_not: bad ? "" : "It is not in quarantine." },
      withdraw: { possible: true, why_not: "" },
      taint: { possible: !bad, why_not: bad ? "It was never accepted." : "" },
      "lift-taint": { possible: false, why_not: "No revision of it is tainted." },
      resolve: { possible: row.late, why_not: row.late ? "" : "It is not late." },
    },
  };
}

export function version(name, number) {
  const one = find(name);
  const row = one?.versions.find((each) => each.version === number);
  if (!row) return undefined;
  const failed = row.status === "rejected";
  const gates = GATES.map(([gate, message], at) => ({
    gate,
    message,
    passed: at === 4 && !failed ? null : !(failed && (at === 2 || at === 4)),
    numbers: {},
  }));
  const waits = row.status === "evaluated";
  return {
    model: name,
    version: number,
    candidate: "c-9f31b2a7d0e455aa",
    status: row.status,
    head: row.head,
    parent: row.parent,
    generation: row.generation,
    transferred: number % 23 === 0,
    late: row.late,
    retrained: row.again === "retraining" ? "retrained from scratch on all consumed slices" : null,
    retrained_without: [],
    why: "slice 2026-03-14 is due by NewRows(5_000)",
    started: row.started,
    slices: row.slices.map((one) => ({ key: one, revision: "r2f3a9", rows: row.rows })),
    rows: row.rows,
    attempts: 1,
    checkpoints: [1000, 2000, 4000].map((step) => ({
      step,
      manifest: `models/x/v${number}/manifest-${step}.json`,
      uploaded: 21_000_000,
      seconds: step / 94,
      metrics: { loss: 0.5 },
    })),
    shadow: null,
    steps: row.step,
    stopped_by: row.stopped_by,
    artifacts: {
      export: `models/x/v${number}/export`,
      manifest: `models/x/v${number}/manifest-4000.json`,
      code: `models/x/code/ab12.zip`,
    },
    champion: row.parent,
    judged_in_shadow_on: [],
    passed: row.decided ? !failed : true,
    metrics: row.parent
      ? { candidate: row.metrics, champion: row.champion_metrics }
      : { candidate: row.metrics },
    verdicts: gates.map((gate) => gate.message),
    decision: row.decided && {
      type: row.decided.what,
      reason: row.decided.reason,
      actor: row.decided.actor,
      time: row.decided.time,
    },
    policy: { words: "52,310 new rows are at least the 5,000 that the policy waits for", numbers: {} },
    scores: { [row.slices[0]]: { auc: 0.7312 } },
    exports: failed
      ? []
      : [
          {
            format: "saved-model",
            step: 600,
            object: `models/${name}/v${number}/exported/saved-model/step-600/saved-model`,
            files: 5,
            nbytes: 4_194_304,
            actor: "ada@example.com",
            time: iso(NOW - 3_600_000),
            reason: `for the edge devices of the shop ${HOSTILE}`,
          },
        ],
    conversions: [
      {
        format: "tflite",
        object: `models/x/v${number}/model.tflite`,
        rows: 4096,
        max_abs_difference: 0.0000012,
        error: "",
      },
      {
        format: "onnx",
        object: "",
        rows: 0,
        max_abs_difference: null,
        error: "the layer Lookup has no ONNX counterpart",
      },
    ],
    predictions: [],
    kept: true,
    run: "scheduled__2026-03-15",
    evaluated_reason: failed ? "2 of 5 gates did not pass" : "every gate passed",
    evaluated_time: row.started,
    gates,
    report: "models/x/evaluation.html",
    decisions: row.decided ? [row.decided] : [],
    approved: row.approved_by
      ? {
          version: number,
          what: "approved",
          reason: row.approved_why,
          actor: row.approved_by,
          time: row.started,
          verdicts: [],
        }
      : null,
    card: `# ${name}, version ${number}\n\n**Promoted** (gates) by \`scheduler\` at 2026-03-15T03:12:00Z: \`every gate passed\`\n\n## Data\n\n| slice | revision | rows |\n|---|---|---|\n| \`2026-03-14\` | \`r2f3a9\` | 52,310 |\n\nIt was trained on 44 slices, 2,004,113 rows, including its ancestors'.\n\n## Lineage\n\n- trained from version ${row.parent}; ancestors: 1, 2, 3\n- why it was trained: \`<img src=x onerror=alert(1)>\`\n`,
    transfer:
      number % 23 === 0
        ? {
            parent: row.parent,
            share_kept: 0.912,
            changed: { "layers/lookup": "12 values more" },
            agreement: { rows: 4096, max_abs_difference: 0 },
            variables: [
              {
                name: "dense/kernel",
                move: "kept",
                source: "dense/kernel",
                shape_before: [64, 32],
                dtype_before: "float32",
                shape: [64, 32],
                dtype: "float32",
                kept: 2048,
                like: "",
              },
              {
                name: "embedding/table",
                move: "grown",
                source: "embedding/table",
                shape_before: [1000, 16],
                dtype_before: "float32",
                shape: [1012, 16],
                dtype: "float32",
                kept: 16_000,
                like: "",
              },
              {
                name: "head/bias",
                move: "new",
                source: "",
                shape_before: [],
                dtype_before: "",
                shape: [3],
                dtype: "float32",
                kept: 0,
                like: "",
              },
            ],
          }
        : null,
    exported: [`models/x/v${number}/export/saved_model.pb`],
    code: {
      digest: "sha256:4411aa",
      lock: "sha256:9911bb",
      object: "models/x/code/ab12.zip",
      files: { "pipeline.py": 2210, "model.py": 3120, "source.py": 880, "expectations.json": 5120 },
    },
    children: one.versions.filter((each) => each.parent === number).map((each) => each.version),
    replaces: null,
    uploaded: row.nbytes ?? 0,
    seconds: row.seconds,
    may: {
      approve: { possible: waits, why_not: waits ? "" : "It does not wait for approval." },
      reject: { possible: waits, why_not: waits ? "" : "It is decided." },
      "promote-despite-gates": { possible: failed, why_not: failed ? "" : "It passed its gates." },
      rollback: {
        possible: row.status === "promoted" && !row.head,
        why_not: row.head
          ? "It is in production."
          : row.status === "promoted"
            ? ""
            : "It was never in production.",
      },
    },
  };
}

export function trainingNow(name) {
  return find(name)?.summary.training ? training(name, find(name).summary.versions + 1, random(1)) : null;
}

export function plan(name, query) {
  const one = find(name);
  if (!one) return undefined;
  const last = query.get("to") || key(NOW - DAY);
  const first = query.get("from") || key(NOW - 30 * DAY);
  const length = Math.max(
    1,
    Math.min(400, Math.round((Date.parse(last.slice(0, 10)) - Date.parse(first.slice(0, 10))) / DAY) + 1),
  );
  const move = (text, by) => key(Date.parse(text.slice(0, 10)) + by * length * DAY);
  const list = Array.from({ length }, (_, at) => {
    const name = key(Date.parse(first.slice(0, 10)) + at * DAY);
    const row = sliceRow(one, Math.round((NOW - Date.parse(name)) / DAY), at);
    const action = at === 4 ? "missing" : at === 9 ? "late" : row.action;
    return {
      key: name,
      action,
      why: action === "missing" ? "the source does not have it" : row.why,
      status: action === "missing" || action === "append" ? null : row.status,
      revision: row.revision,
      rows: action === "missing" ? null : row.rows,
      consumed_by: row.consumed_by,
      undecided: row.late,
    };
  });
  const head = one.summary.head ?? 1;
  const counts = {};
  for (const each of list) counts[each.action] = (counts[each.action] ?? 0) + 1;
  return {
    model: name,
    source: "flights",
    head: one.summary.head,
    held: one.summary.held,
    tainted: one.summary.tainted && {
      version: head,
      slice: "2026-03-09",
      why: "prices were in the wrong currency",
      by: "grace",
      time: iso(NOW - DAY),
    },
    range: {
      first,
      last,
      by_time: false,
      earlier: [move(first, -1), move(last, -1)],
      later: [move(first, 1), move(last, 1)],
      timezone: "Europe/Berlin",
      known: true,
      intervals: length,
      cut: false,
      backfill_from: `${first.slice(0, 10)}T00:00:00Z`,
      backfill_to: `${last.slice(0, 10)}T00:00:00Z`,
    },
    slices: list,
    problem: "",
    counts,
    actions: {
      append: "train on it, with what is pending before it",
      late: "train on it, though newer slices were consumed before it",
      skip: "do nothing with it",
      hold: "stop, until a person decides",
      missing: "find nothing: it is not at the source",
    },
    rebase: one.summary.tainted
      ? {
          changes: [
            {
              key: "2026-03-09",
              what: "tainted",
              why: "prices were in the wrong currency",
              was: "r2f3a9",
              now: null,
              rows: 0,
            },
          ],
          fork: head - 4,
          fork_message: `Forks from the checkpoint of version ${head - 4}.`,
          steps: [3, 2, 1].map((back) => ({
            slices: [key(NOW - back * DAY)],
            rows: 50_000,
            stands_for: head - back + 1,
            done_by: back === 3 ? head + 1 : null,
          })),
          replaced: [head - 3, head - 2, head - 1, head],
          estimate:
            "About 2 trainings, 8,000 steps, 1 min 26 s of stepping (1 more are trained already); a full rebuild would be 44 trainings, 176,000 steps, 31 min 40 s of stepping.",
          anchor: "",
          dag: `${name}_rebase`,
          command: `ckpt-ops rebase ${name}`,
        }
      : null,
    retrain_dag: `${name}_retrain`,
  };
}

export function transfer(name) {
  const one = find(name);
  return one && one.summary.tainted
    ? {
        parent: one.summary.head,
        same: false,
        message: "2 variables go on as they are, 1 is grown, 1 is new.",
        changed: {},
        objections: [],
        next: "",
        rows: [
          {
            name: "dense/kernel",
            move: "carried",
            source: "dense/kernel",
            before: "float32 [64, 32]",
            after: "float32 [64, 32]",
            nbytes: 8192,
            kept: 1,
            note: "",
          },
          {
            name: "embedding/table",
            move: "grown",
            source: "embedding/table",
            before: "float32 [1000, 16]",
            after: "float32 [1012, 16]",
            nbytes: 64_768,
            kept: 0.988,
            note: "12 rows begin as zeros",
          },
        ],
      }
    : one
      ? null
      : undefined;
}

export function intent(name, action, query) {
  const subject = query.get("version")
    ? `version ${query.get("version")}`
    : query.get("key")
      ? `slice ${query.get("key")}`
      : name;
  return {
    title: `${action.replaceAll("-", " ")}: ${subject}`,
    will: [
      `The log of ${name} keeps the decision on ${subject}, under your name and with your reason.`,
      "Nothing is overwritten; the next run of the DAG acts on it.",
    ],
    possible: true,
    why_not: "",
    needs_reason: true,
    danger: ["promote-despite-gates", "taint", "withdraw", "rollback"].includes(action),
  };
}

const FORMATS = ["saved-model", "keras", "tf-checkpoint", "safetensors", "tflite", "onnx"];
const converts = (format) => format === "tflite" || format === "onnx";
const NO_ONNX =
  "Not installed: tf2onnx, onnx, onnxruntime. Next: pip install 'ckpt-ops[onnx]', for the tasks and the api-server.";

export function exportsOf(name, number, format) {
  const one = find(name);
  if (!one) return undefined;
  if (format !== undefined)
    return {
      title: `${converts(format) ? "Convert" : "Export"} version ${number} ${converts(format) ? "to" : "as"} ${format}?`,
      will: [
        "Airflow triggers a run that does this and nothing else: no training, and production stays as it is.",
        `It is kept in the store as models/${name}/v${number}/exported/${format}/step-600/${format}.`,
        "How large: the checkpoint's tensors have 4,194,304 bytes.",
        "How long: the last run for this format took 14 s.",
      ],
      possible: format !== "onnx",
      why_not: format === "onnx" ? NO_ONNX : "",
      needs_reason: true,
      danger: false,
      permitted: true,
    };
  const run = (at, kind, state) => ({
    run: `manual__2026-03-15T0${at}:00:00+00:00_${"x".repeat(at * 9)}`,
    format: kind,
    state,
    started: state === "queued" ? "" : iso(NOW - at * 600_000),
    ended: state === "success" || state === "failed" ? iso(NOW - at * 600_000 + 14_000) : "",
    by: "ada@example.com",
    reason: HOSTILE,
    note: "",
  });
  return {
    model: name,
    version: number,
    dag: number % 7 === 3 ? null : `${name}_export`,
    paused: number % 2 === 0,
    permitted: true,
    formats: FORMATS.map((each) => ({
      format: each,
      converts: converts(each),
      possible: each !== "onnx",
      why_not: each === "onnx" ? NO_ONNX : "",
      command: converts(each)
        ? `ckpt-ops convert ${name} ${number} --format ${each}`
        : `ckpt-ops export ${name} ${number} --format ${each} ${name}-v${number}`,
    })),
    runs: [run(1, "keras", "queued"), run(2, "saved-model", "running"), run(3, "tflite", "failed")],
  };
}
