"""The last step of a save: its entry in the candidate's log; then what `keep` drops is pruned."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ckpt_ops.checkpoints.keep import Keep
from ckpt_ops.checkpoints.writer import Saved
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage.candidate_log import Attempt, Commit
from ckpt_ops.printable import printable
from ckpt_ops.store import Store

_log = logging.getLogger(__name__)


class Commits:
    """What a candidate has committed, and the right of one attempt to add to it.

    Only manifests are removed here. Their chunks may be shared with anything: garbage collection
    removes those that no manifest names any more.

    Args:
        before: commits of earlier attempts.
    """

    def __init__(self, store: Store, attempt: Attempt, keep: Keep, before: Sequence[Commit] = ()) -> None:
        self._store, self._attempt, self._keep = store, attempt, keep
        self._present = list(before)

    def commit(self, saved: Saved) -> None:
        """Commit a checkpoint whose manifest is stored. Raises `Fenced`."""
        self._attempt.commit(
            step=saved.step,
            manifest=saved.manifest,
            seconds=saved.seconds,
            metrics=saved.metrics,
            uploaded=saved.uploaded,
            digest=saved.digest,
        )
        commit = Commit(
            step=saved.step, manifest=saved.manifest, token=self._attempt.token, metrics=saved.metrics
        )
        self._present.append(commit)
        kept = self._keep.kept(self._present)
        for dropped in [each for each in self._present if each.step not in kept]:
            self._prune(dropped)

    def _prune(self, commit: Commit) -> None:
        try:
            self._store.delete(commit.manifest)
        except CkptOpsError as error:  # it does no harm: the next commit tries again
            _log.warning("could not remove %s: %s", commit.manifest, printable(error.what))
        else:
            self._present.remove(commit)
