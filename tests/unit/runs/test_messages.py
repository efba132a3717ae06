"""What the results of steps say: lines for people, and text that any database takes."""

from __future__ import annotations

from dataclasses import replace

from ckpt_ops.evaluation import Evaluation, Verdict
from ckpt_ops.pipeline.step_results import (
    Evaluated,
    RebasePlanned,
    Settled,
    Settlement,
    Trained,
    Training,
    Validated,
    ValidatedShare,
)
from ckpt_ops.runs import messages
from ckpt_ops.validation import Outcome


def test_a_verdict_has_its_reasons_a_line_each() -> None:
    result = Validated(
        key="2013-01-06",
        revision="ab",
        rows=1234,
        set_aside=1,
        outcome=Outcome.QUARANTINED,
        reasons=("hour is null", "too few rows"),
        report="gs://r",
    )
    assert messages.validated(result) == [
        "slice 2013-01-06 is quarantined: 1,234 rows, revision ab",
        "1 row set aside: ckpt-ops quarantine list",
        "hour is null",
        "too few rows",
        "report: gs://r",
    ]


def test_every_gate_answers_on_a_line_of_its_own() -> None:
    evaluation = Evaluation(
        passed=False,
        message="rejected by AtLeast",
        verdicts=(
            Verdict(gate="AtLeast", passed=False, message="auc 0.4 is below 0.5"),
            Verdict(gate="Servable", passed=True, message="it answers"),
        ),
        candidate={},
        champion=None,
        slice_key="w1",
        rows="holdout of slice w1",
        count=4,
        seed=1,
        suspects={"w1": "odd"},
    )
    result = Evaluated(
        version=3, passed=False, message=evaluation.message, evaluation=evaluation, report="models/r.json"
    )
    assert messages.evaluated(result) == [
        "version 3: rejected by AtLeast",
        "AtLeast: rejected: auc 0.4 is below 0.5",
        "Servable: passed: it answers",
        "slice w1 is suspect: odd",
        "report: models/r.json",
    ]
    assert messages.evaluated(Evaluated(version=3, message="evaluated then")) == ["version 3: evaluated then"]


def test_what_became_of_a_version_is_one_line() -> None:
    said = {
        decision: messages.promoted(Settled(version=3, decision=decision, why="because"))[0]
        for decision in Settlement
    }
    assert said == {
        "promoted": "version 3 is promoted: because",
        "rejected": "version 3 is rejected: because",
        "superseded": "version 3 is superseded: because",
        "deferred": "version 3 is deferred: because",
        "waiting": "version 3 waits for approval: because",
        "shadow": "version 3 stays in shadow: because",
        "rolled back": "version 3 is rolled back: because",
        "replayed": "version 3 is replayed: because",
        "replaced": "version 3 is replaced: because",
    }


def test_a_run_that_trains_nothing_says_why() -> None:
    nothing = Trained(key="w1", version=None, outcome=Training.SKIP, why="tried before")
    assert messages.trained(nothing) == ["slice w1: nothing to evaluate: tried before"]
    deferred = replace(nothing, version=2, outcome=Training.DEFERRED)
    assert messages.trained(deferred) == [
        "slice w1: nothing to evaluate, version 2 is deferred: tried before"
    ]


def test_a_rebase_says_what_changed_and_how_much_is_left() -> None:
    plan = RebasePlanned(
        due=True,
        dry_run=True,
        why="",
        head=3,
        steps=2,
        done=1,
        replaced=(2, 3),
        changed=("w1",),
    )
    assert messages.replanned(plan) == [
        "dry run from scratch: 2 steps, 1 trained already",
        "changed slices: w1",
        "versions whose place is taken: 2, 3",
    ]


def test_text_holds_nothing_that_a_database_refuses() -> None:
    assert messages.text(["a\x00b\x1b[31m", "\ud800 é\tx"]) == "a b [31m\né x"
    long = messages.text(["x" * 5000])
    assert len(long) == messages.LONGEST + len(" ...")


def test_a_part_that_is_none_any_more_says_so() -> None:
    nothing = ValidatedShare(rows=0, expectations=0)
    assert messages.validated_share(nothing) == ["the slice is not cut: nothing to do here"]
    (line,) = messages.validated_share(replace(nothing, cut_differently=True))
    assert line.startswith("max_parallel_validations changed since the slice was cut")
