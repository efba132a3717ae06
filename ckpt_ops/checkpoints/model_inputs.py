"""Columns by name, as `examples()` gives them, for a model of any kind: the one place that maps them.

Keras takes a mapping for most models, and finds the inputs in it by the names of their `keras.Input`s. It
does not see that one input and one column belong together whatever their names are: who writes a
`Sequential` or `Model(x, y)` seldom names the input. And of a mapping with a column too many,
`Model({...}, y)` takes whichever come first by their names. So a model is called with what it was made of.

A model with a `call` of its own, and a `tf.Module`, are given the columns as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ckpt_ops.errors import ModelCodeError


def as_taken(model: Any, columns: Mapping[str, Any]) -> Any:
    """The columns, or what is said of each of them, as the model is to be called with.

    Raises `ModelCodeError` when the model has an input for which there is no column.
    """
    inputs = own_inputs(model)
    if inputs is None:
        return dict(columns)
    if len(inputs) == len(columns) == 1:
        found = dict(zip(inputs, columns.values(), strict=True))
    elif missing := [name for name in inputs if name not in columns]:
        raise ModelCodeError(
            f"the model {model.name} has the inputs {', '.join(inputs)}; examples() gives "
            f"{', '.join(columns)}: nothing for {', '.join(missing)}",
            safe="nothing was trained; the champion serves on",
            next="in build_model(), name each keras.Input(..., name=...) as its column in Examples.inputs",
        )
    else:
        found = {name: columns[name] for name in inputs}
    structure = _structure(model)
    if isinstance(structure, dict):
        return found
    if isinstance(structure, list | tuple):
        return tuple(found.values())  # tf.data would make one tensor of a list
    return next(iter(found.values()))


def as_trained(model: Any, columns: Mapping[str, Any]) -> Any:
    """The columns as a step of the model is to be given them: all by name, where it is the user's own code.

    Raises `ModelCodeError` as `as_taken`.
    """
    import keras

    kinds = ("train_step", "compute_loss")
    own = any(getattr(type(model), kind, None) is not getattr(keras.Model, kind) for kind in kinds)
    return dict(columns) if own else as_taken(model, columns)


def forward(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """What the model predicts of tensors by the name of their column."""
    return lambda columns: model(as_taken(model, columns), training=False)


def own_inputs(model: Any) -> dict[str, Any] | None:
    """The symbolic inputs of a Keras model of layers, by name; None of a model that does not say them.

    Inputs within inputs are not said either: Keras alone knows how to find them.
    """
    import keras
    from keras.src.models.functional import Functional

    if not isinstance(model, Functional | keras.Sequential) or not getattr(model, "inputs", None):
        return None
    if type(model).call not in (Functional.call, keras.Sequential.call):
        return None
    symbolic = _structure(model)
    if isinstance(symbolic, dict):
        named = dict(symbolic)
    else:
        several = symbolic if isinstance(symbolic, list | tuple) else [symbolic]
        named = {getattr(one, "name", ""): one for one in several}
    return named if all(isinstance(one, keras.KerasTensor) for one in named.values()) else None


def _structure(model: Any) -> Any:
    """As `keras.Model(inputs, ...)` was given them; a `Sequential` has one, and says it in a list."""
    import keras

    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
