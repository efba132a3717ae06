"""Which checkpoints of a version count: those that its own log commits, and no others."""

from __future__ import annotations

from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.checkpoints.restore import load_manifest
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.lineage.candidate_log import Commit
from ckpt_ops.store import Store


def committed(store: Store, model: str, version: int) -> tuple[Commit, ...]:
    """The version's committed checkpoints in order; of a step that two attempts committed, the later one."""
    commits = CandidateLog(store, model, version).progress().commits
    return tuple({commit.step: commit for commit in commits}.values())


def committed_manifest(store: Store, model: str, version: int, *, step: int | None = None) -> Manifest:
    """The manifest of the checkpoint at `step`, by default the version's last.

    Raises:
        BadInput: no checkpoint was committed at that step, or none at all; names those that were.
        ObjectNotFound: it was committed, and its manifest is gone: retention pruned it.
    """
    commits = committed(store, model, version)
    chosen = [commit for commit in commits if step in (None, commit.step)][-1:]
    if not chosen:
        steps = ", ".join(str(commit.step) for commit in commits)
        allowed = f"a committed step of version {version}: {steps}"
        raise BadInput(
            "step", step, allowed if steps else f"a version with checkpoints; version {version} has none"
        )
    try:
        return load_manifest(store, chosen[0].named)
    except ObjectNotFound as error:
        raise ObjectNotFound(
            f"the checkpoint of {model} v{version} step {chosen[0].step} was pruned: "
            f"no object {store.url}/{chosen[0].manifest}",
            safe="the other checkpoints were not touched",
            next=f"ckpt-ops verify {model} {version} lists those that are kept",
        ) from error
