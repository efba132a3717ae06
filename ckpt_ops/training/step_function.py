"""One call of a model's own training step, whichever kind of model it is.

What a step reads or changes and no checkpoint holds makes a resumed training another one, without a word.
So a step that is the user's own is looked through before it is made: each variable that it touches has to be
one of the model's, and no random number may come from an operation that keeps its state to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ckpt_ops.checkpoints import model_variables
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.errors import CkptOpsError, ModelCodeError
from ckpt_ops.training.module import check_takes

Step = Callable[[Iterator[Any]], Mapping[str, Any]]

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


def steps_per_call(model: Any) -> int:
    """How many steps one call of the function makes."""
    return int(getattr(model, "steps_per_execution", 1)) if hasattr(model, "make_train_function") else 1


def step_function(model: Any) -> Step:
    """Takes an iterator over batches, makes `steps_per_call` steps, returns what the model says of them.

    Raises:
        ModelCodeError: at the first call, the model's own step raised when it was traced, does not take the
            batch, returns no scalars by name, or depends on what no checkpoint holds.
    """
    if hasattr(model, "make_train_function"):
        return _of_keras(model)
    return _of_module(model)


def _of_keras(model: Any) -> Step:
    model.make_train_function()
    looked = not _has_own_step(model)

    def step(batches: Iterator[Any]) -> Mapping[str, Any]:
        nonlocal looked
        if not looked:
            spec: Any = batches
            known = [*model_variables(model).values(), *model.metrics_variables]
            _look_through(_traced(model, model.train_step, (spec.element_spec,)), model, known)
            looked = True
        logs: Mapping[str, Any] = model.train_function(batches)
        return logs

    return step


def _of_module(module: Any) -> Step:
    known = list(model_variables(module).values())
    traced: Any = None

    def step(batches: Iterator[Any]) -> Mapping[str, Any]:
        nonlocal traced
        if traced is None:
            spec: Any = batches
            check_takes(module, spec.element_spec)
            traced = _traced(module, module.train_step, spec.element_spec)
            _check_scalars(module, traced.structured_outputs)
            _look_through(traced, module, known)
        logs: Mapping[str, Any] = traced(*next(batches))
        return logs

    return step


def _has_own_step(model: Any) -> bool:
    import keras

    return isinstance(model, keras.Model) and type(model).train_step is not keras.Model.train_step


def _traced(model: Any, train_step: Any, batch: tuple[Any, ...]) -> Any:
    """The step as a graph, for batches of any size."""
    import tensorflow as tf

    try:
        return tf.function(lambda *given: train_step(*given)).get_concrete_function(*batch)
    except CkptOpsError:
        raise
    except Exception as error:
        raise ModelCodeError(
            f"{type(model).__name__}.train_step raised {type(error).__name__}: {error}",
            safe=_SAFE,
            next="mend it; a changed model is a new candidate",
        ) from error


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


def _look_through(traced: Any, model: Any, known: list[Any]) -> None:
    ours = {id(tensorflow_variable(variable)) for variable in known}
    strange = sorted({variable.name for variable in traced.graph.variables if id(variable) not in ours})
    if strange:
        raise ModelCodeError(
            f"{type(model).__name__}.train_step uses variables that no attribute of the model leads to, or "
            f"creates them: {', '.join(strange)}",
            safe=_SAFE,
            next="create all variables in build_model(), those of optimizers too, as attributes",
        )
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    if hidden := sorted({node.op for node in nodes} & _HIDDEN_STATE):
        raise ModelCodeError(
            f"{type(model).__name__}.train_step draws random numbers whose state no checkpoint holds: "
            f"{', '.join(hidden)}; a resumed training would draw others",
            safe=_SAFE,
            next="draw from a tf.random.Generator or keras.random.SeedGenerator that is an attribute",
        )
