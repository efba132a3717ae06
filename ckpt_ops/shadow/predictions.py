"""Predictions of candidate and champion on a slice: `models/MODEL/vN/shadow/KEY/REVISION-HASH.parquet`.

HASH is of the file's bytes, so that two writers never write different bytes under one name. One file is
enough for a revision: a retry that finds the file of a killed process does not predict again.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator

import pyarrow.parquet as pq
from blake3 import blake3

from ckpt_ops.errors import Corrupt
from ckpt_ops.evaluation import EvaluatedRows
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.store import Entry, Store


def find(store: Store, model: str, version: int, ref: SliceRef) -> str | None:
    """Object name of the predictions of one revision, if they are made."""
    return next((entry.name for entry in store.list(_begin(model, version, ref))), None)


def write(store: Store, model: str, version: int, ref: SliceRef, evaluated: EvaluatedRows) -> None:
    """Keep the predictions of both models on the rows of a revision."""
    buffer = io.BytesIO()
    pq.write_table(evaluated.to_table(), buffer)
    data = buffer.getvalue()
    store.put(f"{_begin(model, version, ref)}{blake3(data).hexdigest()[:16]}.parquet", data)


def read(store: Store, name: str) -> EvaluatedRows:
    """What `write` wrote.

    Raises:
        ObjectNotFound: it is gone.
        Corrupt: its bytes do not have the hash in its name.
    """
    data = store.get(name)
    if not blake3(data).hexdigest().startswith(name.rpartition("-")[2].removesuffix(".parquet")):
        raise Corrupt(
            f"{store.url}/{name} is not what was written there: it does not have the hash in its name",
            safe="nothing was evaluated; the champion serves on",
            next="restore that object from a replica, or delete it: the slice is predicted again",
        )
    return EvaluatedRows.from_table(pq.read_table(io.BytesIO(data)))


def of_revisions(
    store: Store, revisions: Collection[tuple[str, str]], *, model: str | None = None
) -> Iterator[Entry]:
    """Predictions that any version made of some revisions, each (key, revision).

    Args:
        model: whose; None: any model's. A model that consumes a revision needs it; one that was only scored
            on it does not.
    """
    for entry in store.list(f"models/{model}/" if model else "models/") if revisions else ():
        match entry.name.split("/"):
            case ["models", _, _, "shadow", key, file] if (key, file.partition("-")[0]) in revisions:
                yield entry


def _begin(model: str, version: int, ref: SliceRef) -> str:
    return f"models/{model}/v{version}/shadow/{ref.key}/{ref.revision}-"
