"""Columns of slices that are kept: found by what makes them, whole or not at all, within the limit."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.candidates import kept_columns
from ckpt_ops.candidates.data import TrainingData, load_data
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.evaluation import AtLeast, NoSegmentWorse
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import CandidateStarted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.code.imported_as import imported_as
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.slices import Files, pull
from ckpt_ops.store import LocalStore
from ckpt_ops.training import Budget, Examples, Latest, Reservoir

SCHEMA = pa.schema([("n", pa.int64()), ("kind", pa.string()), ("words", pa.list_(pa.string()))])
KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]
MODEL = """
import numpy as np
from ckpt_ops.training import Examples

calls = []

def examples(table):
    calls.append(table.num_rows)
    n = table["n"].to_numpy()
    return Examples(
        inputs={
            "n": np.stack([n, n * 2], 1).astype(np.float32),
            "kind": table["kind"].to_numpy(),
            "words": table["words"],
        },
        labels={"late": n % 2, "far": (n % 7).astype(np.float32)},
        segments={"kind": table["kind"].to_numpy()},
        weights=np.ones(len(n)),
    )
"""


class Place:
    """Three slices of two row groups, and a pipeline whose code lies in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        for below in ("landing", "store"):
            (folder / below).mkdir()
        self.code = folder / "dags" / name / "model.py"
        self.code.parent.mkdir(parents=True)
        self.code.write_text(MODEL)
        self.landing, self.store = LocalStore(folder / "landing"), LocalStore(folder / "store")
        self.source = Files(name=name, schema=SCHEMA, template="{key}/*.parquet", url=self.landing.url)
        for at, key in enumerate(KEYS):
            for part in range(2):
                numbers = range(1_000 * at + 100 * part, 1_000 * at + 100 * part + 60)
                table = pa.table(
                    {
                        "n": list(numbers),
                        "kind": [f"kind {n % 5}" for n in numbers],
                        "words": [[f"w{n % 3}"] * (n % 4) for n in numbers],
                    },
                    schema=SCHEMA,
                )
                sink = io.BytesIO()
                pq.write_table(table, sink)
                self.landing.put(f"{key}/{part}.parquet", sink.getvalue())
        pulled = {key: pull(self.store, self.source, key) for key in KEYS}
        self.refs = [
            SliceRef(key=key, revision=found.revision, rows=found.rows) for key, found in pulled.items()
        ]
        self.pipeline = Pipeline(
            name=name,
            source=self.source,
            expectations="e.json",
            model=f"{name}.model:build_model",
            budget=Budget(max_steps=200, max_seconds=1),
            replay=Reservoir(share=0.7),
            gates=[AtLeast("auc", 0.5, output="late")],
        )

    def load(self, pipeline: Pipeline | None = None, *, kept: bool = True) -> TrainingData:
        """The last slice, and a replay of the two before."""
        pipeline = pipeline or self.pipeline
        version = VersionState.opened(
            CandidateStarted(version=2, candidate="0123456789abcdef", parent=1, slices=(self.refs[-1],))
        )
        consumed = {one.key: one.revision for one in self.refs[:-1]}
        return load_data(pipeline, self.store, version, consumed, code=code_digest(pipeline) if kept else "")

    def load_alone(self, at: int, **settings: Any) -> TrainingData:
        """One slice, without a replay: its columns are kept."""
        pipeline = replace(self.pipeline, **settings)
        version = VersionState.opened(
            CandidateStarted(version=1, candidate="0123456789abcdef", parent=None, slices=(self.refs[at],))
        )
        return load_data(pipeline, self.store, version, {}, code=code_digest(pipeline))

    @property
    def calls(self) -> list[int]:
        """The rows of each call of `examples()` since this was asked."""
        made = sys.modules[f"{self.pipeline.name}.model"].calls
        found = list(made)
        made.clear()
        return found

    def made(self, rows: int) -> bool:
        """Whether that many rows were made since this was asked, besides those that are looked at alone."""
        return sum(self.calls) >= rows


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Place]:
    name = f"kept_{abs(hash(request.node.name)) % 10**6}"
    monkeypatch.setenv("CKPT_OPS_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.syspath_prepend(str(tmp_path / "dags"))
    yield Place(tmp_path, name)
    for module in [one for one in sys.modules if one.split(".")[0] == name]:
        del sys.modules[module]


def kept(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "scratch" / f"ckpt-ops-columns-{os.geteuid()}"
    return sorted(folder.iterdir()) if folder.exists() else []


def rows_of(examples: Examples) -> list[Any]:
    columns = [
        *(one.padded() if hasattr(one, "padded") else np.asarray(one) for one in examples.inputs.values()),
        *(examples.labels[name] for name in examples.labels.dtype.names),
        *(np.asarray(one) for one in examples.segments.values()),
        examples.weights,
    ]
    return [(str(one.dtype), one.tolist()) for one in columns if one is not None]


def equal(one: TrainingData, other: TrainingData) -> bool:
    pairs = [(one.train, other.train), (one.holdout, other.holdout), (one.learn, other.learn)]
    return all(rows_of(a) == rows_of(b) for a, b in pairs) and one.slices == other.slices


def test_what_is_found_is_what_would_be_made(place: Place) -> None:
    for at in range(3):
        place.load_alone(at)
    made = place.load(kept=False)
    assert sum(place.calls) > 3 * 120
    found = place.load()
    assert not place.calls, "neither the new slice's rows nor the replayed ones are made again"
    assert equal(found, made)


def test_of_what_is_not_kept_only_the_drawn_rows_are_made(place: Place, tmp_path: Path) -> None:
    made = place.load()
    assert place.made(made.train.rows + made.holdout.rows)
    assert len(kept(tmp_path)) == 1, "the new slice; of the others there are only some rows"


def test_a_retry_reads_no_rows_of_the_store(place: Place) -> None:
    for at in range(3):
        place.load_alone(at)
    for path in (Path(place.store.url.removeprefix("file://"))).rglob("*.parquet"):
        path.unlink()
    assert place.load().train.rows > 100


@pytest.mark.parametrize("change", ["code", "holdout", "segments"])
def test_what_makes_other_rows_finds_nothing(place: Place, change: str) -> None:
    place.load_alone(2)
    _ = place.calls
    if change == "code":
        place.code.write_text(MODEL + "\n# changed")
        place.load_alone(2)
    elif change == "holdout":
        place.load_alone(2, holdout=Latest(0.2, by="n"))
    else:
        place.load_alone(
            2,
            gates=[
                AtLeast("auc", 0.5, output="late"),
                NoSegmentWorse("kind", metric="auc", margin=0.1, min_rows=5, output="late"),
            ],
        )
    assert place.made(120)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "no listing"])
def test_damaged_columns_are_made_again(place: Place, tmp_path: Path, damage: str) -> None:
    before = place.load_alone(2)
    entry = kept(tmp_path)[0]
    file = max((entry / "train").glob("*.npy"), key=lambda one: one.stat().st_size)
    data = file.read_bytes()
    _ = rows_of(before.train)
    if damage == "cut":
        file.write_bytes(data[:-8])
    elif damage == "changed":
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "gone":
        file.unlink()
    else:
        (entry / "train" / "columns.json").write_text("{")
    _ = place.calls
    again = place.load_alone(2)
    assert place.made(120)
    assert equal(again, before)
    place.load_alone(2)
    assert not place.calls, "they are kept again"


def test_code_that_drops_rows_or_changes_dtypes_keeps_nothing(place: Place, tmp_path: Path) -> None:
    place.code.write_text(MODEL.replace("    n = table", "    table = table.slice(1)\n    n = table"))
    assert place.load_alone(2).train.rows == 103 - 2
    place.code.write_text(MODEL.replace("n % 2", "(n % 2).astype('i4' if n[0] < 2050 else 'f4')"))
    del sys.modules[f"{place.pipeline.name}.model"]
    place.load_alone(2)
    assert not kept(tmp_path)


def test_the_longest_unused_are_given_up(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.load_alone(0)
    size = sum(one.stat().st_size for one in kept(tmp_path)[0].rglob("*.npy"))
    monkeypatch.setenv(kept_columns.LIMIT, str(int(2.5 * size)))
    first = kept(tmp_path)[0]
    place.load_alone(1)
    os.utime(first, (1, 1))
    second = next(one for one in kept(tmp_path) if one != first)
    os.utime(second, (2, 2))
    place.load_alone(0)  # used: the second is older now
    place.load_alone(2)
    assert len(kept(tmp_path)) == 2
    assert first.exists()
    assert not second.exists()


def test_nothing_is_kept_where_that_is_said(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kept_columns.LIMIT, "0")
    place.load_alone(2)
    assert not kept(tmp_path)
    monkeypatch.setenv(kept_columns.LIMIT, "much")
    with pytest.raises(BadInput, match="CKPT_OPS_SCRATCH_LIMIT"):
        place.load_alone(2)


def test_what_a_killed_process_left_is_removed(place: Place, tmp_path: Path) -> None:
    place.load_alone(0)
    folder = kept(tmp_path)[0].parent
    left = folder / ".part-killed"
    left.mkdir()
    os.utime(left, (1, 1))
    place.load_alone(1)
    assert not left.exists()


def test_a_folder_that_others_may_open_is_not_used(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody else put there would be trained on."""
    place.load_alone(2)
    kept(tmp_path)[0].parent.chmod(0o777)
    _ = place.calls
    place.load_alone(2)
    assert place.made(120)
    assert "not a folder of this user alone" in capsys.readouterr().out


def test_columns_that_depend_on_how_many_rows_come_together_are_not_kept(
    place: Place, tmp_path: Path
) -> None:
    """A product of matrices may round otherwise: replayed rows would not be those of another machine."""
    place.code.write_text(
        MODEL.replace("n % 2,", "n % 2 + 0.0,").replace(
            "np.stack([n, n * 2], 1).astype(np.float32)", "np.stack([n, np.full(len(n), len(n))], 1)"
        )
    )
    place.load_alone(2)
    assert not kept(tmp_path)


def test_what_the_store_has_no_more_is_not_trained_on(place: Place, tmp_path: Path) -> None:
    """Rows that were purged would live on in the scratch folder."""
    for at in range(3):
        place.load_alone(at)
    first = place.refs[0]
    for path in Path(place.store.url.removeprefix("file://")).rglob("slice.json"):
        if first.revision in str(path):
            path.unlink()
    with pytest.raises(ObjectNotFound):
        place.load()
    assert len(kept(tmp_path)) == 2


def test_a_purge_drops_columns_of_this_machine(place: Place, tmp_path: Path) -> None:
    for at in range(2):
        place.load_alone(at)
    kept_columns.drop_columns("another", [(place.refs[0].key, place.refs[0].revision)])
    assert len(kept(tmp_path)) == 2
    kept_columns.drop_columns(place.source.name, [(place.refs[0].key, place.refs[0].revision)])
    assert len(kept(tmp_path)) == 1


def test_what_is_not_used_for_a_month_is_given_up(place: Place, tmp_path: Path) -> None:
    place.load_alone(0)
    old = kept(tmp_path)[0]
    os.utime(old, (1, 1))
    place.load_alone(1)
    assert not old.exists()


def test_code_that_may_have_been_imported_as_another_keeps_nothing(place: Place) -> None:
    """Python imports a module once: a second session of the process goes on with what it was."""
    before = code_digest(place.pipeline)
    assert imported_as(place.pipeline, before) == before
    place.load_alone(0)
    assert imported_as(place.pipeline, before) == before
    place.code.write_text(MODEL + "\n# changed")
    assert imported_as(place.pipeline, code_digest(place.pipeline)) == ""


def test_of_modules_that_are_there_already_nobody_knows_what_they_were(place: Place) -> None:
    place.load_alone(0)
    assert imported_as(place.pipeline, code_digest(place.pipeline)) == ""
