"""The results of steps as JSON: keys and texts that DAGs of users read, there and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ckpt_ops.errors import Corrupt
from ckpt_ops.evaluation import Evaluation, Verdict
from ckpt_ops.lineage import Action, VersionStatus
from ckpt_ops.pipeline.result_json import from_json, to_json
from ckpt_ops.pipeline.step_results import (
    Answer,
    Answered,
    Concluded,
    Decided,
    Evaluated,
    PredictedSlice,
    Pulled,
    PulledShare,
    Rebased,
    RebasePlanned,
    Replayed,
    Settled,
    Settlement,
    Share,
    Trained,
    Training,
    Validated,
    settlement_of,
)
from ckpt_ops.validation import Outcome

EVALUATION = Evaluation(
    passed=True,
    message="1 gate passed",
    verdicts=(Verdict(gate="AtLeast", passed=True, message="auc 0.8", numbers={"auc": 0.8}),),
    candidate={"auc": 0.8},
    champion=None,
    slice_key="w1",
    rows="holdout of slice w1",
    count=4,
    seed=7,
)
REPLAYED = Replayed(version=6, steps=(5, 6), trained=(6,))
SETTLED = Settled(version=6, decision=Settlement.PROMOTED, why="1 gate passed")
EVALUATED = Evaluated(version=6, passed=True, message="1 gate passed", evaluation=EVALUATION, report="r.json")
IN_XCOM_EVALUATED = {
    "version": 6,
    "passed": True,
    "words": "1 gate passed",
    "verdicts": [
        {
            "gate": "AtLeast",
            "passed": True,
            "words": "auc 0.8",
            "numbers": {"auc": 0.8},
            "waits": False,
            "suspects": {},
            "below_floor": {},
        }
    ],
    "candidate": {"auc": 0.8},
    "champion": None,
    "slice_key": "w1",
    "rows": "holdout of slice w1",
    "count": 4,
    "seed": 7,
    "basis": "holdout",
    "waits": False,
    "suspects": {},
    "below_floor": {},
    "former": {},
    "report": "r.json",
}
CASES: list[tuple[Any, dict[str, Any]]] = [
    (Pulled(key="w1", revision="ab", rows=3), {"key": "w1", "revision": "ab", "rows": 3}),
    (Share(key="w1", share=0, of=2), {"key": "w1", "share": 0, "of": 2}),
    (PulledShare(parts=2, rows=3), {"parts": 2, "rows": 3}),
    (
        Validated(
            key="w1",
            revision="ab",
            rows=3,
            set_aside=1,
            outcome=Outcome.SET_ASIDE,
            reasons=("n is null",),
            summary="1 of 4 rows",
            report="gs://r",
        ),
        {
            "key": "w1",
            "revision": "ab",
            "rows": 3,
            "set_aside": 1,
            "outcome": "accepted, bad rows set aside",
            "trainable": True,
            "reasons": ["n is null"],
            "summary": "1 of 4 rows",
            "report": "gs://r",
        },
    ),
    (
        Decided(key="w1", action=Action.APPEND, why="newer", train=True),
        {"key": "w1", "action": "append", "why": "newer", "train": True},
    ),
    (
        Decided(
            key="w1", action=Action.SKIP, why="known", train=False, promoted=2, changed_at_source=("w0",)
        ),
        {
            "key": "w1",
            "action": "skip",
            "why": "known",
            "train": False,
            "promoted": 2,
            "changed_at_source": ["w0"],
        },
    ),
    (
        Trained(key="w1", version=None, outcome=Training.SKIP, why="tried before"),
        {"key": "w1", "version": None, "outcome": "skip", "why": "tried before"},
    ),
    (
        Trained(
            key="w1",
            version=2,
            outcome=Training.TRAINED,
            why="newer",
            step=0,
            stopped_by="max_steps",
            checkpoints=0,
        ),
        {
            "key": "w1",
            "version": 2,
            "outcome": "trained",
            "why": "newer",
            "step": 0,
            "stopped_by": "max_steps",
            "checkpoints": 0,
        },
    ),
    (EVALUATED, IN_XCOM_EVALUATED),
    (Evaluated(version=2, message="too few"), {"version": 2, "passed": None, "words": "too few"}),
    (SETTLED, {"version": 6, "decision": "promoted", "why": "1 gate passed"}),
    (REPLAYED, {"version": 6, "steps": [5, 6], "trained": [6]}),
    (
        RebasePlanned(due=False, dry_run=True, why="", head=3),
        {"due": False, "dry_run": True, "why": "", "head": 3},
    ),
    (
        RebasePlanned(
            due=True, dry_run=False, why="wrong", head=3, fork=1, steps=2, replaced=(2, 3), changed=("w2",)
        ),
        {
            "due": True,
            "dry_run": False,
            "why": "wrong",
            "head": 3,
            "fork": 1,
            "steps": 2,
            "done": 0,
            "replaced": [2, 3],
            "changed": ["w2"],
        },
    ),
    (Answered(version=2, answer=None), {"version": 2, "answer": None}),
    (
        Answered(version=2, answer=Answer.APPROVE, by="ada"),
        {"version": 2, "answer": "Approve", "by": "ada", "why": "", "expired": False},
    ),
    (
        PredictedSlice(
            model="m", version=2, slice="w1", revision="ab", object="o", rows=3, slice_rows=4, found=False
        ),
        {
            "model": "m",
            "version": 2,
            "slice": "w1",
            "revision": "ab",
            "object": "o",
            "rows": 3,
            "slice_rows": 4,
            "found": False,
        },
    ),
]


@pytest.mark.parametrize(("result", "said"), CASES, ids=lambda one: type(one).__name__)
def test_a_result_is_the_same_after_a_way_through_xcom(result: Any, said: dict[str, Any]) -> None:
    assert to_json(result) == said
    assert from_json(type(result), json.loads(json.dumps(said)), of="task t") == result


def test_a_rebase_is_one_object_with_all_that_its_steps_say() -> None:
    done = Rebased(replayed=REPLAYED, concluded=Concluded(evaluated=EVALUATED, settled=SETTLED))
    assert to_json(done) == {
        **IN_XCOM_EVALUATED,
        "steps": [5, 6],
        "trained": [6],
        "decision": "promoted",
        "why": "1 gate passed",
    }


@pytest.mark.parametrize(
    ("kind", "said", "why"),
    [
        (Pulled, [1], r"task t is no Pulled: it is \[1\]"),
        (Pulled, {"key": "w1", "rows": 3}, "lacks 'revision'"),
        (Pulled, {"key": "w1", "revision": "ab", "rows": "3"}, "rows is '3', not a whole number"),
        (Trained, {"key": "w1", "version": True, "outcome": "skip", "why": ""}, "version is True"),
        (
            Trained,
            {"key": "w1", "version": 1, "outcome": "fine", "why": ""},
            "outcome is 'fine', and none of 'trained', 'deferred', 'shadow', 'skip'",
        ),
        (Replayed, {"version": 1, "steps": [1, "2"], "trained": []}, r"steps\[1\] is '2'"),
        (Evaluated, {"version": 1, "verdicts": []}, "the keys passed, words"),
        (Answered, {"version": 1, "answer": ["Approve"]}, "answer is"),
    ],
)
def test_what_is_malformed_is_refused_by_the_task_and_the_field(
    kind: type[Any], said: object, why: str
) -> None:
    with pytest.raises(Corrupt, match=why) as refused:
        from_json(kind, said, of="task t")
    assert "task t" in refused.value.what
    assert refused.value.next == "clear task t of this run: it gives its result again"


def test_a_key_that_this_code_does_not_know_is_passed_over() -> None:
    said = {"key": "w1", "revision": "ab", "rows": 3, "of_later_code": 1}
    assert from_json(Pulled, said, of="task t") == Pulled(key="w1", revision="ab", rows=3)


def test_every_status_of_a_version_is_an_outcome_of_promote() -> None:
    said = {status: settlement_of(status, superseded=False) for status in VersionStatus}
    assert {status.value for status, found in said.items() if found is Settlement.SHADOW} == {
        "started",
        "trained",
        "evaluated",
    }
    assert all(status.value == found for status, found in said.items() if found is not Settlement.SHADOW)
    assert settlement_of(VersionStatus.REJECTED, superseded=True) is Settlement.SUPERSEDED
