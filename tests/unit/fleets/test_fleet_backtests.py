"""What the back-tests of several models come to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ckpt_ops.backtest.compare import Asked
from ckpt_ops.backtest.recorded import Arrival, Clock, Recorded
from ckpt_ops.fleets.backtests import PolicyOverModels, over_models, question
from ckpt_ops.lineage.records import SliceRef


def result(means: dict[str, float | None], *, higher: bool = True) -> dict[str, Any]:
    policies = [
        {"name": name, "mean": mean, "updates": 2, "steps": 100, "seconds": 1.5}
        for name, mean in means.items()
    ]
    return {"higher_is_better": higher, "policies": policies}


def test_means_are_over_the_models_that_have_one_and_costs_are_added_up() -> None:
    found = over_models([result({"each": 0.5, "rare": 0.75}), result({"each": 0.75, "rare": None})])
    each = PolicyOverModels(name="each", models=2, mean=0.625, best=1, updates=4, steps=200, seconds=3.0)
    rare = PolicyOverModels(name="rare", models=1, mean=0.75, best=1, updates=4, steps=200, seconds=3.0)
    assert found == [each, rare]


def test_the_best_of_a_loss_is_the_lowest_and_equals_share_it() -> None:
    found = over_models([result({"a": 0.5, "b": 0.5, "c": 0.75}, higher=False)])
    assert [one.best for one in found] == [1, 1, 0]


def test_without_a_mean_or_a_model_there_is_no_best() -> None:
    (found,) = over_models([result({"a": None})])
    assert (found.mean, found.best, found.models) == (None, 0, 0)
    assert over_models([]) == []


def test_a_question_is_the_same_as_long_as_nothing_that_answers_it_changed(tmp_path: Path) -> None:
    policies = tmp_path / "policies.py"
    policies.write_text("a = 1")

    def asked(revision: str = "r", metric: str = "auc", code: str = "c") -> str:
        ref = SliceRef(key="2013-01-06", revision=revision, rows=1)
        replayed = Recorded(
            slices=(Arrival(ref=ref, time=datetime(2013, 1, 13, tzinfo=UTC)),), clock=Clock.KEYS
        )
        return question(Asked(policies=policies, metric=metric), replayed, code=code)

    first = asked()
    assert asked() == first
    others = {asked(revision="s"), asked(metric="log_loss"), asked(code="d")}
    policies.write_text("a = 2")
    assert len({first, asked(), *others}) == 5
