"""Train to a week, score the next: one way to keep a model fresh, over all weeks, with one seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ckpt_ops.training import BatchOrder, Budget, NoReplay, Replay, Reservoir, TailAverage
from ckpt_ops.training.replay import draw
from flight_delay.pipeline import flight_delay

if TYPE_CHECKING:
    from benchmarks.flight_weeks import FlightModel, FlightWeeks

FULL = "full"
OURS = "default"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A way to keep a model fresh.

    Attributes:
        replay: None: each week from scratch, on all weeks so far.
    """

    title: str
    budget: Budget
    replay: Replay | None
    average: TailAverage | None = None


def _epochs(epochs: int, *, min_steps: int = 1) -> Budget:
    """No other bound."""
    return Budget(max_steps=10**9, max_seconds=1e9, max_epochs=epochs, min_steps=min_steps)


def _once(share: float, average: TailAverage | None, title: str) -> Variant:
    return Variant(
        title=title, budget=_epochs(1, min_steps=150), replay=Reservoir(share=share), average=average
    )


VARIANTS = {
    FULL: Variant(title="full retraining, 4 passes over all weeks", budget=_epochs(4), replay=None),
    "full-average": Variant(
        title="full retraining, last half averaged",
        budget=_epochs(4),
        replay=None,
        average=TailAverage(share=0.5),
    ),
    "new": Variant(title="4 passes over the new week", budget=_epochs(4), replay=NoReplay()),
    "share-0.2": Variant(
        title="4 passes, 0.2 old rows a new one", budget=_epochs(4), replay=Reservoir(share=0.2)
    ),
    "share-1": Variant(title="4 passes, 1 old row a new one", budget=_epochs(4), replay=Reservoir(share=1)),
    "once-4": _once(4.0, None, "1 pass, 4 old rows a new one"),
    "once-4-half": _once(4.0, TailAverage(share=0.5), "1 pass, 4 old rows, last half averaged"),
    "once-1-average": _once(1.0, TailAverage(share=0.75), "1 pass, 1 old row, last three quarters averaged"),
    "once-2-average": _once(2.0, TailAverage(share=0.75), "1 pass, 2 old rows, last three quarters averaged"),
    "once-10-average": _once(
        10.0, TailAverage(share=0.75), "1 pass, 10 old rows, last three quarters averaged"
    ),
    OURS: Variant(
        title="the example's settings: 1 pass, 4 old rows, last three quarters averaged",
        budget=flight_delay.budget,
        replay=flight_delay.replay,
        average=flight_delay.average,
    ),
}


def run(
    variant: Variant,
    model: FlightModel,
    data: FlightWeeks,
    *,
    seed: int,
    weeks: int,
    tell: Callable[[int], None],
) -> dict[str, Any]:
    """By week trained to, from the first: AUC on all of the next one, which no model has trained on; steps;
    seconds of training.
    """
    model.begin(seed)
    scratch = model.copy_values()
    found: dict[str, list[float]] = {"auc": [], "steps": [], "seconds": []}
    for week in range(weeks):
        tell(week)
        order_seed = 1_000 * seed + week
        if variant.replay is None:
            model.assign(scratch)
            rows = np.concatenate(data.trainable[: week + 1])
        else:
            rows = _rows(variant.replay, data, week, order_seed)
        order = BatchOrder(rows=len(rows), batch_size=flight_delay.batch_size, seed=order_seed)
        steps = variant.budget.last_step(steps_per_epoch=order.steps_per_epoch)
        began = time.perf_counter()
        model.train(rows, order, steps, variant.average)
        found["seconds"].append(time.perf_counter() - began)
        found["steps"].append(steps)
        found["auc"].append(model.auc(week + 1))
    return found


def _rows(replay: Replay, data: FlightWeeks, week: int, seed: int) -> Any:
    new = data.trainable[week]
    old = dict(zip(data.keys[:week], data.trainable, strict=False))
    sizes = {key: len(rows) for key, rows in old.items()}
    wanted = replay.rows(new=len(new), consumed=sum(sizes.values()))
    drawn = draw(sizes=sizes, rows=wanted, seed=seed)
    return np.concatenate([new, *(old[key][one.among(0, sizes[key])] for key, one in drawn.items())])
