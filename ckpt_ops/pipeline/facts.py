"""What an update policy is told: read off the lineage."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.policies import Facts


def facts(
    state: LineageState, slices: Sequence[SliceRef], *, score: Mapping[str, float] | None = None
) -> Facts:
    """The facts for training on `slices`.

    Args:
        score: the champion's metrics on the newest slice, once it has scored it.
    """
    head = state.versions[state.head] if state.head is not None else None
    age = None
    if head is not None and head.decided is not None:
        age = max(0.0, time.time() - datetime.fromisoformat(head.decided.time).timestamp())
    return Facts(
        pending_rows=sum(ref.rows for ref in slices),
        pending_slices=len(slices),
        seconds_since_update=age,
        has_champion=head is not None,
        champion_metrics_at_promotion=head.evaluated.metrics["candidate"] if head and head.evaluated else {},
        champion_on_slice=score,
    )
