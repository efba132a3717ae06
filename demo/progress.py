"""Follow a backfill until all its runs have ended: a live table, or a line per change without a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ckpt_ops.errors import TransientError
from ckpt_ops.worker import CheckpointSaved
from ckpt_ops.worker.library_noise import is_noise
from ckpt_ops.worker.progress import kept_in
from ckpt_ops.worker.work import PROGRESS
from demo.backfill import ENDED, Backfill, Run, month_and_day

TASKS = ("pull", "validate", "wait_for_earlier", "decide", "train", "evaluate", "promote")
_HEADS = {"wait_for_earlier": "wait"}
_MARKS = {
    "success": "[green]●[/]",
    "running": "[yellow]◐[/]",
    "deferred": "[blue]~[/]",
    "skipped": "[dim]-[/]",
    "upstream_failed": "[red]○[/]",
    "failed": "[red]✗[/]",
    "up_for_retry": "[red]↻[/]",
    "queued": "[dim]◌[/]",
    "scheduled": "[dim]◌[/]",
}
_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The runs as they were last seen."""

    runs: Mapping[str, Run]

    @property
    def ended(self) -> bool:
        return bool(self.runs) and all(run.state in ENDED for run in self.runs.values())


def watch(
    console: Console, backfill: Backfill, home: Path, *, seconds: float, tick: Callable[[], None]
) -> Progress:
    """Show the runs until they have ended.

    Args:
        console: where to show them.
        backfill: what to follow.
        home: the platform's folder, with the logs of its trainings.
        seconds: how long at most.
        tick: called repeatedly.

    Raises:
        TransientError: they have not ended in time; it says how far they have come.
    """
    began = time.monotonic()
    terminal = console.is_terminal
    shown: dict[str, str] = {}
    notes = TrainingNotes(home, since=time.time())
    with Live(console=console, refresh_per_second=4, transient=False, auto_refresh=terminal) as live:
        while True:
            tick()
            progress = Progress(runs=backfill.runs())
            elapsed = time.monotonic() - began
            if terminal:
                live.update(table(progress, notes.text(), elapsed))
            else:
                _changes(console, progress, shown, elapsed)
            if progress.ended and set(progress.runs) == set(backfill.keys):
                return progress
            if elapsed > seconds:
                raise TransientError(
                    f"the backfill has not ended within {seconds:.0f} s: {_where(progress)}",
                    safe="every committed checkpoint is kept, and the champion serves on",
                    next="run the demo again: it goes on from there (--timeout SECONDS gives it longer)",
                )
            time.sleep(_POLL_SECONDS)


class TrainingNotes:
    """The last line of the newest training process, and how many checkpoints it has committed."""

    def __init__(self, home: Path, *, since: float) -> None:
        self._folder, self._since = home / "logs" / "training", since

    def text(self) -> str:
        """As `step 150/400 loss 0.51, 3 checkpoints`."""
        logs = [path for path in self._folder.glob("*/train.log") if path.stat().st_mtime >= self._since]
        if not logs:
            return "starting"
        newest = max(logs, key=lambda path: path.stat().st_mtime)
        saved = {one.text for one in kept_in(newest.with_name(PROGRESS)) if isinstance(one, CheckpointSaved)}
        lines = newest.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line not in saved and not is_noise(line)), "")
        committed = len(saved)
        return f"{last[:60]}" + (f", {committed} checkpoint(s)" if committed else "")


def table(progress: Progress, training: str, elapsed: float) -> Group:
    """A mark for each task of each week, no wider than 80 columns, and below it what is trained now.

    Args:
        training: the last line of the running training.
        elapsed: seconds since the backfill was requested.
    """
    runs = progress.runs
    ended = sum(run.state in ENDED for run in runs.values())
    span = f", {min(runs)} to {max(runs)}" if runs else ""
    shown = Table(
        title=f"{ended} of {len(runs)} weeks{span}, {elapsed:.0f} s",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("week", no_wrap=True)
    for task in TASKS:
        shown.add_column(_HEADS.get(task, task), justify="center", no_wrap=True)
    shown.add_column("now", no_wrap=True)
    for run in runs.values():
        marks = [_MARKS.get(run.tasks.get(task, ""), " ") for task in TASKS]
        shown.add_row(month_and_day(run.key), *marks, _now(run))
    trained = [run.key for run in runs.values() if run.tasks.get("train") == "running"]
    return Group(shown, *(Text(f"{month_and_day(key)}  {training}") for key in trained))


def _now(run: Run) -> str:
    running = [task for task in TASKS if run.tasks.get(task) == "running"]
    if running:
        return _HEADS.get(running[0], running[0])
    if run.tasks.get("wait_for_earlier") == "deferred":
        return "waits"
    return {"success": "ended", "failed": "failed"}.get(run.state, run.state)


def _changes(console: Console, progress: Progress, shown: dict[str, str], elapsed: float) -> None:
    for run in progress.runs.values():
        busy = [
            f"{task} {state}" for task, state in run.tasks.items() if state in ("running", "up_for_retry")
        ]
        text = "ended: " + run.state if run.state in ENDED else ", ".join(busy)
        if text and shown.get(run.key) != text:
            shown[run.key] = text
            console.print(f"{elapsed:5.0f} s  {run.key}  {text}")


def _where(progress: Progress) -> str:
    left = [run for run in progress.runs.values() if run.state not in ENDED]
    return "; ".join(
        f"{run.key} "
        + (", ".join(f"{task} {run.tasks[task]}" for task in TASKS if _ahead(run, task)) or run.state)
        for run in left
    )


def _ahead(run: Run, task: str) -> bool:
    return run.tasks.get(task) in ("running", "deferred", "up_for_retry", "queued", "failed")
