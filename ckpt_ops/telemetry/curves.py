"""The curves of a training, from its own log: what it reported at checkpoints, and what the gates found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.candidate_log import Commit


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value of a curve.

    Attributes:
        step: since the parent.
    """

    curve: str
    step: int
    value: float


def curves(version: VersionState, commits: Sequence[Commit]) -> tuple[Point, ...]:
    """All points, by step; what is no finite number is left out.

    `training/NAME` as training reported it; `training/steps_per_second` and `training/uploaded_bytes` between
    checkpoints; `candidate/METRIC` and `champion/METRIC` on the rows of the evaluation, at the last step.
    """
    found = [*_trained(commits), *_evaluated(version)]
    return tuple(one for one in found if math.isfinite(one.value))


def ended(state: LineageState) -> tuple[VersionState, ...]:
    """The versions whose training has ended with a candidate."""
    return tuple(one for one in state.versions.values() if one.trained_at is not None)


def _trained(commits: Sequence[Commit]) -> Iterator[Point]:
    step, seconds = 0, 0.0
    for one in commits:
        for name, value in one.metrics.items():
            yield Point(curve=f"training/{name}", step=one.step, value=value)
        yield Point(curve="training/uploaded_bytes", step=one.step, value=one.uploaded)
        if one.seconds > seconds and one.step > step:
            pace = (one.step - step) / (one.seconds - seconds)
            yield Point(curve="training/steps_per_second", step=one.step, value=pace)
        step, seconds = one.step, one.seconds


def _evaluated(version: VersionState) -> Iterator[Point]:
    if version.evaluated is None or version.trained is None:
        return
    metrics: Mapping[str, Mapping[str, float]] = version.evaluated.metrics
    for who, values in metrics.items():
        for name, value in values.items():
            yield Point(curve=f"{who}/{name}", step=version.trained.step, value=value)
