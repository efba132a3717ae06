"""How far the running training of a model is, as the process that waits for it reports it."""

from __future__ import annotations

import time

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

    It costs a short listing for each version that is open for training, of which there is one at most times,
    and one for the next version, which is opened only once its model is built and its rows are read.

    Args:
        now: seconds since the epoch.

    Raises:
        StoreUnavailable, StoreForbidden: the store could not be asked.
    """
    now = time.time() if now is None else now
    found = [
        _seen(one, now) for number in _numbers(state) if (one := reported(store, model, number)) is not None
    ]
    ended = Phase.ENDED.value
    return max(found, key=lambda one: (not one.lost, one.phase != ended, one.updated), default=None)


def _numbers(state: LineageState) -> list[int]:
    opened = [one.version for one in state.versions.values() if one.status is VersionStatus.STARTED]
    return [*sorted(opened)[-_NEWEST:], max(state.versions, default=0) + 1]


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
