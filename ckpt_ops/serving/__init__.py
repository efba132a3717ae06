"""Versions in production: promotion, rollback, what is laid out for a model server."""

from ckpt_ops.serving.decisions import lift_taint, release, resolve, rollback, settle, taint, withdraw
from ckpt_ops.serving.publish import publish

__all__ = [
    "lift_taint",
    "publish",
    "release",
    "resolve",
    "rollback",
    "settle",
    "taint",
    "withdraw",
]
