"""Whether a model predicts for each position that has a label: found by tracing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckpt_ops.checkpoints.model_inputs import forward, has_own_loss
from ckpt_ops.errors import ModelCodeError

LENGTH = 48
"""Lists of this length are traced: where layers change it, the shape of the output shows."""


def check_positions(
    model: Any, inputs: Mapping[str, Any], predicted: Mapping[str, Any], labels: Mapping[str, Any]
) -> None:
    """Refuse, with `ModelCodeError`, outputs that have no prediction for each position of their labels.

    Args:
        inputs, labels: as `tf.TensorSpec`s by name; labels of shape (rows, length) or (rows, length, k).
        predicted: what the model returns for them, by output.
    """
    of_length = _traced_at(model, inputs) or predicted
    for name, label in labels.items():
        length = LENGTH if label.shape[1] is None else label.shape[1]
        k = label.shape[2] if label.shape.rank == 3 else 1
        _check(model, name, predicted[name], of_length.get(name), length=length, k=k)


def _check(model: Any, name: str, output: Any, of_length: Any, *, length: int, k: int) -> None:
    shape = getattr(output, "shape", None)
    if shape is None or shape.rank is None:
        return
    plain = shape.rank == 2 and k == 1 and has_own_loss(model)
    if not plain and not (shape.rank == 3 and (k == 1 or shape[2] in (None, k))):
        wanted = f"(rows, length, {k})" if k > 1 else "(rows, length, 1), or (rows, length, k) for k classes"
        raise _refused(
            model,
            f"{name}: " * bool(name) + f"shape {tuple(shape)}".replace("None", "rows", 1),
            f"a label at each position needs shape {wanted}",
            f"end the model in a layer that keeps the positions: return_sequences=True, then Dense({k})",
        )
    found = getattr(of_length, "shape", shape)
    if found.rank and found.rank > 1 and found[1] not in (None, length):
        raise _refused(
            model,
            f"{name}: " * bool(name) + f"{found[1]} positions",
            f"the labels have {length} there",
            'keep the length, as padding="same" and strides=1 do; or, where the output has a length of its '
            "own, give the labels that: labels=Lists(..., length=N)",
        )


def _traced_at(model: Any, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the model returns for lists that are `LENGTH` long; nothing where it does not take these."""
    import tensorflow as tf

    specs = {
        name: tf.TensorSpec([None, *(one or LENGTH for one in spec.shape[1:])], spec.dtype)
        for name, spec in inputs.items()
    }
    predict = forward(model)
    try:
        found = tf.function(lambda columns: predict(columns)).get_concrete_function(specs).structured_outputs
    except Exception:  # noqa: BLE001 - it takes lists of any length, as was found before
        return {}
    return found if isinstance(found, Mapping) else {"": found}


def _refused(model: Any, predicts: str, needs: str, next: str) -> ModelCodeError:
    return ModelCodeError(
        f"{type(model).__name__} predicts {predicts}; {needs}",
        safe="no step was made; the champion serves on",
        next=next,
    )
