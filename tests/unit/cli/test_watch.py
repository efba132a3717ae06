"""`watch` follows a training until it ends; `run` shows its steps as a bar where somebody looks."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ckpt_ops.candidates.progress_document import ProgressDocument, after, begun, ended, name_of, time_now
from ckpt_ops.cli import output, watch
from ckpt_ops.cli.render_training import drawn, line
from ckpt_ops.cli.sparkline import sparkline
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Record, Rejected, SliceRef
from ckpt_ops.store import LocalStore
from ckpt_ops.views.shapes import TrainingNow
from ckpt_ops.views.training import training_now
from ckpt_ops.worker import AttemptBegan, CheckpointSaved, StepsDone

MODEL = "m"
WEEK = SliceRef(key="2013-02-03", revision="ab", rows=1000)
STARTED = CandidateStarted(version=1, candidate="c", parent=None, slices=(WEEK,), reason="")
TRAINED = CandidateTrained(
    version=1, step=600, stopped_by="max_steps", checkpoints=2, manifest="", artifacts={}
)


class Script:
    """What happens in the store while somebody watches: one thing each time that `watch` looks again."""

    def __init__(self, store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.number = store, 0
        self.left: Iterator[Callable[[], object]] = iter(())
        monkeypatch.setattr(watch.time, "sleep", lambda seconds: self._go_on())

    def then(self, *events: Callable[[], object]) -> None:
        self.left = iter(events)

    def say(self, record: Record) -> None:
        log = ModelLog(self.store, MODEL)
        log.append(record, after=log.state())

    def put(self, document: ProgressDocument) -> None:
        self.number += 1
        self.store.put(name_of(document, number=self.number, writer="0" * 8), document.encode())

    def _go_on(self) -> None:
        event = next(self.left, None)
        assert event is not None, "it should have ended by now"
        event()


@pytest.fixture
def script(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(store, monkeypatch)


def at(step: int, *, loss: float = 0.5) -> ProgressDocument:
    """A training of version 1 at this step, just reported."""
    now = time_now()
    found = begun(MODEL, 1, before=None, now=now)
    found = after(found, AttemptBegan(version=1, attempt=1, slices=(WEEK.key,)), now=now)
    for made in range(20, step + 1, 20):
        steps = StepsDone(
            step=made,
            last=600,
            metrics={"loss": loss + 1 / made},
            rows_per_second=41_000.0,
            steps_per_second=320.0,
            seconds_left=3.0,
            stall_seconds=0.1,
            save_every=41.0,
        )
        found = after(found, steps, now=now)
    return after(found, CheckpointSaved(step=step, nbytes=4_194_304, uploaded=12_000), now=now)


def test_elsewhere_each_report_is_a_line_and_the_last_one_says_how_it_ended(ckpt_ops, script) -> None:
    script.say(STARTED)
    script.put(at(20))
    script.then(lambda: None, lambda: script.put(at(120)), lambda: script.say(TRAINED))
    done = ckpt_ops("watch", MODEL)
    assert done.exit_code == 0, done.stderr
    pace = " | 41,000 rows/s, 3.0 s left, saves kept it waiting 0.1 s, 1 checkpoint"
    assert done.stdout.splitlines() == [
        f"m version 1, attempt 1: training, step 20/600 loss 0.5500{pace}",
        f"m version 1, attempt 1: training, step 120/600 loss 0.5083{pace}",
        "version 1 of m: trained 600 steps, ended by max_steps",
    ]


def test_as_json_each_report_is_a_line(ckpt_ops, script) -> None:
    script.say(STARTED)
    script.put(at(20))
    script.then(lambda: script.say(Rejected(version=1, champion=None, reason="training diverged")))
    done = ckpt_ops("watch", MODEL, "--json")
    first, last = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["model"], first["step"], first["saves"]) == ("m", 20, [[20, 4_194_304, 12_000]])
    assert first.keys() == set(TrainingNow.__dataclass_fields__)
    assert last == {
        "model": "m",
        "version": 1,
        "status": "rejected",
        "message": "rejected: training diverged",
    }


def test_it_waits_for_one_to_start(ckpt_ops, script) -> None:
    script.then(
        lambda: None,
        lambda: script.put(begun(MODEL, 1, before=None, now=time_now())),
        lambda: script.say(STARTED),
        lambda: script.put(at(40)),
        lambda: script.say(TRAINED),
    )
    done = ckpt_ops("watch", MODEL, "--wait")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "m version 1, attempt 1: starting"
    assert done.stdout.splitlines()[-1].startswith("version 1 of m: trained")


def test_nothing_to_watch_is_said_at_once(ckpt_ops, script, store) -> None:
    unknown = ckpt_ops("watch", "n")
    assert unknown.exit_code == 2
    assert "a model that trains" in unknown.stderr
    script.say(STARTED)
    script.say(TRAINED)
    idle = ckpt_ops("watch", MODEL)
    assert idle.exit_code == 2
    assert "ckpt-ops watch m --wait" in idle.stderr


def test_an_attempt_that_died_ends_it_unless_it_waits_for_the_retry(ckpt_ops, script) -> None:
    script.say(STARTED)
    script.put(ended(at(40)))
    died = ckpt_ops("watch", MODEL)
    assert died.exit_code == 1
    assert "attempt 1 at version 1 of m ended without a result, at step 40" in died.stderr
    assert "every committed checkpoint is kept" in died.stderr
    script.then(lambda: script.put(replace(at(60), attempt=2)), lambda: script.say(TRAINED))
    assert ckpt_ops("watch", MODEL, "--wait").exit_code == 0


def test_one_that_is_lost_ends_it(ckpt_ops, script, monkeypatch) -> None:
    script.say(STARTED)
    script.put(at(40))
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    lost = ckpt_ops("watch", MODEL)
    assert lost.exit_code == 1
    assert "has not reported for a minute" in lost.stderr


def test_a_training_that_never_opened_its_version_and_is_gone_ends_it(ckpt_ops, script, store) -> None:
    starting = begun(MODEL, 1, before=None, now=time_now())
    script.put(starting)
    clock = iter(range(0, 1000, 7))
    watch.time.monotonic, before = (lambda: float(next(clock))), watch.time.monotonic
    try:
        name = name_of(starting, number=1, writer="0" * 8)
        script.then(lambda: store.delete(name), lambda: None, lambda: None)
        gone = ckpt_ops("watch", MODEL)
    finally:
        watch.time.monotonic = before
    assert gone.exit_code == 1
    assert "left no version in the log" in gone.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_it_is_drawn_in_80_columns(store, script, monkeypatch) -> None:
    script.say(STARTED)
    script.put(at(400))
    now = training_now(store, MODEL, ModelLog(store, MODEL).state())
    assert now is not None
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with output.redrawn(drawn, json=False) as shown:
        shown.show(now, "", {})
    text = screen.getvalue()
    for part in (
        "m version 1, attempt 1: training on 2013-02-03",
        "step 400 of 600",
        "3.0 s left",
        "█▄▃▂",
        "41,000 rows/s, 320.0 steps/s",
        "1 checkpoint, the last at step 400: 4,194,304 bytes, 12,000 of them new",
        "saves kept it waiting 0.1 s, about every 41 s",
    ):
        assert part in text, part


def test_what_came_as_data_steers_no_terminal(store, script) -> None:
    now = time_now()
    hostile = replace(
        begun(MODEL, 1, before=None, now=now), slices=("\x1b[2J",), metrics={"\x1b[2J": 1.0}, last=9
    )
    script.say(STARTED)
    script.put(hostile)
    seen = training_now(store, MODEL, ModelLog(store, MODEL).state())
    assert seen is not None
    written = io.StringIO()
    shown = output.PrintableConsole(file=written, width=80, force_terminal=False)
    shown.print(drawn(seen))
    shown.print(line(seen))
    assert "\x1b" not in written.getvalue()


class TestRun:
    def test_in_a_terminal_steps_are_a_bar_and_other_lines_stay(self, monkeypatch) -> None:
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("TERM", "xterm")
        with output.saying() as say:
            say("pulled: slice w1: 9 rows")
            for step in (100, 200):
                say(StepsDone(step=step, last=600, metrics={"loss": 0.5}, seconds_left=3.0).text)
            say("checkpoint at step 200: 9 bytes, 9 new")
            say("evaluated: passed")
        lines = [one for one in screen.getvalue().split("\n") if "pulled" in one or "evaluated" in one]
        assert len(lines) >= 2
        assert "checkpoint at step 200" in screen.getvalue()
        assert "step 100/600" not in screen.getvalue().split("\n")

    def test_elsewhere_each_is_a_line(self, capsys) -> None:
        text = StepsDone(step=100, last=600, metrics={"loss": 0.5}).text
        with output.saying() as say:
            say(text)
        assert capsys.readouterr().out == f"{text}\n"

    def test_the_line_of_a_step_is_known_by_its_beginning(self) -> None:
        steps = output.STEPS.match(
            StepsDone(step=100, last=600, metrics={"loss": 0.5}, seconds_left=1.0).text
        )
        assert steps is not None
        assert steps.groups() == ("100", "600")
        assert CheckpointSaved(step=1, nbytes=2, uploaded=1).text.startswith(output.BESIDE_STEPS)


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([1.0], "▄"),
        ([1.0, 1.0], "▄▄"),
        ([0.0, 0.5, 1.0], "▁▅█"),
        ([1.0, None, 0.0], "█ ▁"),
        ([None, None], "  "),
        ([0.0, float("nan"), 1.0], "▁ █"),
        ([-1.7e308, 1.7e308], "▁█"),
    ],
)
def test_a_sparkline(values, bars) -> None:
    assert sparkline(values) == bars


def test_a_sparkline_has_room_for_many_values() -> None:
    bars = sparkline([float(n) for n in range(1000)], width=8)
    assert bars == "▁▂▃▄▅▆▇█"
