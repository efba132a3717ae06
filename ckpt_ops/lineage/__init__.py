"""The history of a model: an append-only log, the state it folds to, and what to do with a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.lineage.candidate_log import CandidateLog, candidate_id
    from ckpt_ops.lineage.fold import fold
    from ckpt_ops.lineage.log import ModelLog, model_names
    from ckpt_ops.lineage.planner import Action, Plan, plan, repeated
    from ckpt_ops.lineage.state import LineageState, SliceState, VersionState, VersionStatus

__all__ = [
    "Action",
    "CandidateLog",
    "LineageState",
    "ModelLog",
    "Plan",
    "SliceState",
    "VersionState",
    "VersionStatus",
    "candidate_id",
    "fold",
    "model_names",
    "plan",
    "repeated",
]

_TABLE = {
    "ckpt_ops.lineage.candidate_log": "CandidateLog candidate_id",
    "ckpt_ops.lineage.fold": "fold",
    "ckpt_ops.lineage.log": "ModelLog model_names",
    "ckpt_ops.lineage.planner": "Action Plan plan repeated",
    "ckpt_ops.lineage.state": "LineageState SliceState VersionState VersionStatus",
}
on_first_use(__name__, _TABLE)
