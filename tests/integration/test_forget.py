"""Forgetting is exact: the champion is, bit for bit, one whose slices never held the rows.

Real weeks of flights, a real model, a carrier in place of a person. The processes that train are called as
functions here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from steady_weeks import land, week, weights

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.checkpoints.verify import Condition, verify
from ckpt_ops.forget.certificate import weights_digest
from ckpt_ops.forget.forget import forget
from ckpt_ops.forget.purge import purge
from ckpt_ops.forget.request import Asked
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore, Store

pytestmark = pytest.mark.slow

W1, W2, W3 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]
GONE = "UA"


@pytest.fixture
def brief(
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Pipeline]:
    with training_here(), without_pictures():
        yield load_pipeline("brief", Path(__file__).parents[1] / "dags")


def consumed(
    pipeline: Pipeline, folder: Path, tables: dict[str, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> tuple[LocalStore, LineageState]:
    """A store in which a model learned the tables, one after the other."""
    for name in ("landing", "store"):
        (folder / name).mkdir(parents=True)
    landing, store = LocalStore(folder / "landing"), LocalStore(folder / "store")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    for key, table in tables.items():
        land(landing, key, table)
        assert steps.run_slice(pipeline, store, key, lambda line: None).decision == "promoted"
    return store, ModelLog(store, pipeline.name).state()


def carriers(store: Store) -> set[str]:
    """Those of whom any Parquet object in the store has a row."""
    found: set[str] = set()
    for entry in store.list(""):
        if entry.name.endswith(".parquet") and entry.size:
            table = pq.read_table(io.BytesIO(store.get(entry.name)))
            found |= set(table["carrier"].to_pylist() if "carrier" in table.column_names else [])
    return found


def test_without_a_carriers_rows_it_is_bitwise_the_model_that_never_saw_them(
    brief: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {key: week(key) for key in KEYS}
    without = {key: table.filter(pc.not_equal(table["carrier"], GONE)) for key, table in whole.items()}
    whole[W1] = without[W1]  # so that the rebase forks from version 1
    never, straight = consumed(brief, tmp_path / "never", without, monkeypatch)
    store, before = consumed(brief, tmp_path / "forgets", whole, monkeypatch)
    assert weights(store, before) != weights(never, straight)
    asked = Asked(model="brief", rows=f"carrier == '{GONE}'")

    done = forget(brief, store, asked, why="they asked", grace_hours=0, report=lambda line: None)

    assert done.rebased is not None
    assert done.rebased.settled.promoted, done.rebased.settled.why
    state = ModelLog(store, "brief").state()
    line = state.ancestry(state.head)
    assert [version.version for version in line] == [1, 4, 5]
    assert [version.candidate for version in line] == [
        version.candidate for version in straight.ancestry(straight.head)
    ], "the same history: what was made without the rows is the revision that a pull without them gives"
    assert weights(store, state) == weights(never, straight)

    before_purge = {entry.name for entry in store.list("chunks/")}
    certificate = purge(brief, store, asked.request, now=datetime.now(UTC))

    assert certificate is not None
    assert GONE not in carriers(store)
    assert carriers(store) == carriers(never)
    state = ModelLog(store, "brief").state()
    assert weights(store, state) == weights(never, straight), "the head is restored from what is left"
    conditions = {one.version: one.condition for one in verify(store, state, state.versions)}
    assert {number for number, found in conditions.items() if found is not Condition.OK} == {2, 3}
    assert not [entry for entry in store.list("models/brief/v3/") if "/log/" not in entry.name]
    trained = straight.versions[straight.head or 0].trained
    assert trained is not None
    manifest = load_manifest(never, trained.manifest)
    assert certificate.body["result"]["candidate"] == straight.versions[straight.head or 0].candidate
    assert certificate.body["result"]["weights_blake3"] == weights_digest(manifest)
    left, garbage = chunks(store)
    never_left, _ = chunks(never)
    assert left == never_left, "what is named is what the model that never saw them has"
    assert left < before_purge
    last = max(entry.updated for entry in store.list("models/brief/v3/log/"))
    assert all(updated > last for updated in garbage), "saves on the way to version 3 are gone, too"


def chunks(store: Store) -> tuple[set[str], list[float]]:
    """Chunks that a manifest names, and when the others were written."""
    garbage = find_garbage(store, grace=0).chunks
    named = {entry.name for entry in store.list("chunks/")} - {entry.name for entry in garbage}
    return named, [entry.updated for entry in garbage]
