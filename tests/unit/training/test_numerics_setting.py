"""Precision and determinism as settings: refused when wrong, in no id by default, and in each id when set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.model_work import surroundings_of
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Numerics

GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    schema = pa.schema([("a", pa.float64())])
    return Pipeline(
        name="m",
        source=Files(name="rows", schema=schema, template="{key}.parquet", url=tmp_path.as_uri()),
        expectations="e.json",
        model="m.model:build_model",
        budget=Budget(max_steps=100, max_seconds=9),
        gates=[AtLeast("auc", 0.5)],
    )


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"mixed_precision": "float8"}, "Numerics.mixed_precision"),
        ({"mixed_precision": "mixed_float16"}, "Numerics.mixed_precision"),
        ({"mixed_precision": True}, "Numerics.mixed_precision"),
        ({"deterministic": None}, "Numerics.deterministic"),
        ({"gpu_memory_growth": 1}, "Numerics.gpu_memory_growth"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as raised:
        Numerics(**settings)
    assert raised.value.field == field


def test_a_pipeline_takes_nothing_else_for_it(pipeline: Pipeline) -> None:
    with pytest.raises(BadInput, match="numerics"):
        replace(pipeline, numerics="bfloat16")


def test_by_default_it_is_in_no_id(pipeline: Pipeline) -> None:
    assert "numerics" not in pipeline.training_config()
    assert replace(pipeline, numerics=Numerics()).training_config() == pipeline.training_config()


def test_how_memory_is_taken_shapes_no_weights(pipeline: Pipeline) -> None:
    whole = replace(pipeline, numerics=Numerics(gpu_memory_growth=False))
    assert whole.training_config() == pipeline.training_config()
    both = replace(pipeline, numerics=Numerics(mixed_precision="float16", gpu_memory_growth=False))
    assert both.training_config()["numerics"] == {"Numerics": {"mixed_precision": "float16"}}


@pytest.mark.parametrize(
    ("numerics", "described"),
    [
        (Numerics(deterministic=False), {"deterministic": False}),
        (Numerics(mixed_precision="bfloat16"), {"mixed_precision": "bfloat16"}),
    ],
)
def test_what_shapes_weights_is_in_the_id(
    pipeline: Pipeline, numerics: Numerics, described: dict[str, Any]
) -> None:
    config = replace(pipeline, numerics=numerics).training_config()
    assert config == pipeline.training_config() | {"numerics": {"Numerics": described}}


def test_every_interpreter_of_the_model_takes_memory_of_a_gpu_as_it_needs_it(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(GROWTH, raising=False)
    monkeypatch.setattr(Pipeline, "folder", tmp_path / "m")
    for then in (None, tmp_path / "then"):
        assert surroundings_of(pipeline, then).environment()[GROWTH] == "true"
    whole = replace(pipeline, numerics=Numerics(gpu_memory_growth=False))
    assert GROWTH not in surroundings_of(whole, None).environment()
    monkeypatch.setenv(GROWTH, "false")
    assert surroundings_of(pipeline, None).environment()[GROWTH] == "false", "who sets it knows why"
