"""Will it rain within the hour? No Keras model, and a label that is true in one hour of fifteen."""

from __future__ import annotations

from ckpt_ops import (
    AnyOf,
    AtLeast,
    Budget,
    Every,
    EverySteps,
    Keep,
    MetricDrop,
    NotWorseThan,
    Pipeline,
    Reservoir,
    Servable,
)
from rain.source import source

rain = Pipeline(
    name="rain",
    source=source,
    expectations="expectations.json",
    model="rain.model:build_model",
    update_when=AnyOf(Every(slices=2), MetricDrop("average_precision", by=0.05)),
    budget=Budget(max_steps=300, max_seconds=300, max_epochs=10),
    save=EverySteps(100),
    keep=Keep(last=2),
    replay=Reservoir(share=1.0),
    gates=[
        NotWorseThan(metric="average_precision", margin=0.05),
        AtLeast("average_precision", 0.3),  # by chance: 0.07
        AtLeast("auc", 0.8),
        Servable(),
    ],
    batch_size=64,
)
