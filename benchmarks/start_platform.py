"""What an idle platform takes of a core, and how soon it begins what is asked for; a part of `start`."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import Settings

_PROJECT = Path(__file__).parents[1]
_SETTLE_SECONDS = 20.0
_REST_SECONDS = 12.0
_DAG = """\
from airflow.sdk import dag, task

from empty import settings


@dag(dag_id="empty", schedule=None, description=settings.ABOUT)
def empty():
    before = None
    for number in range(6):
        here = task(task_id=f"task_{number}")(lambda: None)()
        if before is not None:
            before >> here
        before = here


empty()
"""


def measure_platform(home: Path, *, seconds: float, runs: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Start a platform with the example pipelines, leave it alone, then ask for runs of six empty tasks."""
    dags = home / "project" / "dags"
    shutil.copytree(_PROJECT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__", "conftest.py"))
    (dags / "empty").mkdir()
    (dags / "empty" / "__init__.py").write_text("")
    (dags / "empty" / "settings.py").write_text("ABOUT = 'first'\n")
    (dags / "empty" / "dag.py").write_text(_DAG)
    settings = Settings(
        project=_PROJECT,
        home=home / "state",
        dags_dir=dags,
        plugins_dir=_PROJECT / "plugins",
        gcs_port=0,
        ui_port=0,
    )
    tell("starting a platform")
    environ = {**os.environ, "PYTHONPATH": str(dags)}
    with Platform(settings, environ=environ) as platform:
        _until(platform, lambda: _description(platform) == "first", 120)
        _wait(platform, _SETTLE_SECONDS)
        tell(f"idle for {seconds:.0f} s")
        percent = _percent(platform, seconds)
        tell("runs that are asked for")
        asked = [_asked(platform) for _ in range(runs)]
        (dags / "empty" / "settings.py").write_text("ABOUT = 'second'\n")
        began = time.time()
        _until(platform, lambda: _description(platform) == "second", 400)
        return {
            "percent": percent,
            "all_percent": sum(percent.values()),
            "first_task_s": [first for first, _ in asked],
            "six_tasks_s": [last for _, last in asked],
            "edit_seen_s": time.time() - began,
        }


def show_platform(found: dict[str, Any], console: Any) -> None:
    """Two tables."""
    from rich.table import Table

    table = Table(title="An idle platform", title_justify="left")
    table.add_column("component")
    table.add_column("% of a core", justify="right")
    for name, percent in found["percent"].items():
        table.add_row(name, f"{percent:.2f}")
    table.add_row("all (goal 5)", f"{found['all_percent']:.2f}", style="bold")
    console.print(table)
    for what, title in (
        ("first_task_s", "to the first task"),
        ("six_tasks_s", "to the end of six empty ones"),
    ):
        seconds = found[what]
        console.print(
            f"from a run that is asked for, at rest, {title}: {statistics.median(seconds):.1f} s "
            f"({min(seconds):.1f} to {max(seconds):.1f})"
        )
    console.print(f"from an edit of what a DAG file imports to its DAG: {found['edit_seen_s']:.1f} s")


def _description(platform: Platform) -> str | None:
    found = platform.api("GET", "/dags?dag_id_pattern=empty&exclude_stale=false")["dags"]
    return next((dag["description"] for dag in found if dag["dag_id"] == "empty"), None)


def _asked(platform: Platform) -> tuple[float, float]:
    """Seconds from the request to the start of the first task, and to the end of the run."""
    _wait(platform, _REST_SECONDS)
    began = time.time()
    run = platform.api("POST", "/dags/empty/dagRuns", {"logical_date": None})["dag_run_id"]
    where = f"/dags/empty/dagRuns/{run}"
    _until(platform, lambda: platform.api("GET", where)["state"] in {"success", "failed"}, 120)
    tasks = platform.api("GET", f"{where}/taskInstances")["task_instances"]
    end = platform.api("GET", where)["end_date"]
    return min(_time(task["start_date"]) for task in tasks) - began, _time(end) - began


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _wait(platform: Platform, seconds: float) -> None:
    until = time.monotonic() + seconds
    _until(platform, lambda: time.monotonic() >= until, seconds + 10)


def _until(platform: Platform, done: Callable[[], bool], seconds: float) -> None:
    """Watch the platform, as its supervisor does, until something holds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {seconds:.0f} s")
        platform.watch()
        time.sleep(0.2)


def _percent(platform: Platform, seconds: float) -> dict[str, float]:
    """By component, with all that it started: processor time of a stretch of time, in percent of a core."""
    before, began = _ticks(platform.pids), time.monotonic()
    _wait(platform, seconds)
    passed = (time.monotonic() - began) * os.sysconf("SC_CLK_TCK")
    after = _ticks(platform.pids)
    return {name: 100 * (after[name] - before[name]) / passed for name in after}


def _ticks(pids: dict[str, int]) -> dict[str, int]:
    """Of processes that live and of children that were waited for."""
    parent, spent = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            parent[int(entry.name)], spent[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    components = {pid: name for name, pid in pids.items()}
    found = dict.fromkeys(pids, 0)
    for pid, ticks in spent.items():
        above: int | None = pid
        while above is not None and above not in components:
            above = parent.get(above)
        if above is not None:
            found[components[above]] += ticks
    return found
