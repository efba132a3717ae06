"""Objects under names: seven verbs and what each guarantees."""

from ckpt_ops.store.base import Entry, Store
from ckpt_ops.store.gcs import GcsStore
from ckpt_ops.store.local import LocalStore
from ckpt_ops.store.opening import open_store
from ckpt_ops.store.replication import ReplicatedStore

__all__ = ["Entry", "GcsStore", "LocalStore", "ReplicatedStore", "Store", "open_store"]
