"""One landing place, and one training that nothing disturbed, for all tests that kill."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from training import KEYS, land, weights

from ckpt_ops.pipeline import Pipeline, load_pipeline, steps
from ckpt_ops.store import LocalStore

DAGS = Path(__file__).parents[1] / "dags"


@pytest.fixture(scope="session")
def steady() -> Pipeline:
    return load_pipeline("steady", DAGS)


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path_factory.mktemp("landing"))
    land(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", store.url)
        yield store


@pytest.fixture(scope="session")
def undisturbed_store(
    steady: Pipeline, landing: LocalStore, tmp_path_factory: pytest.TempPathFactory
) -> LocalStore:
    """Holds a training that was never killed. Not to be changed: tests share it."""
    store = LocalStore(tmp_path_factory.mktemp("undisturbed"))
    done = steps.run_slice(steady, store, KEYS[0], lambda line: None)
    assert done["decision"] == "promoted", done
    return store


@pytest.fixture(scope="session")
def undisturbed(undisturbed_store: LocalStore) -> tuple[Any, ...]:
    """The final weights of a training that was never killed."""
    return weights(undisturbed_store)
