"""Slices as versions were trained on them, or are scored on in shadow."""

from __future__ import annotations

from collections.abc import Iterable

from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.shadow import InShadow
from ckpt_ops.views.version import ShadowProgress, Trained


def shadow_progress(found: InShadow | None) -> ShadowProgress | None:
    """How far the candidate in shadow has come; None: there is none."""
    if found is None:
        return None
    return ShadowProgress(
        version=found.version.version,
        slices=found.needed,
        scored=refs(found.counted),
        words=found.message,
    )


def refs(found: Iterable[SliceRef]) -> tuple[Trained, ...]:
    """Slices as they were trained on."""
    return tuple(Trained(key=ref.key, revision=ref.revision, rows=ref.rows) for ref in found)
