"""After a promotion: removes the final checkpoints of older versions, as `keep=` says.

In the head's ancestry, anchors stay. Versions that a rebase or a rollback left beside it stay until three
promotions have followed: a person may roll back to one, or a rebase may go on from it.

The log records it first, so that no plan forks from a checkpoint that is about to go; then the manifests are
removed. Garbage collection takes the chunks that no manifest names any more. A version's predictions, export
and place in the serving folder stay.
"""

from __future__ import annotations

import logging

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.lineage.records import CheckpointsDropped, Record
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.printable import printable
from ckpt_ops.rebase.progress import progress_of
from ckpt_ops.store import Store

_BACK = 3  # promotions; versions older than the first of them that are not in the head's ancestry go
_log = logging.getLogger(__name__)


def prune(pipeline: Pipeline, store: Store) -> tuple[int, ...]:
    """Remove the checkpoints that nothing goes back to; returns the versions that lost theirs now."""
    anchors = pipeline.keep.anchors
    if anchors is None:
        return ()
    dropped: tuple[int, ...] = ()

    def choose(state: LineageState) -> Record | None:
        nonlocal dropped
        line = [version.version for version in state.ancestry(state.head)]
        if not line:
            return None
        kept = {*anchors.kept(line), *_wanted(pipeline, state)}
        promoted = [number for number in line if state.versions[number].promoted]
        old = [number for number in state.versions if number not in line and number < promoted[-_BACK:][0]]
        dropped = tuple(one for one in sorted({*line, *old} - kept) if one not in state.dropped)
        return CheckpointsDropped(versions=dropped, reason=repr(anchors)) if dropped else None

    ModelLog(store, pipeline.name).decide(choose)
    for version in dropped:
        _remove(store, pipeline.name, version)
    return dropped


def _wanted(pipeline: Pipeline, state: LineageState) -> tuple[int, ...]:
    """The versions that an unfinished rebase goes on from."""
    on = progress_of(pipeline, state)
    return on.done if on else ()


def _remove(store: Store, model: str, version: int) -> None:
    for commit in CandidateLog(store, model, version).progress().commits:
        try:
            store.delete(commit.manifest)
        except CkptOpsError as error:  # it does no harm, and garbage collection finds it
            _log.warning("could not remove %s: %s", commit.manifest, printable(error.what))
