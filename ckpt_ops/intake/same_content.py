"""The same content under two keys: a delivery that came again under a different date."""

from __future__ import annotations

from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.intake import Intake, SameContent
from ckpt_ops.slices import SliceManifest
from ckpt_ops.validation import Kind, Reason


def twin_of(intake: Intake, state: LineageState, manifest: SliceManifest) -> str | None:
    """The key of an accepted slice with exactly this content; None when there is none."""
    if intake.same_content is SameContent.ALLOW:
        return None
    for key, known in sorted(state.slices.items()):
        if key != manifest.key and known.status is SliceStatus.ACCEPTED and known.pulled == manifest.revision:
            return key
    return None


def reason_for(manifest: SliceManifest, twin: str) -> Reason:
    """Why the slice is quarantined."""
    return Reason(
        kind=Kind.SAME_CONTENT,
        column="",
        message=f"all {manifest.rows:,} rows are those of slice {twin}, which was accepted: one delivery "
        "came under two keys",
        unexpected_count=manifest.rows,
    )


def check_no_new_twin(
    intake: Intake, before: LineageState, now: LineageState, manifest: SliceManifest
) -> None:
    """Raises `LineageMoved` when a slice with this content was accepted while this one was evaluated."""
    twin = twin_of(intake, now, manifest)
    if twin is not None and twin_of(intake, before, manifest) is None:
        raise LineageMoved(
            f"slice {twin}, which has the content of {manifest.key}, was accepted meanwhile",
            safe="nothing was recorded of this one",
            next="retry: it is evaluated again",
        )
