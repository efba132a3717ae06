"""What must never reach production, on real weeks of flights: each is refused, and the message says why.

The same data through a widely used peer: a model trained on negative distances was promoted, a missing
column ended in "Graph execution error", and the optimizer was dropped on a warm start.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from training import COLUMNS, KEYS

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import ModelCodeError, SliceUnreadable, TerminalError
from ckpt_ops.lineage import ModelLog, VersionStatus
from ckpt_ops.lineage.records import SliceAccepted
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore
from demo.flights import weeks

pytestmark = pytest.mark.slow
BAD = "2013-01-20"


@pytest.fixture(scope="module")
def world(
    steady: Pipeline,
    landing: LocalStore,
    undisturbed_store: LocalStore,
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[tuple[Pipeline, LocalStore, LocalStore]]:
    """A pipeline with a champion that has learned one good week. Trainings run in this process."""
    store = LocalStore(shutil.copytree(undisturbed_store.root, tmp_path_factory.mktemp("never") / "store"))
    assert list(ModelLog(store, "steady").state().consumed) == [KEYS[0]]
    with training_here(), without_pictures():
        yield steady, store, landing


def _silent(line: str) -> None:
    pass


def _land(landing: LocalStore, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    landing.put(f"steady/{BAD}.parquet", sink.getvalue().to_pybytes())


def _week() -> pa.Table:
    return weeks()[BAD].select(COLUMNS)


def test_negative_distances_are_quarantined_and_the_message_names_the_column(
    world: tuple[Pipeline, LocalStore, LocalStore],
) -> None:
    pipeline, store, landing = world
    table = _week()
    negative = np.arange(table.num_rows) % 10 < 3
    distance = np.where(negative, -table["distance"].to_numpy(), table["distance"].to_numpy())
    _land(landing, table.set_column(table.column_names.index("distance"), "distance", pa.array(distance)))

    done = steps.run_slice(pipeline, store, BAD, _silent)

    assert done.decision == "skip"
    assert "distance" in done.why
    assert "30.0 %" in done.why
    assert ModelLog(store, "steady").state().head == 1


def test_a_missing_column_is_quarantined_by_name(world: tuple[Pipeline, LocalStore, LocalStore]) -> None:
    pipeline, store, landing = world
    _land(landing, _week().drop_columns("hour"))

    done = steps.run_slice(pipeline, store, BAD, _silent)

    assert done.decision == "skip"
    assert "column hour is missing: declared as int64" in done.why
    assert ModelLog(store, "steady").state().head == 1


def test_a_file_of_another_schema_is_refused_before_the_log_hears_of_it(
    world: tuple[Pipeline, LocalStore, LocalStore],
) -> None:
    pipeline, store, landing = world
    before = ModelLog(store, "steady").state().sequence
    _land(landing, pa.table({"customer": ["a"], "basket": [3]}))

    with pytest.raises(SliceUnreadable, match="customer"):
        steps.run_slice(pipeline, store, BAD, _silent)

    assert ModelLog(store, "steady").state().sequence == before


def test_a_model_function_that_raises_is_named_and_nothing_is_promoted(
    world: tuple[Pipeline, LocalStore, LocalStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, store, _ = world
    package = tmp_path / "raises"
    package.mkdir()
    (package / "__init__.py").touch()
    source = Path(pipeline.folder)
    (package / "expectations.json").write_bytes((source / "expectations.json").read_bytes())
    text = (source / "pipeline.py").read_text()
    (package / "pipeline.py").write_text(
        text.replace("steady.model", "raises.model").replace('"steady"', '"raises"')
    )
    model = (source / "model.py").read_text()
    (package / "model.py").write_text(
        model.replace(
            "def build_model() -> keras.Model:", 'def build_model():\n    raise KeyError("no such layer")'
        )
    )
    from ckpt_ops.pipeline import load_pipeline

    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelCodeError) as caught:
        steps.run_slice(load_pipeline("raises", tmp_path), store, KEYS[0], _silent)

    assert "raises.model:build_model raised KeyError" in str(caught.value)
    assert isinstance(caught.value, TerminalError), "a retry would only hide it"
    assert "no version or checkpoint was added" in caught.value.safe
    assert [type(record) for record in ModelLog(store, "raises").records()] == [SliceAccepted]
    names = [entry.name.removeprefix("models/raises/") for entry in store.list("models/raises/")]
    assert [name for name in names if not name.startswith("description/")] == ["log/000000000001.json"]
    assert ModelLog(store, "steady").state().head == 1


def test_shuffled_labels_pass_the_schema_and_are_refused_by_the_gate(
    world: tuple[Pipeline, LocalStore, LocalStore],
) -> None:
    pipeline, store, landing = world
    table = _week()
    table = table.filter(table["arr_delay"].is_valid())
    shuffled = np.random.default_rng(7).permutation(table["arr_delay"].to_numpy())
    _land(landing, table.set_column(table.column_names.index("arr_delay"), "arr_delay", pa.array(shuffled)))

    done = steps.run_slice(pipeline, store, BAD, _silent)

    assert done.decision == "rejected", done
    assert "auc" in done.why
    state = ModelLog(store, "steady").state()
    assert state.head == 1
    rejected = state.versions[done.version]
    assert rejected.status is VersionStatus.REJECTED
    assert [ref.key for ref in state.pending()] == [BAD]


def test_a_warm_start_keeps_the_optimizer(world: tuple[Pipeline, LocalStore, LocalStore]) -> None:
    pipeline, store, _ = world

    done = steps.run_slice(pipeline, store, KEYS[1], _silent)

    state = ModelLog(store, "steady").state()
    first, second = (state.versions[number].trained for number in (1, done.version))
    assert first is not None
    assert second is not None
    start, end = (_iterations(store, one.manifest) for one in (first, second))
    assert start == first.step
    assert end == first.step + second.step, "the optimizer's iteration count began again"


def _iterations(store: LocalStore, manifest: str) -> int:
    from ckpt_ops.checkpoints import read_tensors

    tensors = read_tensors(store, load_manifest(store, manifest))
    return int(next(value for name, value in tensors.items() if name.endswith("iteration")))
