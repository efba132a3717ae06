"""Forks are exact: what comes out is, bit for bit, what a history without the mistake gives.

Real weeks of flights, a real model. The processes that train are called as functions here; tests/faults
starts and kills them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.lineage import LineageState, ModelLog, VersionStatus
from ckpt_ops.pipeline import Pipeline, load_pipeline, rebasing, steps
from ckpt_ops.pipeline.replay_process import replay
from ckpt_ops.pipeline.training_process import run_attempt
from ckpt_ops.serving import withdraw
from ckpt_ops.store import LocalStore, Store
from demo.flights import weeks

pytestmark = pytest.mark.slow

COLUMNS = ["carrier", "hour", "distance", "arr_delay"]
W1, W2, W3, W4 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27"]


@pytest.fixture(scope="module")
def brief() -> Pipeline:
    return load_pipeline("brief", Path(__file__).parents[1] / "dags")


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "landing").mkdir()
    store = LocalStore(tmp_path / "landing")
    monkeypatch.setenv("CKPT_OPS_LANDING", store.url)
    for key in KEYS:
        land(store, key, weeks()[key].select(COLUMNS))
    return store


@pytest.fixture
def new_store(tmp_path: Path) -> Callable[[str], LocalStore]:
    def make(name: str) -> LocalStore:
        (tmp_path / name).mkdir()
        return LocalStore(tmp_path / name)

    return make


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> int:
        return run_attempt(pipeline, store, key)

    def replay_all(pipeline: Pipeline, store: Store, version: int, report: object) -> list[int]:
        return replay(pipeline, store)

    monkeypatch.setattr(steps, "run_training_process", train)
    monkeypatch.setattr(rebasing, "run_replay_process", replay_all)


def land(landing: Store, key: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    landing.put(f"steady/{key}.parquet", sink.getvalue().to_pybytes())


def learn(pipeline: Pipeline, store: Store, *keys: str) -> LineageState:
    for key in keys:
        assert steps.run_slice(pipeline, store, key, lambda line: None)["decision"] == "promoted"
    return ModelLog(store, pipeline.name).state()


def weights(store: Store, state: LineageState) -> dict[str, bytes]:
    """Every variable of the head, optimizer and seeds included, as bytes."""
    trained = state.versions[state.head or 0].trained
    assert trained is not None
    tensors = read_tensors(store, load_manifest(store, trained.manifest))
    return {name: tensor.tobytes() for name, tensor in tensors.items()}


def test_without_a_slice_is_bitwise_the_model_that_never_saw_it(
    brief: Pipeline, landing: LocalStore, new_store: Callable[[str], LocalStore]
) -> None:
    store, never = new_store("store"), new_store("never")
    learn(brief, store, *KEYS)
    withdraw(store, "brief", W2, "the carrier column was shifted")

    done = rebasing.rebase(brief, store, lambda line: None)

    assert done["decision"] == "promoted", done["why"]
    state = ModelLog(store, "brief").state()
    assert sorted(state.consumed) == [W1, W3, W4]
    assert [version.version for version in state.ancestry(state.head)] == [1, 5, 6]
    assert [state.versions[number].status for number in (2, 3, 4)] == [VersionStatus.REPLACED] * 3
    assert state.versions[5].status is VersionStatus.REPLAYED
    straight = learn(brief, never, W1, W3, W4)
    assert [version.candidate for version in state.ancestry(state.head)] == [
        version.candidate for version in straight.ancestry(straight.head)
    ]
    assert weights(store, state) == weights(never, straight)


def test_a_correction_gives_bitwise_what_the_corrected_slice_in_order_gives(
    brief: Pipeline, landing: LocalStore, new_store: Callable[[str], LocalStore]
) -> None:
    store, straight = new_store("store"), new_store("straight")
    learn(brief, store, W1, W2, W3)
    table = weeks()[W2].select(COLUMNS)
    land(landing, W2, table.filter(pc.not_equal(table["carrier"], "UA")))
    pulled = steps.pull(brief, store, W2)
    steps.validate(brief, store, W2, pulled["revision"])

    assert rebasing.rebase(brief, store, lambda line: None)["decision"] == "promoted"

    assert weights(store, ModelLog(store, "brief").state()) == weights(
        straight, learn(brief, straight, W1, W2, W3)
    )
