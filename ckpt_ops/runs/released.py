"""A release from quarantine that knows what the pipeline declares, for whoever must not load its code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.intake.quarantine import release
from ckpt_ops.lineage.records import SliceRef, acting_as
from ckpt_ops.pipeline.loading import load_intake
from ckpt_ops.pipeline.naming import file_of
from ckpt_ops.runs.due import calling_user_code
from ckpt_ops.store import open_store


@dataclass(frozen=True, kw_only=True)
class ReleaseRequest:
    """What is asked.

    Attributes:
        folder: the folder of DAGs.
        store: its address.
        key: of the slice; `why`: the reason; `actor`: who decided.
    """

    model: str
    folder: Path
    store: str
    key: str
    why: str
    actor: str


def release_with_code(request: ReleaseRequest) -> SliceRef:
    """Release it; returns the revision to train on. Raises as `quarantine.release`, and for the code."""
    name = request.model
    source = calling_user_code(file_of(name), lambda: load_intake(name, request.folder).source)
    with acting_as(request.actor):
        return release(open_store(request.store), name, request.key, request.why, source=source)
