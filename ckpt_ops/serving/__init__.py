"""Versions in production, what a person says of slices, what is laid out for a model server."""

from ckpt_ops.serving.approval import answer, approve, reject
from ckpt_ops.serving.decisions import release, rollback, settle
from ckpt_ops.serving.on_slices import lift_taint, resolve, taint, withdraw
from ckpt_ops.serving.publish import publish

__all__ = [
    "answer",
    "approve",
    "lift_taint",
    "publish",
    "reject",
    "release",
    "resolve",
    "rollback",
    "settle",
    "taint",
    "withdraw",
]
