"""Evaluated versions that wait for a person, and whether what was said of one still holds."""

from __future__ import annotations

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.requirements import Unmet
from ckpt_ops.lineage.shadow import still_pending, superseded
from ckpt_ops.lineage.state import LineageState, VersionState, VersionStatus


def waits(state: LineageState, version: VersionState) -> bool:
    """Whether the gates let the version pass, and it is neither promoted nor rejected nor void.

    What was evaluated in shadow on a slice that stands no more is evaluated again before anybody is asked.
    """
    evaluated = version.evaluated
    return (
        version.status is VersionStatus.EVALUATED
        and evaluated is not None
        and evaluated.passed
        and still_pending(state, evaluated.slices)
        and version.approved is None
        and why_void(state, version.version) is None
    )


def why_void(state: LineageState, version: int) -> Unmet | None:
    """Why what was said of an evaluated version holds no more, so that it cannot be promoted; None: it holds.

    Raises:
        BadInput: it was not evaluated.
    """
    found = state.version(version)
    if found.evaluated is None:
        raise BadInput("version", version, f"an evaluated version; it is {found.status.value}")
    return superseded(state, found)
