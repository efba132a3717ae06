"""The totals of each policy's history, and which policies others beat: plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ckpt_ops.backtest.simulation import Event, History, Outcome
from ckpt_ops.evaluation import metric_of_key


@dataclass(frozen=True, kw_only=True)
class Tally:
    """One policy, added up.

    Attributes:
        updates, refused, deferred: slices at which a candidate was promoted or rejected, or none was trained.
        steps, seconds: of every training, also of rejected candidates and of those that policies share.
        mean: of the metric over the slices that every policy scored; None where there are none.
        worst: key and metric of the worst of those.
        held: key and reason where the model was put on hold, to the end; or None.
    """

    name: str
    updates: int
    refused: int
    deferred: int
    steps: int
    seconds: float
    mean: float | None
    worst: tuple[str, float] | None
    held: tuple[str, str] | None


def compared_keys(histories: Sequence[History], metric: str) -> list[str]:
    """Keys of the slices on which every policy had a champion and the metric a value."""
    each = [{event.key for event in one.events if _value(event, metric) is not None} for one in histories]
    return sorted(set.intersection(*each)) if each else []


def tally(history: History, metric: str, keys: Sequence[str]) -> Tally:
    """Add a history up; the metric over the slices `keys`."""
    by = {outcome: [one for one in history.events if one.outcome is outcome] for outcome in Outcome}
    values = {
        event.key: value
        for event in history.events
        if event.key in keys and (value := _value(event, metric)) is not None
    }
    side = min if metric_of_key(metric).higher_is_better else max
    held = by[Outcome.HELD]
    return Tally(
        name=history.name,
        updates=len(by[Outcome.PROMOTED]),
        refused=len(by[Outcome.REFUSED]),
        deferred=len(by[Outcome.DEFERRED]),
        steps=sum(event.steps for event in history.events),
        seconds=math.fsum(event.seconds for event in history.events),
        mean=fmean(values.values()) if values else None,
        worst=side(values.items(), key=lambda item: item[1]) if values else None,
        held=(held[0].key, held[0].why) if held else None,
    )


def dominated(tallies: Sequence[Tally], metric: str) -> dict[str, list[str]]:
    """By policy that is not on the frontier, those that beat it.

    They have at least as good a mean at no more training seconds, and are better in one of the two: of
    policies with the same history none beats the others.
    """
    sign = 1.0 if metric_of_key(metric).higher_is_better else -1.0

    def beats(one: Tally, other: Tally) -> bool:
        if one.mean is None or other.mean is None:
            return False
        better = sign * (one.mean - other.mean)
        return better >= 0 and one.seconds <= other.seconds and (better > 0 or one.seconds < other.seconds)

    found = {one.name: [other.name for other in tallies if beats(other, one)] for one in tallies}
    return {name: by for name, by in found.items() if by}


def frontier_message(tallies: Sequence[Tally], metric: str) -> str:
    """One sentence on which policies beat which."""
    if all(one.mean is None for one in tallies):
        return f"no slice has {metric} under every policy: there is no frontier"
    beaten = dominated(tallies, metric)
    front = [one.name for one in sorted(tallies, key=lambda one: one.seconds) if one.name not in beaten]
    message = f"on the frontier, cheapest first: {', '.join(front)}"
    if not beaten:
        return f"{message}; no policy is dominated"
    beaten_by = ", ".join(f"{name} (by {', '.join(by)})" for name, by in beaten.items())
    return (
        f"{message}; dominated, because others have at least as good a mean {metric} at no more training "
        f"seconds: {beaten_by}"
    )


def event_view(event: Event, metric: str) -> dict[str, Any]:
    """What happened at a slice, for JSON."""
    return {
        "key": event.key,
        "value": _value(event, metric),
        "outcome": event.outcome.value,
        "why": event.why,
        "candidate": event.candidate,
        "steps": event.steps,
        "seconds": event.seconds,
    }


def _value(event: Event, metric: str) -> float | None:
    return None if event.scored is None else event.scored.get(metric)
