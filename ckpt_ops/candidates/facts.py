"""What an update policy is told, read from the lineage."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.policies import ColumnDrift, Facts


def facts(
    state: LineageState,
    slices: Sequence[SliceRef],
    *,
    score: Mapping[str, float] | None = None,
    drift: Mapping[str, ColumnDrift] | None = None,
    now: float | None = None,
) -> Facts:
    """The facts for training on `slices`.

    Args:
        score: the champion's metrics on the newest slice, once it has scored it.
        drift: of the newest slice's columns, once it was measured.
        now: seconds since 1970, by the clock that wrote the records; the system's by default. No other
            fact depends on a clock.
    """
    at = time.time() if now is None else now
    head = state.versions[state.head] if state.head is not None else None
    trained = sorted(_trainings(state, at), key=lambda training: (training[0], -training[2]))
    last = state.versions[trained[0][2]] if trained else None
    known = {ref.id for ref in last.slices} if last else set()
    return Facts(
        pending_rows=sum(ref.rows for ref in slices),
        pending_slices=len(slices),
        seconds_since_update=_ago(at, head.decided.time) if head and head.decided else None,
        has_champion=head is not None,
        champion_metrics_at_promotion=head.evaluated.metrics["candidate"] if head and head.evaluated else {},
        champion_on_slice=score,
        seconds_since_training=trained[0][0] if trained else None,
        slices_since_training=sum(ref.id not in known for ref in slices) if last else None,
        trainings=tuple((ago, seconds) for ago, seconds, _ in trained),
        drift=drift,
    )


def _trainings(state: LineageState, now: float) -> list[tuple[float, float, int]]:
    """Of each training: how long ago it ended, the seconds in which it stepped, and its version."""
    ended = ((one.trained_at, one.version) for one in state.versions.values())
    return [(_ago(now, at[0]), at[1], version) for at, version in ended if at is not None]


def _ago(now: float, time: str) -> float:
    """Seconds; 0 for a record of the future: clocks of two machines differ."""
    return max(0.0, now - datetime.fromisoformat(time).timestamp())
