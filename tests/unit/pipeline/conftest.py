"""The example pipeline, and a store with its landing place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.store import LocalStore

DAGS = Path(__file__).parents[3] / "dags"


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline("flight_delay", DAGS)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    folder = tmp_path / "store"
    folder.mkdir()
    return LocalStore(folder)
