"""A description is refused at the door, with the field, the value and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.column_times import Since, Until
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import FairAcross, FairRates, NotWorseThan, Servable
from ckpt_ops.pipeline import Append, Pipeline, Shadow, Slices, find_pipelines, load_pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Latest


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Flight Delay"}, "name"),
        ({"model": "flight_delay/model.py"}, "model"),
        ({"expectations": "../elsewhere.json"}, "expectations"),
        ({"holdout": 0.0}, "holdout"),
        ({"holdout": Latest(0.2, by="nobody")}, "holdout"),
        ({"holdout": Latest(0.2, by="carrier")}, "holdout"),
        ({"holdout": Latest(0.2, by="time_hour"), "holdout_by": "carrier"}, "holdout_by"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_rejections": 0}, "max_rejections"),
        ({"late_slices": Append(within=Slices(-1))}, "late_slices"),
        ({"shadow": 2}, "shadow"),
        ({"gates": []}, "gates"),
        ({"gates": [NotWorseThan(), Servable()]}, "gates"),
        ({"save": EverySteps(401)}, "save"),
    ],
)
def test_a_wrong_or_contradictory_setting_is_named(
    pipeline: Pipeline, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        replace(pipeline, **changes)
    assert caught.value.field == field
    assert caught.value.allowed


def test_a_contradiction_names_both_settings(pipeline: Pipeline) -> None:
    with pytest.raises(BadInput, match=r"save=EverySteps\(steps=500\).*budget.max_steps=400"):
        replace(pipeline, save=EverySteps(500))


def test_every_gate_that_looks_at_segments_has_its_column_asked_for_once(pipeline: Pipeline) -> None:
    gates = [*pipeline.gates, FairAcross("origin"), FairRates("carrier")]
    assert replace(pipeline, gates=gates).segments == ("carrier", "origin")


def test_an_unknown_setting_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(TypeError, match="epochs"):
        replace(pipeline, epochs=3)


def test_what_shapes_the_weights_is_in_the_candidates_id_and_nothing_else(pipeline: Pipeline) -> None:
    config = pipeline.training_config()
    assert replace(pipeline, budget=Budget(max_steps=100, max_seconds=9)).training_config() != config
    assert replace(pipeline, gates=[*pipeline.gates][1:]).training_config() == config
    assert replace(pipeline, save=EverySteps(7)).training_config() == config
    assert replace(pipeline, shadow=Shadow(slices=2)).training_config() == config


def test_by_which_columns_the_newest_rows_can_be_told_is_said(pipeline: Pipeline) -> None:
    """The source's numbers, dates and timestamps; not its text."""
    with pytest.raises(
        BadInput, match=r"Latest\(share=0.2, by='dest'\).*of source flights: year, month, "
    ) as caught:
        replace(pipeline, holdout=Latest(0.2, by="dest"))
    assert caught.value.allowed.endswith("hour, minute, time_hour")
    assert "carrier" not in caught.value.allowed


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan"), True, "0.2"])
def test_a_share_of_newest_rows_lies_between_none_and_all(share: Any) -> None:
    with pytest.raises(BadInput, match=r"Latest\.share"):
        Latest(share, by="time_hour")


def test_which_rows_are_held_out_is_in_the_candidates_id(pipeline: Pipeline) -> None:
    """As it stands here: candidates of stores that exist are known by it."""
    assert pipeline.training_config()["holdout"] == 0.2
    newest = replace(pipeline, holdout=Latest(0.2, by="time_hour")).training_config()
    assert newest["holdout"] == {"Latest": {"share": 0.2, "by": "time_hour"}}
    assert "holdout_by" not in pipeline.training_config().keys() | newest.keys()


def test_an_unknown_pipeline_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pipeline.py").write_text("")
    assert find_pipelines(tmp_path) == ["other"]
    with pytest.raises(BadInput, match="one of other"):
        load_pipeline("flights", tmp_path)
    with pytest.raises(BadInput, match="exactly one Pipeline"):
        load_pipeline("other", tmp_path)


def test_when_columns_exist_is_in_the_candidates_id_where_it_is_declared(pipeline: Pipeline) -> None:
    """Pipelines without such a declaration keep their ids, and so do stores their candidates."""
    plain = pipeline.training_config()
    assert "column_times" not in plain
    assert isinstance(pipeline.source, Files)

    def with_times(**times: Since | Until) -> dict[str, Any]:
        return replace(pipeline, source=replace(pipeline.source, column_times=times)).training_config()

    declared = with_times(dest=Since("2013-02-03", until="2013-06-02", default="none"))
    assert declared == {
        **plain,
        "column_times": {
            "dest": {"type": "string", "since": "2013-02-03", "until": "2013-06-02", "default": "none"}
        },
    }
    assert with_times() == plain
    assert with_times(dest=Since("2013-02-03", until="2013-06-02", default=None)) != declared


@pytest.mark.parametrize(
    "settings",
    [{"holdout": Latest(0.2, by="time_hour")}, {"holdout_by": "time_hour"}],
    ids=["the newest rows", "by a column"],
)
def test_rows_are_not_held_out_by_a_column_that_only_some_slices_have(
    pipeline: Pipeline, settings: dict[str, Any]
) -> None:
    source = replace(pipeline.source, column_times={"time_hour": Since("2013-02-03", default=None)})
    with pytest.raises(BadInput, match="a column that every slice has; it is declared since slice") as caught:
        replace(pipeline, source=source, **settings)
    assert caught.value.field == next(iter(settings))
