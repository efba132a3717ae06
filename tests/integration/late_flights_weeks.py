"""What became of `late_flights` before the week in which an operator looks after it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Held,
    Promoted,
    Record,
    SliceAccepted,
    SliceRef,
    acting_as,
)
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import steps
from ckpt_ops.runs.approve import approve
from ckpt_ops.slices import pull
from ckpt_ops.store import Store
from ckpt_ops.training import Budget
from ckpt_ops.views.describing import note
from demo.flights import weeks

PROMOTED = ["2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27"]
REJECTED = "2013-02-03"


def landed(pipeline: Pipeline, landing: Store, key: str, table: pa.Table | None = None) -> None:
    """Put a week where the source finds it."""
    sink = pa.BufferOutputStream()
    columns = pipeline.source.schema.names
    pq.write_table((weeks()[key] if table is None else table).select(columns), sink)
    landing.put(pipeline.source.template.format(key=key), sink.getvalue().to_pybytes())


def taken_in(pipeline: Pipeline, store: Store, key: str) -> SliceRef:
    """Pull a slice and accept it as it is: no validation, which costs seconds to import."""
    found = pull(store, pipeline.source, key)
    ref = SliceRef(key=key, revision=found.revision, rows=found.rows)
    say(store, pipeline.name, SliceAccepted(slice=ref, reason="2 expectations hold"))
    return ref


def say(store: Store, model: str, record: Record) -> None:
    log = ModelLog(store, model)
    log.append(record, after=log.state())


def told(pipeline: Pipeline, store: Store, landing: Store) -> None:
    """Four versions went into production, each approved by a person; the fifth was rejected."""
    short = replace(pipeline, budget=Budget(max_steps=60, max_seconds=600))
    with acting_as("ada"):
        for key in (*PROMOTED, REJECTED):
            landed(pipeline, landing, key, turned(weeks()[key]) if key == REJECTED else None)
            taken_in(pipeline, store, key)
            version = steps.train(short, store, key, lambda line: None).version
            steps.evaluate(short, store, version)
            if key == REJECTED:
                steps.promote(short, store, version)
            else:
                approve(short, store, version, "the curves of this week are as good")
    note(store, pipeline, ModelLog(store, pipeline.name).state())


def turned(table: pa.Table) -> pa.Table:
    """The week as a feed would give it that counts minutes early instead of minutes late."""
    at = table.schema.get_field_index("arr_delay")
    return table.set_column(at, "arr_delay", pc.negate(table["arr_delay"]))


def held(store: Store, model: str) -> None:
    """Another model, of which only the log is there: one version in production, and it is on hold."""
    ref = SliceRef(key="2013-01-27", revision="0" * 16, rows=6_072)
    numbers = {"auc": 0.71}
    trained = CandidateTrained(
        version=1, step=60, stopped_by="max_steps", checkpoints=1, manifest="gone", artifacts={}, seconds=2.0
    )
    records: list[Record] = [
        SliceAccepted(slice=ref),
        CandidateStarted(version=1, candidate="0" * 16, parent=None, slices=(ref,)),
        trained,
        Evaluated(version=1, champion=None, passed=True, metrics={"candidate": numbers}, verdicts=()),
        Promoted(version=1, champion=None, reason="every gate passed"),
        Held(reason="slice 2013-02-03 was in 3 rejected candidates"),
    ]
    for record in records:
        say(store, model, record)
