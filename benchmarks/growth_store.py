"""The stores that `growth` measures: a model with a long history, or many with a short one."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import blake3

from benchmarks.histories import Unflushed, history, key_of, manifest_name, slice_of, write_log
from ckpt_ops.checkpoints import Manifest
from ckpt_ops.checkpoints.manifest import Segment, TensorEntry
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.slices.manifest import Column, SliceManifest
from ckpt_ops.store.content import chunk_name

MODEL = "growing"
NEW = "newcomer"
"""A pipeline of the same source that has not run yet."""
SOURCE = "daily"

_PIPELINE = '''
"""A pipeline whose source has as many days as {variable} says."""
import os
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from ckpt_ops import AtLeast, Budget, Pipeline


class Daily:
    """A slice a day."""

    name = "{source}"
    schema = pa.schema({{"late": pa.bool_(), "distance": pa.float64()}})

    def keys(self, start, end):
        days = range(int(os.environ["{variable}"]))
        times = (datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days)
        return [time.date().isoformat() for time in times if start <= time < end]

    def fingerprint(self, key):
        return "as it was"

    def read(self, key):
        yield pa.RecordBatch.from_pylist([{{"late": True, "distance": 1.0}}], schema=self.schema)


{name} = Pipeline(
    name="{name}",
    source=Daily(),
    expectations="expectations.json",
    model="{name}.model:build_model",
    budget=Budget(max_steps=400, max_seconds=600),
    gates=[AtLeast("auc", 0.6)],
)
'''
DAYS = "GROWTH_DAYS"
"""The variable that says how many days the source has."""


def write_pipelines(folder: Path) -> None:
    """The folder of DAGs: one pipeline of the history, and one that begins."""
    for name in (MODEL, NEW):
        (folder / name).mkdir(parents=True)
        (folder / name / "pipeline.py").write_text(
            _PIPELINE.format(name=name, source=SOURCE, variable=DAYS).lstrip()
        )
        (folder / name / "model.py").write_text("def build_model(): ...\n\n\ndef examples(table): ...\n")
        (folder / name / "expectations.json").write_text('{"name": "daily", "expectations": []}\n')


def write_model(root: Path, model: str, versions: int) -> None:
    """A log with its snapshot, of each version its own log and a checkpoint, and each slice's manifest.

    One more slice is accepted and pending, so that there is something to decide on.
    """
    root.mkdir(parents=True, exist_ok=True)
    write_log(root, model, list(islice(history(model), 5 * versions + 1)))
    store = Unflushed(root)
    for number in range(1, versions + 1):
        _write_checkpoint(store, model, number)
    for number in range(1, versions + 2):
        _write_slice(store, number)


def _write_checkpoint(store: Unflushed, model: str, number: int) -> None:
    data = f"{model} {number}".ljust(16)[:16].encode()
    digest = blake3.blake3(data).hexdigest()
    store.put(chunk_name(digest), data)
    tensor = TensorEntry(name="model/bias", dtype="float32", shape=(4,), offset=0, nbytes=16)
    manifest = Manifest(
        model=model,
        version=number,
        step=400,
        parent=None,
        cursor={"step": 400},
        slices=((key_of(number), slice_of(number).revision),),
        segments=(Segment(chunks=(digest,), tensors=(tensor,)),),
    ).encode()
    name = manifest_name(model, number)
    store.put(name, manifest)
    CandidateLog(store, model, number).start_attempt().commit(
        step=400, manifest=name, digest=blake3.blake3(manifest).hexdigest()
    )


def _write_slice(store: Unflushed, number: int) -> None:
    ref = slice_of(number)
    manifest = SliceManifest(
        source=SOURCE,
        key=ref.key,
        revision=ref.revision,
        fingerprint="as it was",
        pulled_at="2026-01-01T00:00:00+00:00",
        rows=ref.rows,
        columns=(Column(name="late", type="bool"), Column(name="distance", type="double")),
        files=(),
    )
    store.put(f"{manifest.prefix}/slice.json", manifest.to_json())
