"""Back-tests of many models, together: whether one is done already, and what all of them come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import blake3

from ckpt_ops.backtest.compare import Asked
from ckpt_ops.backtest.recorded import Recorded


@dataclass(frozen=True, kw_only=True)
class PolicyOverModels:
    """A policy over all models that were replayed under it.

    Attributes:
        models: how many have a mean under it.
        mean: of their means of the metric; None: none has one.
        best: on how many no other policy has a better mean.
        updates, steps, seconds: added up.
    """

    name: str
    models: int
    mean: float | None
    best: int
    updates: int
    steps: int
    seconds: float


def question(asked: Asked, replayed: Recorded, *, code: str) -> str:
    """A digest of all that a model's result depends on: the same question has the same answer.

    Args:
        code: the digest of the pipeline's code and settings.
    """
    slices = [(one.ref.key, one.ref.revision, one.time.isoformat(), one.released) for one in replayed.slices]
    told = repr((asked.metric, replayed.clock.value, slices, code)).encode()
    return blake3.blake3(asked.policies.read_bytes() + b"\0" + told).hexdigest()


def over_models(results: Sequence[Mapping[str, Any]]) -> list[PolicyOverModels]:
    """Each policy over the results of several models, as `Backtest.to_json` has them; in the file's order."""
    names = list(dict.fromkeys(one["name"] for result in results for one in result["policies"]))
    best = dict.fromkeys(names, 0)
    for result in results:
        means = {one["name"]: one["mean"] for one in result["policies"] if one["mean"] is not None}
        if means:
            top = max(means.values()) if result["higher_is_better"] else min(means.values())
            for name, mean in means.items():
                best[name] += mean == top
    return [_over(name, results, best[name]) for name in names]


def _over(name: str, results: Sequence[Mapping[str, Any]], best: int) -> PolicyOverModels:
    rows = [one for result in results for one in result["policies"] if one["name"] == name]
    means = [one["mean"] for one in rows if one["mean"] is not None]
    return PolicyOverModels(
        name=name,
        models=len(means),
        mean=fmean(means) if means else None,
        best=best,
        updates=sum(one["updates"] for one in rows),
        steps=sum(one["steps"] for one in rows),
        seconds=sum(one["seconds"] for one in rows),
    )
