"""What champions scored on slices before anything was trained on them: what is usual for a model."""

from __future__ import annotations

from collections.abc import Iterator

from ckpt_ops.lineage.state import LineageState, VersionState

LAST = 20
"""Scores that count: seasons pass."""


def usual_scores(state: LineageState, version: VersionState, *, last: int = LAST) -> dict[str, list[float]]:
    """By metric, the scores on the slices that the version's ancestors were trained on, in key order.

    Only slices that came into production count: the score on a rejected slice is not usual. No champion
    could score the first slices before anything was trained on them: for those, the held-out score of the
    version that was trained on them stands in. What a retraining saw again was scored when it was new, by
    the line that the retraining replaced.
    """
    found: dict[str, dict[str, float]] = {}
    for one in _line(state, version.parent if version.started.again is None else version.champion):
        scores = one.trained.scores if one.trained is not None else {}
        first = one.evaluated.metrics.get("candidate", {}) if one.evaluated is not None else {}
        for ref in one.slices:
            if ref.id not in state.tainted:
                found[ref.key] = dict(scores.get(ref.key, first if one.parent is None else {}))
    by_metric: dict[str, list[float]] = {}
    for key in sorted(found):
        for name, score in found[key].items():
            by_metric.setdefault(name, []).append(score)
    return {name: scores[-last:] for name, scores in by_metric.items()}


def _line(state: LineageState, version: int | None) -> Iterator[VersionState]:
    """The version and its ancestors, oldest first; for a retraining from scratch, those of its champion."""
    for one in state.ancestry(version):
        if one.started.again is None:
            yield one
        elif one.parent is None:
            yield from _line(state, one.champion)
