"""The history of a model: an append-only log, the state it folds to, and what to do with a slice."""

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
