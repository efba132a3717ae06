"""What happens to a version: decisions and approvals, its card, and what is published for a model server."""

from ckpt_ops.promotion.approval import answer, approve, reject
from ckpt_ops.promotion.decisions import release, rollback, settle
from ckpt_ops.promotion.publish import publish

__all__ = [
    "answer",
    "approve",
    "publish",
    "reject",
    "release",
    "rollback",
    "settle",
]
