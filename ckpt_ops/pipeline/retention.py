"""After a promotion: older versions let go of the checkpoint that they ended with, as `keep=` says.

The log hears of it first, so that nobody plans to fork from what is about to go; then the manifests are
removed. Chunks that no manifest names any more are garbage collection's. A version's predictions, export
and place in the serving folder stay.
"""

from __future__ import annotations

import logging

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.lineage.records import CheckpointsDropped, Record
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.store import Store

_log = logging.getLogger(__name__)


def let_go(pipeline: Pipeline, store: Store) -> tuple[int, ...]:
    """Drop the checkpoints of the head's ancestry that are no anchors; the versions that lost theirs now."""
    anchors = pipeline.keep.anchors
    if anchors is None:
        return ()
    dropped: tuple[int, ...] = ()

    def choose(state: LineageState) -> Record | None:
        nonlocal dropped
        line = [version.version for version in state.ancestry(state.head)]
        kept = anchors.kept(line)
        dropped = tuple(one for one in line if one not in kept and one not in state.dropped)
        return CheckpointsDropped(versions=dropped, reason=repr(anchors)) if dropped else None

    ModelLog(store, pipeline.name).decide(choose)
    for version in dropped:
        _remove(store, pipeline.name, version)
    return dropped


def _remove(store: Store, model: str, version: int) -> None:
    for commit in CandidateLog(store, model, version).progress().commits:
        try:
            store.delete(commit.manifest)
        except CkptOpsError as error:  # it is in nobody's way, and garbage collection finds it
            _log.warning("could not remove %s: %s", commit.manifest, error.what)
