"""How far the running training of a model is, as the process that waits for it reports it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ckpt_ops.candidates.progress_document import Reported, reported
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.state import VersionStatus
from ckpt_ops.store import Store
from ckpt_ops.views.shapes import TrainingNow
from ckpt_ops.worker import Phase

LOST_SECONDS = 60.0
"""It is reported every 20 s at the least; see `candidates/reporting.py`."""
_NEWEST = 3


def training_now(
    store: Store, model: str, state: LineageState, *, now: float | None = None
) -> TrainingNow | None:
    """The training that runs now; None when none does.

    Args:
        now: seconds since the epoch.

    Raises:
        StoreUnavailable, StoreForbidden: the store could not be asked.
    """
    return training_of(store, model, training_versions(state), now=now)


def training_versions(state: LineageState) -> tuple[int, ...]:
    """What a training may be of now: versions that are open for training, and last the next one.

    The next version is opened only once its model is built and its rows are read.
    """
    opened = [one.version for one in state.versions.values() if one.status is VersionStatus.STARTED]
    return (*sorted(opened)[-_NEWEST:], state.next_version)


def training_of(
    store: Store, model: str, versions: Sequence[int], *, now: float | None = None
) -> TrainingNow | None:
    """As `training_now`, of `training_versions`. It costs a short listing for each of them."""
    now = time.time() if now is None else now
    found = [_seen(one, now) for number in versions if (one := reported(store, model, number)) is not None]
    # one that died before its version was opened has lost nothing, and no run need go on from it
    found = [one for one in found if not one.lost or one.version != versions[-1]]
    ended = Phase.ENDED.value
    return max(found, key=lambda one: (not one.lost, one.phase != ended, one.updated), default=None)


def _seen(found: Reported, now: float) -> TrainingNow:
    document = found.document
    over = document.phase is Phase.ENDED
    return TrainingNow(
        model=document.model,
        version=document.version,
        attempt=document.attempt,
        phase=document.phase.value,
        step=document.step,
        last=document.last,
        started=document.started,
        updated=document.updated,
        metrics=document.metrics,
        history=document.history,
        rows_per_second=document.rows_per_second,
        steps_per_second=document.steps_per_second,
        seconds_left=document.seconds_left,
        saves=document.saves,
        stall_seconds=document.stall_seconds,
        save_every=document.save_every,
        slices=document.slices,
        lost=not over and now - found.renewed > LOST_SECONDS,
    )
