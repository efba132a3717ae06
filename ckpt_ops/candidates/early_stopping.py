"""How good a candidate is on the rows set apart, while it trains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ckpt_ops.candidates.champion import labels_of
from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.candidates.forward_pass import ForwardPass
from ckpt_ops.candidates.results import predict
from ckpt_ops.evaluation import METRICS, metrics_of
from ckpt_ops.outputs import keyed
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.training import Lookout
from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.worker import LookedAt, tell


def lookout(
    pipeline: Pipeline,
    model: Any,
    variables: Mapping[str, Any],
    data: TrainingData,
    replicas: Replicas | None = None,
) -> Lookout | None:
    """What ends the training early, or None. Of several processes the first looks, and tells the others."""
    settings, apart = pipeline.stop_early, data.apart
    if settings is None or apart is None:
        return None

    metric, forward = keyed(settings.metric, settings.output), ForwardPass(model)

    def look() -> float:
        if replicas is None or replicas.worker == 0:
            value = measured()
            return value if replicas is None else replicas.of_first(value)
        return replicas.of_first(0.0)

    def measured() -> float:
        predicted = predict(model, apart.inputs, apart.positions, forward=forward)
        found = metrics_of(labels_of(apart), predicted, groups=apart.groups)
        return found.get(metric, math.nan)

    def looked(step: int, value: float, best: bool) -> None:
        tell(LookedAt(step=step, metric=metric, value=value, best=best))

    return Lookout(
        settings,
        variables,
        look,
        larger_is_better=METRICS[settings.metric].higher_is_better,
        looked=looked,
    )
