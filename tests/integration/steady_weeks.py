"""Real weeks of flights as `steady` and `brief` take them, and what a model has learned of them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.lineage import LineageState
from ckpt_ops.store import Store
from demo.flights import weeks

COLUMNS = ["carrier", "hour", "distance", "arr_delay"]


def week(key: str) -> pa.Table:
    return weeks()[key].select(COLUMNS)


def land(landing: Store, key: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    landing.put(f"steady/{key}.parquet", sink.getvalue().to_pybytes())


def weights(store: Store, state: LineageState) -> dict[str, bytes]:
    """Every variable of the head, optimizer and seeds included, as bytes."""
    trained = state.versions[state.head or 0].trained
    assert trained is not None
    tensors = read_tensors(store, load_manifest(store, trained.manifest))
    return {name: tensor.tobytes() for name, tensor in tensors.items()}
