"""Objects under names: seven verbs and what each guarantees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.store.base import Entry, Store
    from ckpt_ops.store.gcs import GcsStore
    from ckpt_ops.store.local import LocalStore
    from ckpt_ops.store.opening import open_store
    from ckpt_ops.store.replication import ReplicatedStore

__all__ = ["Entry", "GcsStore", "LocalStore", "ReplicatedStore", "Store", "open_store"]

_TABLE = {
    "ckpt_ops.store.base": "Entry Store",
    "ckpt_ops.store.gcs": "GcsStore",
    "ckpt_ops.store.local": "LocalStore",
    "ckpt_ops.store.opening": "open_store",
    "ckpt_ops.store.replication": "ReplicatedStore",
}
on_first_use(__name__, _TABLE)
