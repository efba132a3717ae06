"""Will a flight leaving New York arrive more than 15 minutes late? A model kept fresh week by week."""

from __future__ import annotations

from ckpt_ops import (
    AnyOf,
    Append,
    AtLeast,
    Budget,
    Doubling,
    Every,
    EverySeconds,
    EverySteps,
    FirstOf,
    Intermediate,
    Keep,
    MetricDrop,
    NoForgetting,
    NoSegmentWorse,
    NotWorseThan,
    Pipeline,
    Reservoir,
    Rows,
    Servable,
    Slices,
    TailAverage,
)
from flight_delay.source import FlightWeeks

flight_delay = Pipeline(
    name="flight_delay",
    source=FlightWeeks(),
    expectations="expectations.json",
    model="flight_delay.model:build_model",
    inputs="flight_delay.model:inputs",
    update_when=AnyOf(Rows(at_least=5_000), MetricDrop("auc", by=0.01), Every(slices=4)),
    budget=Budget(max_steps=400, max_seconds=600, max_epochs=1, min_steps=150),
    save=FirstOf(EverySteps(50), EverySeconds(30)),
    keep=Keep(last=3, best=1, anchors=Doubling()),
    intermediate=Intermediate(layers=("features", "hidden_2"), save=EverySteps(100), latest_only=True),
    replay=Reservoir(share=4.0),
    average=TailAverage(share=0.75),
    gates=[
        NotWorseThan(champion="production", metric="auc", margin=0.005, confidence=0.95),
        AtLeast("auc", 0.60),
        NoSegmentWorse("carrier", metric="auc", margin=0.05),
        NoForgetting(metric="auc", margin=0.08),
        Servable(),
    ],
    late_slices=Append(within=Slices(4)),
)
