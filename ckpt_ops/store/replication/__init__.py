"""Two or three stores as one: a quorum for writes, one arbiter for logs, reads that fix, repair."""

from ckpt_ops.store.replication.store import ReplicatedStore

__all__ = ["ReplicatedStore"]
