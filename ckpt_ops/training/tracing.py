"""Checks a model's step and its prediction before either is made.

What a step reads or changes and no checkpoint holds makes a resumed training a different one, silently: each
variable that it changes has to be one of the model's, and no random number may come from an operation that
keeps its state to itself. What cannot be traced could not be trained either, and its author gets the error
before anything is spent. Tracing makes no step: no variable changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ckpt_ops.checkpoints import model_variables
from ckpt_ops.checkpoints.capture import copies_of, tensorflow_variable
from ckpt_ops.checkpoints.model_inputs import forward
from ckpt_ops.errors import CkptOpsError, ModelCodeError
from ckpt_ops.short_errors import in_short
from ckpt_ops.training.module import check_takes
from ckpt_ops.training.position_shapes import check_positions
from ckpt_ops.training.schedules import starts_of

_SAFE = "no step was made; the champion serves on"
_HIDDEN_STATE = frozenset(
    {
        "Multinomial",
        "ParameterizedTruncatedNormal",
        "RandomGamma",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "TruncatedNormal",
    }
)
"""Operations of TensorFlow that count their draws inside the kernel, where nothing can save the count."""
_READING = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"})


def trace_step(
    model: Any, batch: tuple[Any, ...], *, around: Callable[[Any], Any] = lambda step: step
) -> Any:
    """The step of a model as a graph, for batches of any size.

    Args:
        batch: what one holds, as `tf.TensorSpec`s: inputs by name, labels, and weights where there are any.
        around: makes of a Keras model's step what is traced, such as the same on several devices.

    Raises:
        ModelCodeError: it raised, does not take such a batch, returns nothing that can be reported, or
            depends on what no checkpoint holds.
    """
    known = list(model_variables(model).values())
    if hasattr(model, "make_train_function"):
        traced = _traced(model, "train_step", around(model.train_step), (batch,))
        own = has_own_step(model)
        known += model.metrics_variables  # those of losses and metrics are made by the first trace
        _check_reported(model, traced.structured_outputs, own=own)
        _look_through(traced, model, [*known, *starts_of(model)], own=own)
    else:
        check_takes(model, batch)
        traced = _traced(model, "train_step", model.train_step, batch)
        _check_scalars(model, traced.structured_outputs)
        _look_through(traced, model, [*known, *starts_of(model)], own=True)
    return traced


def trace_prediction(
    model: Any, inputs: Mapping[str, Any], labels: Any, *, positions: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """What the model predicts, as tensors of a graph, by the names of its outputs; "" of the only one.

    Refuses, with `ModelCodeError`, a model that cannot predict, or not in a shape that gates evaluate.

    Args:
        inputs: what it takes, as `tf.TensorSpec`s by name.
        labels: a spec; of several outputs, a mapping of specs by name: it has to predict the same ones.
        positions: the outputs with a label for each position, as `Examples.follows` has them.
    """
    traced = _traced(model, "__call__", forward(model), (dict(inputs),))
    found, positions = traced.structured_outputs, positions or {}
    if isinstance(labels, Mapping):
        _check_names(model, found, labels)
    several = found if isinstance(labels, Mapping) else {"": found}
    of_each = labels if isinstance(labels, Mapping) else {"": labels}
    for name, label in of_each.items():
        if name not in positions:
            _check_output(model, several[name], label, called=f"{name}: " if name else "")
    if positions:
        check_positions(model, inputs, several, {name: of_each[name] for name in positions})
    return several


def _check_names(model: Any, found: Any, labels: Mapping[str, Any]) -> None:
    if isinstance(found, Mapping) and found.keys() == labels.keys():
        return
    predicted = ", ".join(map(repr, found)) if isinstance(found, Mapping) else f"a {type(found).__name__}"
    raise ModelCodeError(
        f"{type(model).__name__} predicts {predicted}; examples() gives labels of the outputs "
        f"{', '.join(map(repr, labels))}",
        safe=_SAFE,
        next="give model and labels the same names: keras.Model(inputs, {name: tensor}), or a list of layers "
        "that have these names; Examples(labels={name: array})",
    )


def _check_output(model: Any, output: Any, label: Any, *, called: str = "") -> None:
    shape = getattr(output, "shape", None)
    k = label.shape[1] if label.shape.rank == 2 else 1
    if isinstance(output, Mapping | list | tuple):
        message = f"a {type(output).__name__} of {len(output)} outputs"
    elif shape is None:
        message = f"a {type(output).__name__}"
    elif (shape.rank is None or shape.rank in (1, 2)) and (
        k == 1 or shape.rank is None or (shape.rank == 2 and shape[1] in (None, k))
    ):
        return
    else:
        message = f"shape {('rows', *shape[1:]) if shape.rank else ()}".replace("'", "")
    if k > 1:
        wanted, end = (
            f"one number for each of a row's {k} labels, shape (rows, {k})",
            f"Dense({k}, 'sigmoid')",
        )
    else:
        wanted = (
            "one number a row, shape (rows,) or (rows, 1), or the probabilities of k classes, shape (rows, k)"
        )
        end = "Dense(1), or in Dense(k) with softmax"
    several = isinstance(output, Mapping | list | tuple) and not called
    raise ModelCodeError(
        f"{type(model).__name__} predicts {called}{message}; gates evaluate {wanted}",
        safe=_SAFE,
        next=f"end the model in {end}"
        + (", or give labels by the names of its outputs: Examples(labels={name: array})" if several else ""),
    )


def has_own_step(model: Any) -> bool:
    """Whether a Keras model's step is the user's own."""
    import keras

    return isinstance(model, keras.Model) and type(model).train_step is not keras.Model.train_step


def layer_of(model: Any, operation: str) -> str | None:
    """The layer of a Keras model in which an operation of its graph lies, by the operation's name."""
    if not hasattr(model, "_flatten_layers"):
        return None
    names = {layer.name for layer in model._flatten_layers()} - {model.name}
    for part in reversed(operation.split("/")):
        for name in (re.sub(r"_\d+$", "", part), part):  # a scope is a layer's name and a number
            if name in names:
                return name
    return None


def _traced(model: Any, what: str, function: Any, given: tuple[Any, ...]) -> Any:
    import tensorflow as tf

    try:
        return tf.function(lambda *given: function(*given)).get_concrete_function(*given)
    except CkptOpsError:
        raise
    except Exception as error:
        raise ModelCodeError(
            f"{_named(model, what)} raised {in_short(error)}",
            safe=_SAFE,
            next=f"{_fix(model, what)}; a changed model is a new candidate",
        ) from error


def _named(model: Any, what: str) -> str:
    stock = what == "train_step" and hasattr(model, "make_train_function") and not has_own_step(model)
    return f"a step of the {type(model).__name__}" if stock else f"{type(model).__name__}.{what}"


def _fix(model: Any, what: str) -> str:
    """Which function of the user's is to change."""
    if what == "train_step" and (not hasattr(model, "make_train_function") or has_own_step(model)):
        return "fix it"
    return (
        "let build_model() and examples() agree: layers, loss and metrics take inputs and labels of the "
        "names, shapes and dtypes that examples() returns"
    )


def _check_scalars(module: Any, returned: Any) -> None:
    scalars = isinstance(returned, Mapping) and all(
        getattr(one, "shape", None) == () for one in returned.values()
    )
    if not scalars or not returned:
        raise ModelCodeError(
            f"{type(module).__name__}.train_step returns {returned!r}, not scalar tensors by name",
            safe=_SAFE,
            next='return {"loss": loss} from it',
        )


def _check_reported(model: Any, returned: Any, *, own: bool) -> None:
    """What a Keras model reports of a step is numbers by name; a metric may be an array of them."""
    names = [] if isinstance(returned, Mapping) else ["what it returns"]
    for name, one in dict(returned).items() if not names else ():
        dtype = getattr(one, "dtype", None)
        if dtype is None or not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
            names.append(f"the metric {name!r}")
    if names:
        raise ModelCodeError(
            f"{type(model).__name__}.train_step: {', '.join(names)} is neither a number nor an array of "
            "numbers",
            safe=_SAFE,
            next='return {"loss": loss} from it' if own else "leave the metric out of model.compile(...)",
        )


def _look_through(traced: Any, model: Any, known: Iterable[Any], *, own: bool) -> None:
    """Keras' own step may read variables that are none of the model's; a user's own step may not."""
    _check_variables(traced, model, known, own=own)
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    hidden = [node for node in nodes if node.op in _HIDDEN_STATE]
    if hidden:
        raise ModelCodeError(
            f"{_where(model, [node.name for node in hidden])} draws random numbers whose state no checkpoint "
            f"holds: {', '.join(sorted({node.op for node in hidden}))}; a resumed training would draw "
            "different ones",
            safe=_SAFE,
            next="draw from a tf.random.Generator or keras.random.SeedGenerator that is an attribute",
        )


def changed_by(traced: Any, variables: Mapping[str, Any]) -> frozenset[str]:
    """The names of those variables that a traced step does more with than read them."""
    users = _users(traced)
    return frozenset(
        name
        for name, variable in variables.items()
        for one in copies_of(tensorflow_variable(variable))
        if any(user.type not in _READING for user in users.get(id(one.handle), ()))
    )


def _users(traced: Any) -> dict[int, Any]:
    """By the id of what it captures, the operations of a traced function that use it."""
    return {id(outer): inner.consumers() for outer, inner in traced.graph.captures}


def _check_variables(traced: Any, model: Any, known: Iterable[Any], *, own: bool) -> None:
    ours = {id(one) for variable in known for one in copies_of(tensorflow_variable(variable))}
    users = _users(traced)
    strange: dict[str, list[str]] = {}
    for variable in traced.graph.variables:
        consumers = users.get(id(variable.handle), ())
        changed = [one for one in consumers if one.type not in _READING]
        if id(variable) not in ours and (own or changed or not consumers):
            strange[variable.name] = [one.name for one in changed or consumers]
    if not strange:
        return
    where = _where(model, [name for names in strange.values() for name in names])
    if all("seed_generator_state" in name for name in strange):
        raise ModelCodeError(
            f"{where} draws random numbers whose state no checkpoint holds: from the seed generator that "
            "keras.random shares when it is given no seed; a resumed training would draw different ones",
            safe=_SAFE,
            next="make self.seeds = keras.random.SeedGenerator(1) in __init__, and give it to each draw: "
            "keras.random.normal(shape, seed=self.seeds)",
        )
    raise ModelCodeError(
        f"{where} uses variables that no attribute of the model leads to, or "
        f"creates them: {', '.join(sorted(strange))}",
        safe=_SAFE,
        next="create all variables in build_model(), those of optimizers too, as attributes",
    )


def _where(model: Any, operations: Iterable[str]) -> str:
    """The step, and the layers in which the operations lie."""
    found = (layer_of(model, operation) for operation in operations)
    layers = list(dict.fromkeys(layer for layer in found if layer is not None))
    if layers:
        return f"layer {', '.join(map(repr, layers))}"
    return f"{type(model).__name__}.train_step"
