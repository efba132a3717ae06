"""The demo's tables are whole at 80 columns: what does not fit stands below them, in lines that wrap."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from demo.backfill import Run
from demo.outcome import Outcome, Week
from demo.outcome import table as outcome_table
from demo.progress import TASKS, Progress
from demo.progress import table as progress_table

KEYS = ("2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27", "2013-02-03", "2013-02-10")


def _rendered(shown: RenderableType) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80, legacy_windows=False)
    console.print(shown)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text, text
    return text


def _run(key: str, state: str, task: str, task_state: str) -> Run:
    before = dict.fromkeys(TASKS[: TASKS.index(task)], "success")
    return Run(key=key, run_id=key, state=state, tasks={**before, task: task_state})


def test_the_live_progress() -> None:
    runs = [
        _run(KEYS[0], "success", "promote", "success"),
        _run(KEYS[1], "running", "train", "running"),
        _run(KEYS[2], "running", "wait_for_earlier", "running"),
        _run(KEYS[3], "running", "wait_for_earlier", "up_for_retry"),
        _run(KEYS[4], "queued", "pull", "queued"),
        _run(KEYS[5], "failed", "validate", "failed"),
    ]
    note = "step 150/400 loss 0.5123 auc 0.6789, 3 checkpoint(s)"
    text = _rendered(progress_table(Progress(runs={run.key: run for run in runs}), note, 42.0))
    assert "2 of 6 weeks, 2013-01-06 to 2013-02-10, 42 s" in text
    assert f"01-13  {note}" in text
    for word in ("week", "validate", "evaluate", "promote", "now", "ended", "queued", "failed"):
        assert word in text


def test_a_waiting_run_has_a_mark_of_its_own() -> None:
    runs = {KEYS[0]: _run(KEYS[0], "running", "wait_for_earlier", "deferred")}
    text = _rendered(progress_table(Progress(runs=runs), "", 1.0))
    assert "~" in text
    assert "waits" in text


def test_the_final_table() -> None:
    why = "auc fell by 0.0312 [0.0211, 0.0405] against the champion on 1,234 held-out rows, 0.01 is allowed"
    decisions = ("promoted", "quarantined", "rolled back", "superseded", "rejected", "deferred")
    weeks = tuple(
        Week(
            key=key,
            rows=123_456,
            verdict="accepted",
            decision=decision,
            why=why,
            version=10 + place,
            steps=10_000,
            checkpoints=250,
            candidate=0.6789,
            champion=0.6788,
        )
        for place, (key, decision) in enumerate(zip(KEYS, decisions, strict=True))
    )
    text = _rendered(outcome_table(Outcome(model="flight_delay", head=12, weeks=weeks)))
    for word in ("123,456", "10000", "candidate", "champion", "2013-01-06", "01-06", *decisions):
        assert word in text
    assert text.count("0.0312") == len(weeks)
