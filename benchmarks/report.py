"""The tables that a run prints: each number a median, in brackets its ratio to the best peer."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.cases import CASES
from benchmarks.engines import ENGINES, OURS
from benchmarks.places import PLACES
from benchmarks.summary import Row, Summary, ratio
from benchmarks.uploads import CLIENT_TITLES

_COLUMNS = (
    ("block", "save call\nblocks, ms", 1e3),
    ("stall", "total\nstall, ms", 1e3),
    ("commit", "until\ndurable, ms", 1e3),
    ("bytes", "written\nMB", 1e-6),
    ("objects", "objects", 1.0),
    ("first_step", "restore to\nfirst step, s", 1.0),
    ("restore", "of it\nrestore, s", 1.0),
    ("peak_rss_mb", "peak\nMB", 1.0),
)
_COMPARED = ("block", "stall", "commit", "bytes", "first_step", "restore")


def show(summary: Summary, console: Console, *, fsync: bool) -> None:
    """fsync: whether the run flushed to disk for the engines that do not."""
    for case in CASES:
        for store in PLACES:
            rows = summary.of(case, store)
            if rows:
                console.print(_table(summary, case, store, rows, "by us" if fsync else "no"))
    _notes(summary, console)
    if summary.uploads:
        console.print(_uploads(summary))
    console.print(_goals(summary))


def number(value: float | None) -> str:
    """Three digits, or none."""
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) < 99.95 else f"{value:,.0f}"


def _table(summary: Summary, case: str, store: str, rows: list[Row], unflushed: str) -> Table:
    step = next((row.median("step") for row in rows if row.median("step")), None)
    title = CASES[case](summary.scale).title
    table = Table(
        title=f"{title}, to {'disk' if store == 'disk' else 'the GCS server'}",
        caption=f"an undisturbed step takes {number(step and step * 1e3)} ms",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("engine", no_wrap=True)
    for _, heading, _ in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("fsync")
    for row in rows:
        engine = ENGINES[row.engine]
        cells = []
        for metric, _, factor in _COLUMNS:
            value = row.median(metric)
            text = number(None if value is None else value * factor)
            to_best = ratio(value, summary.best_peer(case, store, metric)) if metric in _COMPARED else None
            cells.append(text if to_best is None else f"{text} ({to_best:.2f})")
        flushed = "server" if store == "gcs" else "yes" if engine.flushes else unflushed
        style = "bold" if row.engine == OURS else "red" if row.failures else ""
        table.add_row(engine.title, *cells, flushed, style=style)
    return table


def _notes(summary: Summary, console: Console) -> None:
    for name in {row.engine: None for row in summary.rows}:
        if ENGINES[name].note:
            console.print(f"[dim]{ENGINES[name].title}: {escape(ENGINES[name].note)}[/]")
    if any(row.store == "gcs" for row in summary.rows):
        missing = [engine.title for engine in ENGINES.values() if "gcs" not in engine.stores]
        console.print(
            f"[dim]To the GCS server, tf.train sync writes files and uploads them with google-cloud-storage. "
            f"{', '.join(missing)}: files only, not measured there.[/]"
        )
    for row in summary.rows:
        for reason in dict.fromkeys(row.failures):
            count = f"{row.failures.count(reason)} of {row.rounds} rounds"
            what = f"{ENGINES[row.engine].title}, {row.case} to {row.store}"
            console.print(f"[red]{what}, failed in {count}:[/] {escape(reason)}")


def _uploads(summary: Summary) -> Table:
    table = Table(title="Uploads to the GCS server: 4 MiB objects, 4 threads", title_justify="left")
    for heading in ("client", "MB/s", "time to raw urllib3's", "CPU s per GB", "failed"):
        table.add_column(heading, justify="left" if heading in ("client", "failed") else "right")
    raw = next((each.median("seconds") for each in summary.uploads if each.client == "urllib3"), None)
    for each in summary.uploads:
        table.add_row(
            CLIENT_TITLES[each.client],
            number(each.median("mb_per_s")),
            number(ratio(each.median("seconds"), raw)),
            number(each.median("cpu_s_per_gb")),
            escape("; ".join(dict.fromkeys(each.failures))),
            style="bold" if each.client == OURS else "",
        )
    return table


def _goals(summary: Summary) -> Table:
    table = Table(title="Goals", title_justify="left")
    for heading in ("goal", "at most", "measured", ""):
        table.add_column(heading, justify="right" if heading in ("at most", "measured") else "left")
    colors = {"met": "green", "not met": "red"}
    for goal in summary.goals():
        table.add_row(
            goal.text,
            f"{number(goal.target)} {goal.unit}",
            "-" if goal.measured is None else f"{number(goal.measured)} {goal.unit}",
            goal.verdict,
            style=colors.get(goal.verdict, "dim"),
        )
    return table
