"""A snapshot of a model between two steps, without copying it.

`variable.value()` returns the tensor that a TensorFlow variable holds at this moment. Holding it
costs microseconds: TensorFlow copies a buffer on the next in-place write *if somebody else holds
it*, so the snapshot stays as it was while training goes on. (`get_state_tree()` of Keras returns
live variables: not a snapshot.)

A variable that was updated sparsely, such as an embedding, is in a different mode: its reads copy, so
that its writes need not. `DisableCopyOnRead` takes it back to the first mode, as TensorFlow's own
checkpoints do; the next sparse write makes the one copy, in parallel and outside the save call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WORTH_NO_COPY = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The held values of every variable at `step`.

    Attributes:
        tensors: by variable name, an eager tensor that nothing will change.
        seconds: of training until then, over all attempts.
        metrics: what training reported so far.
        cursor: the training's position in its data, as its loop gives it.
    """

    step: int
    tensors: Mapping[str, Any]
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    cursor: Mapping[str, int] = field(default_factory=dict)


def capture(
    variables: Mapping[str, Any],
    *,
    step: int,
    seconds: float = 0.0,
    metrics: Mapping[str, float] | None = None,
    cursor: Mapping[str, int] | None = None,
) -> Snapshot:
    """Hold the present value of each variable, a `tf.Variable` or a Keras one."""
    tensors = {name: _value(variable) for name, variable in variables.items()}
    return Snapshot(step=step, tensors=tensors, seconds=seconds, metrics=metrics or {}, cursor=cursor or {})


def tensorflow_variable(variable: Any) -> Any:
    """The `tf.Variable` inside a Keras variable, or the argument itself."""
    inner = getattr(variable, "value", None)
    return variable if inner is None or callable(inner) else inner


def copies_of(variable: Any) -> tuple[Any, ...]:
    """The variables of one device each in a distributed `tf.Variable`, or the argument itself."""
    import tensorflow as tf

    return tuple(variable.values) if isinstance(variable, tf.distribute.DistributedValues) else (variable,)


def _value(variable: Any) -> Any:
    import tensorflow as tf

    inner, *_ = copies_of(tensorflow_variable(variable))  # all copies are alike
    if (inner.shape.num_elements() or 0) * inner.dtype.size >= _WORTH_NO_COPY:
        tf.raw_ops.DisableCopyOnRead(resource=inner.handle)
    return inner.value()
