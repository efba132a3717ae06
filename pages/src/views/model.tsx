// One model: what is in production and why, how good it was, what it forgot, what it costs.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { ModelAnswer } from "../answers.ts";
import { inAirflow, useJson } from "../api.ts";
import { Bars } from "../charts/bars.tsx";
import { HeatTable } from "../charts/heatmap.tsx";
import { LineChart } from "../charts/line.tsx";
import { Legend } from "../charts/shapes.tsx";
import { bytes, count, duration, minute, number, plural, signed, spoken } from "../format.ts";
import { Age, AirflowLink, Badge, Facts, Nothing, Said, Section, When } from "../parts/bits.tsx";
import { AttentionList, DecisionLine, Slices, State } from "../parts/decisions.tsx";
import { action, useAsk } from "../parts/dialog.tsx";
import { Answered, Fresh } from "../parts/shell.tsx";
import { Table } from "../parts/table.tsx";
import { href, type Route } from "../route.ts";
import type { Series, VersionRow } from "../schema.ts";

export function ModelPage({ route }: { route: Route }): JSX.Element {
  const asked = useJson<ModelAnswer>(`models/${encodeURIComponent(route.model)}`, 30);
  return (
    <>
      <div class="page-head"><h1><bdi>{route.model}</bdi></h1><span class="head-side"><AirflowLink to={inAirflow(`dags/${encodeURIComponent(route.model)}`)}>Open the DAG</AirflowLink><Fresh asked={asked} /></span></div>
      <Answered asked={asked} lines={12}>{(view) => <Model view={view} reload={asked.reload} />}</Answered>
    </>
  );
}

function Model({ view, reload }: { view: ModelAnswer; reload: () => void }): JSX.Element {
  const { summary } = view;
  const { model } = summary;
  if (summary.problem) return <Nothing title="The model's log cannot be read"><p><Said text={summary.problem} /></p></Nothing>;
  return (
    <>
      <Standing view={view} reload={reload} />
      <Quality view={view} />
      <VersionTable view={view} />
      <Periods view={view} />
      <Drift view={view} />
      {view.forgetting.length > 0 && (
        <Section title="Forgetting" id="forgetting" note="A metric by version (rows) and past slice (columns). A version that fell behind on a slice is marked ▼.">
          {view.forgetting.map((map) => <div key={map.metric} class="heat-block"><h3>{map.metric}{map.better && <span class="soft"> · {map.better} is better</span>}</h3><HeatTable map={map} model={model} /></div>)}
        </Section>
      )}
      <Cost versions={view.versions} />
    </>
  );
}

function Standing({ view, reload }: { view: ModelAnswer; reload: () => void }): JSX.Element {
  const { summary, airflow } = view;
  const ask = useAsk();
  const { model } = summary;
  const may = view.may?.trigger ?? true;
  return (
    <>
      {summary.held !== null && (
        <div class="banner bad" role="alert">
          <div><strong>The model is on hold.</strong> <Said text={summary.held} /></div>
          {may && <button type="button" onClick={() => ask(action(model, "release-hold", { button: "Release the hold", done: reload }))}>Release the hold</button>}
        </div>
      )}
      {summary.tainted !== null && (
        <div class="banner bad" role="alert">
          <div><strong>The champion is tainted.</strong> <Said text={summary.tainted} /> It serves on, and nothing is trained from it until a rebase.</div>
          <a class="button" href={href("plan", model)}>See the plan</a>
        </div>
      )}
      <AttentionList model={model} list={summary.attention.filter((one) => one.what !== "on hold" && one.what !== "champion is tainted")} />
      <Facts facts={[
        { label: "In production", value: summary.head === null ? <span class="soft">no version yet</span> : (
          <><a class="big" href={href("version", model, { version: summary.head })}>v{summary.head}</a> <span class="soft">generation {summary.generation}</span></>) },
        summary.head !== null && { label: "Since", value: <><When time={summary.head_since} /></> },
        summary.head !== null && { label: "Why", value: <><Badge tone="plain">{summary.head_how || "promoted"}</Badge> <span class="soft">by</span> <bdi>{summary.head_by || "–"}</bdi><br /><Said text={summary.head_why} /></> },
        { label: "Freshness", value: <>{summary.freshness_hours === null ? "no objective" : `objective ${duration(summary.freshness_hours * 3600)}`}<br /><span class="soft">trained to <bdi>{summary.newest_consumed ?? "–"}</bdi>, newest <bdi>{summary.newest_slice ?? "–"}</bdi></span></> },
        { label: "Last decision", value: <DecisionLine model={model} one={summary.last} /> },
        summary.last_rejected !== null && { label: "Last rejection", value: (
          <><DecisionLine model={model} one={summary.last_rejected} />
            {summary.last_rejected.verdicts.length > 0 && <ul class="verdicts">{summary.last_rejected.verdicts.map((verdict, at) => <li key={at}><Said text={verdict} /></li>)}</ul>}</>) },
        summary.training !== null && { label: "Training", value: (
          <a class="progress-line" href={href("training", model)}><progress max={Math.max(1, summary.training.last)} value={summary.training.step} aria-label="Training" /> v{summary.training.version}, step {count(summary.training.step)}</a>) },
        airflow && { label: "Next run", value: airflow.paused ? <Badge tone="warn">paused</Badge> : airflow.next_run ? <When time={airflow.next_run} /> : "no schedule" },
        { label: "Log and store", value: <>{plural(summary.records, "record")}, {plural(summary.versions, "version")}<br /><span class="soft">{summary.nbytes === null ? "bytes not measured" : `${bytes(summary.nbytes)} in the store`}</span></> },
      ]} />
    </>
  );
}

/** A chart that can be read as a table instead. */
export function Switched({ chart, table, tools }: { chart: ComponentChildren; table: ComponentChildren; tools?: ComponentChildren }): JSX.Element {
  const [asTable, setAsTable] = useState(false);
  return (
    <>
      <div class="tools">{tools}<button type="button" class="push" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>Show as table</button></div>
      {asTable ? table : chart}
    </>
  );
}

function Quality({ view }: { view: ModelAnswer }): JSX.Element {
  const { model } = view.summary;
  const [chosen, setChosen] = useState("");
  const [most, setMost] = useState(100);
  const series: Series | undefined = view.scores.find((one) => one.metric === chosen) ?? view.scores[0];
  if (!series || series.points.length === 0) {
    return <Section title="Quality in production" id="quality"><Nothing title="Nothing was scored yet"><p>Production scores each slice before anything trains on it, from the second update on.</p></Nothing></Section>;
  }
  const points = series.points.slice(-most);
  const places = new Set(points.map((point) => point.at));
  const marks = view.marks.filter((mark) => places.has(mark.at));
  const kinds = [...new Set(marks.map((mark) => mark.what))];
  const said = (at: string): string => marks.filter((mark) => mark.at === at).map((mark) => `${mark.what}: ${mark.message}`).join("; ");
  return (
    <Section title="Quality in production" id="quality" note="Each slice as production saw it: scored before anything was trained on it.">
      <Switched
        tools={(
          <>
            <label class="pick">Metric <select value={series.metric} onChange={(event) => setChosen(event.currentTarget.value)}>
              {view.scores.map((one) => <option key={one.metric} value={one.metric}>{one.metric}</option>)}
            </select></label>
            {series.points.length > 20 && (
              <label class="pick">Slices <select value={String(most)} onChange={(event) => setMost(Number(event.currentTarget.value))}>
                {[20, 100, 400, 100_000].filter((_, at, all) => at === 0 || (all[at - 1] ?? 0) < series.points.length).map((one) => <option key={one} value={String(one)}>{one > 99_999 ? "all" : `last ${one}`}</option>)}
              </select></label>
            )}
            {series.better && <span class="soft">{series.better} is better</span>}
          </>
        )}
        chart={(
          <>
            <LineChart label={`${series.metric} of production on ${points.length} slices`} dots={points} marks={marks} height={250}
              go={(key) => { location.hash = href("slices", model, { key }); }} />
            {kinds.length > 0 && <Legend of={kinds} />}
          </>
        )}
        table={(
          <Table caption={`${series.metric} by slice`} rows={[...points].reverse()} id={(point) => point.at} most={50} columns={[
            { head: "Slice", names: true, cell: (point) => <a href={href("slices", model, { key: point.at })}><bdi>{point.at}</bdi></a> },
            { head: series.metric, kind: "number", cell: (point) => point.value === null ? "not measured" : number(point.value) },
            { head: "What happened", kind: "wide", cell: (point) => said(point.at) ? <Said text={said(point.at)} /> : <span class="soft">–</span> },
          ]} />
        )}
      />
    </Section>
  );
}

function VersionTable({ view }: { view: ModelAnswer }): JSX.Element {
  const { model } = view.summary;
  const metric = view.summary.metric?.metric ?? view.scores[0]?.metric ?? Object.keys(view.versions[0]?.metrics ?? {})[0] ?? "";
  if (view.versions.length === 0) return <Section title="Versions" id="versions"><Nothing title="No version yet" /></Section>;
  return (
    <Section title="Versions" id="versions" aside={<span class="soft">{count(view.summary.versions)} in all</span>}>
      <Table caption="Versions, the newest first" rows={view.versions} id={(row) => row.version} most={20} marked={(row) => row.head} columns={[
        { head: "Version", names: true, kind: "tight", cell: (row) => <><a class="strong" href={href("version", model, { version: row.version })}>v{row.version}</a>{row.head && <> <Badge tone="good">in production</Badge></>}</> },
        { head: "State", cell: (row) => <span class="chips"><State of={row.status} />{row.again && <Badge tone="note">{row.again}</Badge>}{row.late && <Badge tone="warn">late slice</Badge>}{row.shadow && <Badge tone="info">shadow</Badge>}</span> },
        { head: "Decided", kind: "wide", cell: (row) => <Decided row={row} /> },
        { head: "Approved by", cell: (row) => row.approved_by ? <bdi title={row.approved_why}>{row.approved_by}</bdi> : <span class="soft">–</span> },
        { head: metric || "Metric", kind: "number", cell: (row) => <Compared row={row} metric={metric} /> },
        { head: "Slices", cell: (row) => <Slices model={model} list={row.slices} most={2} /> },
        { head: "Rows", kind: "number", cell: (row) => count(row.rows) },
        { head: "Trained", kind: "number", cell: (row) => row.seconds === null ? <span class="soft">–</span> : <span title={`step ${row.step ?? "?"}, ${row.stopped_by}`}>{duration(row.seconds)}</span> },
        { head: "Parent", kind: "number", cell: (row) => row.parent === null ? <span class="soft">none</span> : <a href={href("version", model, { version: row.parent })}>v{row.parent}</a> },
      ]} />
    </Section>
  );
}

function Decided({ row }: { row: VersionRow }): JSX.Element {
  if (!row.decided) return <span class="soft">not yet; started <Age time={row.started} /></span>;
  return <span><Age time={row.decided.time} /> <span class="soft">by <bdi>{row.decided.actor}</bdi></span><bdi class="reason two" title={row.decided.reason}>{row.decided.verdicts[0] ?? row.decided.reason}</bdi></span>;
}

function Compared({ row, metric }: { row: VersionRow; metric: string }): JSX.Element {
  const own = row.metrics[metric];
  const champion = row.champion_metrics[metric];
  if (own === undefined) return <span class="soft">–</span>;
  return <span>{number(own)}{champion !== undefined && <span class="soft delta" title={`the champion had ${number(champion)} on the same rows`}>{signed(own - champion)}</span>}</span>;
}

function Periods({ view }: { view: ModelAnswer }): JSX.Element | null {
  const { model } = view.summary;
  if (view.periods.length === 0) return null;
  return (
    <Section title="In production since when, and why" id="periods">
      <Table caption="Periods in production, the newest first" rows={view.periods} id={(row) => `${row.version} ${row.since}`} most={10} marked={(row) => row.until === null} columns={[
        { head: "Version", names: true, kind: "tight", cell: (row) => <a class="strong" href={href("version", model, { version: row.version })}>v{row.version}</a> },
        { head: "Since (UTC)", kind: "tight", cell: (row) => <span title={row.since}>{minute(row.since)}</span> },
        { head: "For", kind: "tight", cell: (row) => row.until === null ? <Badge tone="good">now</Badge> : duration((Date.parse(row.until) - Date.parse(row.since)) / 1000) },
        { head: "How", kind: "tight", cell: (row) => spoken(row.how) },
        { head: "By", cell: (row) => <bdi class="cut">{row.actor}</bdi> },
        { head: "Why", kind: "wide", cell: (row) => <Said text={row.why} /> },
      ]} />
    </Section>
  );
}

function Drift({ view }: { view: ModelAnswer }): JSX.Element | null {
  const [all, setAll] = useState(false);
  if (view.drift.length === 0) return null;
  const last = (series: Series): number => series.points.findLast((point) => point.value !== null)?.value ?? 0;
  const rows = [...view.drift].sort((a, b) => last(b.series) - last(a.series));
  const shown = all ? rows : rows.slice(0, 6);
  const keys = rows[0]?.series.points.slice(-10).map((point) => point.at) ?? [];
  return (
    <Section title="Drift" id="drift" note="How far each slice is from those before it, by column: the population stability index. From 0.25 on it counts as strong.">
      <Switched
        chart={(
          <>
            <div class="multiples">
              {shown.map(({ column, series }) => (
                <figure key={column}><figcaption><bdi class="cut" title={column}>{column}</bdi> <span class="figure">{last(series).toFixed(2)}</span></figcaption>
                  <LineChart label={`Drift of ${column}`} dots={series.points} height={110} levels={[{ value: 0.25, name: "strong" }]} /></figure>
              ))}
            </div>
            {rows.length > shown.length && <button type="button" class="more" onClick={() => setAll(true)}>Show {rows.length - shown.length} more columns</button>}
          </>
        )}
        table={(
          <Table caption="Drift by column and slice" cards={false} rows={rows} id={(row) => row.column} columns={[
            { head: "Column", names: true, cell: (row) => <bdi>{row.column}</bdi> },
            ...keys.map((key) => ({ head: key, kind: "number" as const, cell: (row: (typeof rows)[number]) => number(row.series.points.find((point) => point.at === key)?.value) })),
          ]} />
        )}
      />
    </Section>
  );
}

function Cost({ versions }: { versions: VersionRow[] }): JSX.Element | null {
  const trained = versions.filter((row) => row.seconds !== null).slice(0, 60).reverse();
  if (trained.length === 0) return null;
  const note = (row: VersionRow): string => `${row.status}, ${plural(row.rows, "row")}, step ${count(row.step)}`;
  return (
    <Section title="Cost per update" id="cost">
      <Switched
        chart={(
          <div class="two">
            <figure><figcaption>Seconds of stepping</figcaption><Bars label="Seconds per update" text={duration} bars={trained.map((row) => ({ name: `v${row.version}`, value: row.seconds, note: note(row) }))} /></figure>
            <figure><figcaption>Bytes added to the store</figcaption><Bars label="Bytes per update" text={bytes} bars={trained.map((row) => ({ name: `v${row.version}`, value: row.nbytes, note: note(row) }))} /></figure>
          </div>
        )}
        table={(
          <Table caption="Cost per update" rows={[...trained].reverse()} id={(row) => row.version} most={30} columns={[
            { head: "Version", names: true, cell: (row) => `v${row.version}` },
            { head: "Seconds", kind: "number", cell: (row) => duration(row.seconds) },
            { head: "Bytes", kind: "number", cell: (row) => bytes(row.nbytes) },
            { head: "Rows", kind: "number", cell: (row) => count(row.rows) },
            { head: "Steps", kind: "number", cell: (row) => count(row.step) },
          ]} />
        )}
      />
    </Section>
  );
}

