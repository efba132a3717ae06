"""Models that were built under a strategy of their own: how one is shared out, the pipeline says."""

from __future__ import annotations

from typing import Any

from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.naming import optimizers
from ckpt_ops.errors import ModelCodeError


def check_one_device(model: Any, *, made_by: str) -> None:
    """Refuse, with `ModelCodeError`, a model that was built under a distribution strategy, in any part."""
    import tensorflow as tf

    none = tf.distribute.get_strategy() if not tf.distribute.has_strategy() else None
    found = [
        getattr(part, name, None)
        for part in (model, *optimizers(model))
        for name in ("_distribute_strategy", "_distribution_strategy")
    ]
    found += [tf.distribute.get_strategy()] if none is None else []
    found += [getattr(one, "distribute_strategy", None) for one in _variables(model)]
    strategies = {type(one).__name__ for one in found if one is not None and one is not none}
    if strategies:
        raise ModelCodeError(
            f"{made_by} builds the model under a {', '.join(sorted(strategies))}, and a candidate is trained "
            "on one device: each replica would train on the same whole batch",
            safe="nothing was trained, no version or checkpoint was added; the champion serves on",
            next="build and compile it without a strategy and its scope(); the pipeline's distribution= says "
            "what trains it",
        )


def _variables(model: Any) -> list[Any]:
    """Distributed ones know their strategy. They are asked without naming them, which builds optimizers."""
    import tensorflow as tf

    held = (*model.variables, *(one for each in optimizers(model) for one in each.variables))
    inner = map(tensorflow_variable, held)
    return [one for one in inner if isinstance(one, tf.distribute.DistributedValues)]
