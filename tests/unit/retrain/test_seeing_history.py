"""`Evolve(retrain=History(...))`: what a candidate sees besides when it begins with a transfer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ckpt_ops import Budget, Evolve, History, NoReplay, Pipeline, Reservoir
from ckpt_ops.candidates.settings import seeing_history
from ckpt_ops.errors import BadInput

CONSUMED = {key: f"{key}1" for key in "cabd"}


def test_without_it_nothing_is_different(pipeline: Pipeline) -> None:
    assert seeing_history(pipeline, CONSUMED) == (pipeline, CONSUMED)


@pytest.mark.parametrize(("slices", "keys"), [(None, "abcd"), (2, "cd"), (9, "abcd")])
def test_so_many_rows_of_the_newest_slices_are_drawn_besides(
    pipeline: Pipeline, slices: int | None, keys: str
) -> None:
    pipeline = replace(
        pipeline,
        batch_size=10,
        replay=Reservoir(share=0.5),
        evolve=Evolve(retrain=History(slices=slices, max_steps=30)),
    )
    found, consumed = seeing_history(pipeline, CONSUMED)
    assert sorted(consumed) == list(keys)
    assert found.budget.max_steps == pipeline.budget.max_steps + 30
    assert found.replay.rows(new=100, consumed=10_000) == 50 + 300
    assert found.replay.rows(new=100, consumed=120) == 120
    none = replace(pipeline, replay=NoReplay())
    assert seeing_history(none, CONSUMED)[0].replay.rows(new=100, consumed=10_000) == 300


def test_only_where_it_is_set_it_is_in_ids(pipeline: Pipeline) -> None:
    before = replace(pipeline, evolve=Evolve(drop=("side/*",))).training_config()
    assert before["evolve"] == {
        "Evolve": {
            "renamed": {},
            "drop": ["side/*"],
            "zero_new_inputs": True,
            "placed": {},
            "changed": [],
        }
    }, "as it was before there was a History"
    after = replace(pipeline, evolve=Evolve(drop=("side/*",), retrain=History(max_steps=9))).training_config()
    assert after["evolve"]["Evolve"]["retrain"] == {"History": {"slices": None, "max_steps": 9}}
    assert "evolve" not in pipeline.training_config()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"max_steps": 0}, "History.max_steps"),
        ({"max_steps": 5, "slices": 0}, "History.slices"),
        ({"max_steps": 2.5}, "History.max_steps"),
    ],
)
def test_bad_settings_are_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        History(**wrong)
    assert refused.value.field == field
    with pytest.raises(BadInput, match="History"):
        Evolve(retrain=Budget(max_steps=1, max_seconds=1))  # type: ignore[arg-type]
