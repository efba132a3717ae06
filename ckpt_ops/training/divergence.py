"""Where a training diverged: found afterwards, by repeating its last steps under a check.

While all is well a training pays for one number a step. The steps since the last checkpoint repeat exactly,
so the cause can be looked for afterwards: the loss and the weights are checked after each of them, and the
first step that is not finite is repeated with TensorFlow's check of every operation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckpt_ops.checkpoints import capture, model_variables
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.lists import dense
from ckpt_ops.training.batches import batches
from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.finite import WeightsWatch
from ckpt_ops.training.tracing import layer_of, trace_step


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What was not finite first.

    Attributes:
        step: the step, counted from 1.
        operation: TensorFlow's, such as "Log"; one that ends in "Grad" is of a gradient.
        where: a layer, the loss, or "" where neither is known.
        column: the input column with the largest number of that step's batch.
        largest: that number.
    """

    step: int
    operation: str
    where: str
    column: str
    largest: float

    @property
    def message(self) -> str:
        where = f" in {self.where}" if self.where else ""
        message = f"the first value that is not finite came from {self.operation}{where} at step {self.step}"
        if self.column:
            message += f"; the largest number of its batch is {self.largest:.4g}, in inputs[{self.column!r}]"
        return message


def cause_of(model: Any, examples: Examples, order: BatchOrder, *, at: int, step: int) -> Cause | None:
    """Go on from step `at`, where the model stands, to `step`, which was found to have diverged.

    Leaves the model at the step that it got to. None: this time all is finite.
    """
    import tensorflow as tf

    drawn = batches(examples, order, at, step, model=model)
    spec, steps = drawn.element_spec, iter(drawn)
    variables = model_variables(model)
    watch = WeightsWatch(variables)
    keras_model = hasattr(model, "make_train_function")

    def make(traced: Any, batch: Any) -> Any:
        if keras_model:
            model.reset_metrics()
        return traced(*(tf.nest.flatten(batch) if keras_model else batch))

    traced = trace_step(model, spec)
    for now in range(at, step):
        before, batch = capture(variables, step=now), next(steps)
        if _finite(make(traced, batch)) and not watch.found(capture(variables, step=now + 1)):
            continue
        for name, variable in variables.items():
            tensorflow_variable(variable).assign(before.tensors[name])
        tf.debugging.enable_check_numerics()
        try:
            make(trace_step(model, spec), batch)
        except tf.errors.InvalidArgumentError as error:
            return _cause(model, str(error), examples, order, now)
        finally:
            tf.debugging.disable_check_numerics()
        return None
    return None


def _finite(logs: Any) -> bool:
    return "loss" not in logs or bool(np.isfinite(float(logs["loss"])))


def _cause(model: Any, error: str, examples: Examples, order: BatchOrder, step: int) -> Cause:
    """From the message of TensorFlow's check, which names the operation and the tensors that it took."""
    operation = re.search(r'op "(\w+)"', error)
    taken = re.findall(r'Tensor\("([^":]+)', error)
    column, largest = _largest(examples, order, step)
    return Cause(
        step=step + 1,
        operation=operation.group(1) if operation else "an operation",
        where=next(filter(None, (_place(model, name) for name in taken)), ""),
        column=column,
        largest=largest,
    )


def _place(model: Any, name: str) -> str:
    layer = layer_of(model, name)
    if layer is not None:
        return f"layer {layer!r}"
    return "the loss" if "compile_loss/" in name else ""


def _largest(examples: Examples, order: BatchOrder, step: int) -> tuple[str, float]:
    rows = order.indices(step)
    numbers = {name: column for name, column in examples.inputs.items() if column.dtype.kind in "biuf"}
    found = {
        name: float(np.max(np.abs(dense(column[rows]).astype(np.float64))))
        for name, column in numbers.items()
    }
    return max(found.items(), key=lambda each: each[1], default=("", 0.0))
