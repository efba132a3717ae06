"""A step of the loop, taken apart: what each part of it costs by itself, one after the other, in seconds.

| part | what is measured |
|---|---|
| draw | `BatchOrder.indices` |
| gather | rows to the arrays of a batch; of text, to its codes |
| hand-over | a batch through the whole input pipeline to TensorFlow, less the two above |
| step | the model's own step, on a batch that is there already |
| checks | the loss read and looked at |
| bookkeeping | a checkpointer's, of a step that saves nothing |

The first three are made by a thread of tf.data while a step is made, so parts do not add up to what the loop
takes: with a free core, a step of the loop takes as long as the slower of the two threads.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ckpt_ops.checkpoints import BackgroundWriter, Checkpointer, EverySteps, model_variables
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder, Examples

_BLOCKS = 5


def parts_of_a_step(examples: Examples, order: BatchOrder, model: Any, *, steps: int) -> dict[str, float]:
    """Seconds by part: medians of blocks of `steps` steps. Trains the model."""
    import tensorflow as tf

    from ckpt_ops.training.batches import batches, coded_text, maker
    from ckpt_ops.training.step_function import step_function
    from ckpt_ops.training.trainer import _finite_loss

    make = maker(examples, coded_text(examples), model=model)
    draw = _each(steps, order.indices)
    rows = [order.indices(step) for step in range(steps)]
    gather = _each(steps, lambda step: make(rows[step]))
    drawn = iter(batches(examples, order, 0, (_BLOCKS + 2) * steps, model=model))
    for _ in range(steps):
        next(drawn)  # buffers are full and everything is compiled
    whole = _each(steps, lambda step: next(drawn))
    ready = iter(tf.data.Dataset.from_tensors(next(drawn)).repeat())
    step_once = step_function(model)
    logs = step_once(ready)
    step = _each(steps, lambda at: step_once(ready))
    checks = _each(steps, lambda at: _finite_loss(logs, at, before=0.0))
    return {
        "draw": draw,
        "gather": gather,
        "hand-over": max(0.0, whole - draw - gather),
        "step": step,
        "checks": checks,
        "bookkeeping": _bookkeeping(model, order, logs, steps),
    }


def _bookkeeping(model: Any, order: BatchOrder, logs: Any, steps: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        writer = BackgroundWriter(
            LocalStore(Path(folder)),
            describe=_never,
            name=lambda step: f"iter_num={step}",
            commit=_never,
        )
        with writer:
            saving = Checkpointer(writer, model_variables(model), save=EverySteps(1_000_000_000))
            return _each(
                steps,
                lambda step: saving.after_step(step, seconds=0.0, cursor=order.cursor(step), metrics=logs),
            )


def _never(*given: Any) -> Any:
    raise AssertionError("nothing is saved here")


def _each(steps: int, make: Callable[[int], Any]) -> float:
    """Seconds of one, a median over blocks."""
    found = []
    for _ in range(_BLOCKS):
        began = time.perf_counter()
        for step in range(steps):
            make(step)
        found.append((time.perf_counter() - began) / steps)
    return statistics.median(found)
