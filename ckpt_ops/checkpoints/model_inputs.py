"""Columns by name, as `examples()` gives them, for a model of any kind: the one place that maps them.

Keras takes a mapping for most models, and finds the inputs in it by the names of their `keras.Input`s. It
does not see that a single input and a single column belong together whatever their names are: few who write
a `Sequential` or `Model(x, y)` name the input. And of a mapping with too many columns, `Model({...}, y)`
takes whichever come first by name. So a model is called with just the inputs that it was made with.

A model with its own `call`, and a `tf.Module`, get the columns as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ckpt_ops.errors import ModelCodeError


def as_taken(model: Any, columns: Mapping[str, Any]) -> Any:
    """The columns, or a value for each of them, in the form that the model is called with.

    Raises `ModelCodeError` when a model input has no column.
    """
    inputs = own_inputs(model)
    if inputs is None:
        return dict(columns)
    if len(inputs) == len(columns) == 1:
        found = dict(zip(inputs, columns.values(), strict=True))
    elif missing := [name for name in inputs if name not in columns]:
        raise ModelCodeError(
            f"the model {model.name} has the inputs {', '.join(inputs)}; examples() gives "
            f"{', '.join(columns)}, but not {', '.join(missing)}",
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
    """The columns in the form that a training step takes: all by name, if the step is the user's own code.

    Raises `ModelCodeError` as `as_taken`.
    """
    return dict(columns) if has_own_loss(model) else as_taken(model, columns)


def has_own_loss(model: Any) -> bool:
    """Whether a model's step, or its loss, is the user's own code."""
    import keras

    kinds = ("train_step", "compute_loss")
    return any(getattr(type(model), kind, None) is not getattr(keras.Model, kind) for kind in kinds)


def forward(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """The model's predictions, as a function of tensors by column name. Several outputs come by name."""
    return lambda columns: by_name(model, model(as_taken(model, columns), training=False))


def by_name(model: Any, predicted: Any) -> Any:
    """What the model predicted; the list of a `keras.Model(inputs, [a, b])` by the names of its layers."""
    names = getattr(model, "output_names", None) or ()
    if isinstance(predicted, list | tuple) and len(predicted) == len(names) > 1:
        return dict(zip(names, predicted, strict=True))
    return predicted


def as_weighted(model: Any, weights: Any) -> Any:
    """Weights by output, as a step of Keras takes them: in a tuple, where the model's outputs are a list.

    Labels may stay by name; of weights Keras takes the place.
    """
    from keras.src.models.functional import Functional

    if isinstance(weights, Mapping) and isinstance(model, Functional) and not has_own_loss(model):
        names = getattr(model, "output_names", ())
        if isinstance(model.output, list | tuple) and set(names) == weights.keys():
            return tuple(weights[name] for name in names)
    return weights


def own_inputs(model: Any) -> dict[str, Any] | None:
    """The symbolic inputs of a Keras model of layers, by name; None for a model that does not declare them.

    None for inputs within inputs, too: only Keras knows how to find those.
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
    """The inputs as `keras.Model(inputs, ...)` got them; a `Sequential` has one, in a list."""
    import keras

    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
