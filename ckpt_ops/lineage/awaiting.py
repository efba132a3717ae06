"""Evaluated versions that wait for a person, and whether the evaluation of one still counts."""

from __future__ import annotations

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.requirements import Unmet
from ckpt_ops.lineage.shadow import still_pending, superseded
from ckpt_ops.lineage.state import LineageState, VersionState, VersionStatus


def waits(state: LineageState, version: VersionState) -> bool:
    """Whether the version passed its gates and is neither promoted nor rejected nor void.

    A version that was evaluated in shadow on a slice that changed since is evaluated again before anybody
    is asked.
    """
    if version.status is not VersionStatus.EVALUATED:  # most are not, and their records are not read
        return False
    evaluated = version.evaluated
    return (
        evaluated is not None
        and evaluated.passed
        and still_pending(state, evaluated.slices)
        and version.approved is None
        and why_void(state, version.version) is None
    )


def why_void(state: LineageState, version: int) -> Unmet | None:
    """Why the evaluation of a version no longer counts, so that it cannot be promoted; None: it counts.

    Raises:
        BadInput: it was not evaluated.
    """
    found = state.version(version)
    if found.evaluated is None:
        raise BadInput("version", version, f"an evaluated version; it is {found.status.value}")
    return superseded(state, found)
