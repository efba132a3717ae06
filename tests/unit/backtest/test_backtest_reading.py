"""A back-test reads each slice from the store once, and what a candidate learns is the same to the bit."""

from __future__ import annotations

import io
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ckpt_ops.backtest.slice_cache import SliceCache
from ckpt_ops.candidates.data import load_data
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import CandidateStarted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files, SliceSource, pull
from ckpt_ops.store import LocalStore
from ckpt_ops.training import Budget, Examples, Reservoir

SCHEMA = pa.schema(
    [("n", pa.int64()), ("kind", pa.dictionary(pa.int32(), pa.string())), ("late", pa.bool_())]
)
KEYS = ["2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27"]


class Counting(LocalStore):
    """A store that counts what is read of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read: Counter[str] = Counter()

    def get(self, name: str) -> bytes:
        self.read[name] += 1
        return super().get(name)


def examples(table: pa.Table) -> Examples:
    """Rows without a label are dropped: row numbers of a slice are not those of its examples."""
    table = table.filter(pc.is_valid(table["late"]))
    kind = np.asarray(pc.cast(table["kind"], pa.string()).to_pylist(), dtype=np.str_)
    return Examples(
        inputs={"n": table["n"].to_numpy(), "kind": kind},
        labels=pc.cast(table["late"], pa.int8()).to_numpy().astype(np.float32),
        segments={"kind": kind},
    )


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Pipeline, Counting]:
    """Slices of two files each, whose text grows longer and whose dictionaries differ."""
    for name in ("landing", "store"):
        (tmp_path / name).mkdir()
    landing, store = LocalStore(tmp_path / "landing"), Counting(tmp_path / "store")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    module = ModuleType("counted_rows")
    vars(module)["examples"] = examples
    monkeypatch.setitem(sys.modules, "counted_rows", module)
    source = Files(name="counted", schema=SCHEMA, template="counted/{key}/*.parquet")
    for at, key in enumerate(KEYS):
        for part in range(2):
            begin = 1_000 * at + 100 * part
            table = pa.table(
                {
                    "n": pa.array(range(begin, begin + 60 + at)),
                    "kind": pa.array(
                        [("ab" * (at + part + n % 2 + 1)) for n in range(60 + at)]
                    ).dictionary_encode(),
                    "late": pa.array([None if n % 7 == 0 else n % 3 == 0 for n in range(60 + at)]),
                },
                schema=SCHEMA,
            )
            sink = io.BytesIO()
            pq.write_table(table, sink)
            landing.put(f"counted/{key}/{part}.parquet", sink.getvalue())
        pull(store, source, key)
    return (
        Pipeline(
            name="counted",
            source=source,
            expectations="e.json",
            model="counted_rows:build_model",
            budget=Budget(max_steps=200, max_seconds=1),
            replay=Reservoir(share=0.5),
            gates=[AtLeast("auc", 0.5)],
        ),
        store,
    )


def ref(store: Counting, source: SliceSource, key: str) -> SliceRef:
    found = pull(store, source, key)
    return SliceRef(key=key, revision=found.revision, rows=found.rows)


def equal(one: Examples, other: Examples) -> bool:
    pairs = [
        (one.labels, other.labels),
        *((one.inputs[name], other.inputs[name]) for name in one.inputs),
        *((one.segments[name], other.segments[name]) for name in one.segments),
    ]
    return one.inputs.keys() == other.inputs.keys() and all(
        a.dtype == b.dtype and np.asarray(a).tolist() == np.asarray(b).tolist() for a, b in pairs
    )


def test_the_rows_that_train_and_judge_are_those_of_production(
    described: tuple[Pipeline, Counting], tmp_path: Path
) -> None:
    pipeline, store = described
    refs = [ref(store, pipeline.source, key) for key in KEYS]
    stored = StoredRows(pipeline, store)
    assert {len(list(stored.groups(one.key, one.revision))) for one in refs} == {2}
    (tmp_path / "rows").mkdir()
    unpacked = SliceCache(stored, tmp_path / "rows")
    store.read.clear()
    found = []
    for count in (1, 2, 3):
        consumed = {one.key: one.revision for one in refs[:-count]}
        version = VersionState.opened(
            CandidateStarted(version=2, candidate="0123456789abcdef", parent=1, slices=tuple(refs[-count:]))
        )
        found.append((version, consumed, load_data(pipeline, store, version, consumed, rows=unpacked)))
    files = [name for name in store.read if name.endswith(".parquet")]
    assert len(files) == 2 * len(KEYS)
    assert set(store.read.values()) <= {1, 2}, "rows once, a manifest to count them and to read them"
    assert {store.read[name] for name in files} == {1}

    for version, consumed, again in found:
        as_ever = load_data(pipeline, store, version, consumed)
        alone = load_data(pipeline, store, version, {})
        assert again.train.rows > alone.train.rows, "some are replayed"
        assert equal(again.train, as_ever.train)
        assert equal(again.holdout, as_ever.holdout)
        assert again.slices == as_ever.slices
