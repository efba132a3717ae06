"""The process that asks a version with its kept code: it is started as every other that loads a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops import worker
from ckpt_ops.candidates.as_served import other_code
from ckpt_ops.candidates.as_served.other_code import PartsPredicted
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.pipeline.code.kept import Functions, Kept
from ckpt_ops.training import Numerics

DAGS = Path(__file__).parents[2] / "dags"


@pytest.mark.parametrize("grows", [True, False])
def test_it_takes_a_gpus_memory_as_the_pipeline_says(
    grows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = replace(load_pipeline("brief", DAGS), numerics=Numerics(gpu_memory_growth=grows))
    started: list[Any] = []

    def run(function: object, request: object, **how: Any) -> PartsPredicted:
        started.append(how["surroundings"])
        return PartsPredicted(parts=0)

    monkeypatch.setattr(worker, "run", run)
    kept = Kept(functions=Functions(model="m:b", examples="m:e", inputs="m:i"), files={})
    other_code._run(pipeline, kept, tmp_path, tmp_path / "export", tmp_path / "parts", "")
    (surroundings,) = started
    assert (surroundings.code, surroundings.without) == (tmp_path, DAGS)
    assert dict(surroundings.beside) == ({"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if grows else {})
