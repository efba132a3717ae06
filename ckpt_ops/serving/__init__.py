"""Versions in production: promotion, rollback, what is laid out for a model server."""

from ckpt_ops.serving.decisions import release, rollback, settle, withdraw
from ckpt_ops.serving.publish import publish

__all__ = ["publish", "release", "rollback", "settle", "withdraw"]
