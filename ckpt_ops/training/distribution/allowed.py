"""What cannot be shared out: models whose step on shares of a batch is not their step on the batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ckpt_ops.checkpoints.model_inputs import has_own_loss
from ckpt_ops.checkpoints.naming import optimizers
from ckpt_ops.errors import BadInput, ModelCodeError
from ckpt_ops.training.examples import Examples

_SAFE = "nothing was trained, no version or checkpoint was added; the champion serves on"
_ONE = "set distribution=None"


def check_allowed(model: Any) -> None:
    """Refuse, with `ModelCodeError`, a model whose gradients on shares are not those on the batch."""
    for what, why, otherwise in _found(model):
        raise ModelCodeError(
            f"{what} cannot be trained by several replicas: {why}",
            safe=_SAFE,
            next=f"{otherwise}, or {_ONE} in the pipeline",
        )


def check_examples(examples: Examples) -> None:
    """Refuse, with `BadInput`, labels of positions: their loss is divided by the positions of a batch."""
    if examples.follows:
        raise BadInput(
            "distribution",
            "several replicas",
            "labels with one number, or k numbers, a row: a loss of positions is divided by how many a batch "
            "has, and shares of it have different numbers",
            next=f"{_ONE} in the pipeline",
        )


def _found(model: Any) -> Iterator[tuple[str, str, str]]:
    """What it is, why it is refused, and what to do instead."""
    name = type(model).__name__
    if not hasattr(model, "make_train_function"):
        yield f"{name}, a tf.Module", "its step is its own code", "return a compiled keras.Model"
        return
    if has_own_loss(model):
        yield (
            f"{name}, with a train_step or compute_loss of its own,",
            "only Keras' own divides the loss by the batch of all",
            "let compile(loss=...) do it",
        )
    if model.run_eagerly:
        yield name, "it is compiled with run_eagerly=True", "compile it without"
    for loss in _losses(model):
        if getattr(loss, "reduction", "sum_over_batch_size") == "mean_with_sample_weight":
            yield (
                f"{name}, with a loss of reduction 'mean_with_sample_weight',",
                "each share would be divided by its own weights",
                "use reduction='sum_over_batch_size'",
            )
    for metric in model.metrics_variables:
        if str(getattr(metric, "aggregation", "sum")) != "sum":
            yield (
                f"a metric with the variable {metric.path}",
                "it is no sum over rows",
                "leave the metric out",
            )
    for optimizer in optimizers(model):
        yield from _of_optimizer(optimizer)
    own = getattr(model, "optimizer", None)
    if hasattr(own, "inner_optimizer") or hasattr(own, "optimizers"):
        yield f"a {type(own).__name__}", "it looks at the gradients of a share", "compile the inner optimizer"


def _of_optimizer(optimizer: Any) -> Iterator[tuple[str, str, str]]:
    name = type(optimizer).__name__
    for setting in ("clipnorm", "clipvalue", "global_clipnorm"):
        if getattr(optimizer, setting, None) is not None:
            yield (
                f"an {name} with {setting}",
                "Keras clips the gradients of each share, before they are added up",
                f"leave {setting} out",
            )
    for setting in ("use_ema", "gradient_accumulation_steps"):
        if getattr(optimizer, setting, None):
            yield f"an {name} with {setting}", "each replica would keep its own", f"leave {setting} out"


def _losses(model: Any) -> Iterator[Any]:
    import keras

    yield from (one for one in keras.tree.flatten(getattr(model, "loss", None)) if one is not None)
