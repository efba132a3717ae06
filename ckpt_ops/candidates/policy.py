"""Asks a pipeline's update policy. Drift is measured only if the answer depends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ckpt_ops.candidates.drift import measure_drift
from ckpt_ops.candidates.facts import facts
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.policies import ColumnDrift, Decision, DriftNeed, Policy, decide, drift_needed
from ckpt_ops.store import Store

Measure = Callable[[LineageState, SliceRef, DriftNeed], Mapping[str, ColumnDrift]]
"""Measures how far a slice has drifted from what the champion of a state consumed."""


def policy_answer(
    pipeline: Pipeline,
    store: Store,
    state: LineageState,
    slices: Sequence[SliceRef],
    *,
    score: Mapping[str, float] | None = None,
) -> Decision:
    """Whether an update is due that trains on `slices`. Needs no TensorFlow.

    Undecided only where the champion's score on the newest slice would decide it, and `score` is None.

    Raises:
        BadInput: the policy names a column that the newest slice lacks.
    """
    return answer(pipeline.update_when, state, slices, partial(measure_drift, pipeline, store), score=score)


def answer(
    policy: Policy,
    state: LineageState,
    slices: Sequence[SliceRef],
    measure: Measure,
    *,
    score: Mapping[str, float] | None = None,
    now: float | None = None,
) -> Decision:
    """As `policy_answer`, for any policy and at any time.

    Args:
        now: as `facts` takes it.
    """
    decision = decide(policy, facts(state, slices, score=score, now=now))
    need = drift_needed(policy)
    if decision.due is not None or need is None:
        return decision
    drift = measure(state, slices[-1], need)
    return decide(policy, facts(state, slices, score=score, drift=drift, now=now))
