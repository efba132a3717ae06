"""The weeks of flights in memory, and the example's model trained on rows of them by their numbers.

The parts are the product's: `BatchOrder` says which rows a step draws, `RunningAverage` what the weights are
in the end, the step is the compiled model's own `train_step`. What is left out is what costs time and changes
no weight: the store, and handing batches from Python to TensorFlow one by one. `agrees_with_the_trainer`
compares a training of this with one by `Trainer`, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.machine import one_thread
from ckpt_ops.checkpoints import Position, model_variables
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.evaluation import metric_named
from ckpt_ops.slices.identity import digest
from ckpt_ops.training import BatchOrder, Budget, Examples, RunningAverage, TailAverage, Trainer, holdout_mask
from demo.flights import weeks
from flight_delay.model import build_model, examples

Rows = npt.NDArray[np.int64]


class FlightWeeks:
    """Rows by week.

    Attributes:
        keys: of the weeks, in time order.
        trainable: by week, numbers of the rows that are not held out.
        every: by week, numbers of all rows.
    """

    def __init__(self, *, holdout: float) -> None:
        tables = weeks()
        parts = [examples(table) for table in tables.values()]
        starts = np.concatenate([[0], np.cumsum([part.rows for part in parts])])
        self.keys = list(tables)
        self.rows = Examples(
            inputs={name: np.concatenate([part.inputs[name] for part in parts]) for name in parts[0].inputs},
            labels=np.concatenate([part.labels for part in parts]),
        )
        self.every: list[Rows] = [np.arange(start, stop) for start, stop in pairwise(starts)]
        self.trainable: list[Rows] = [
            rows[~holdout_mask(revision=digest(key), rows=len(rows), share=holdout)]
            for key, rows in zip(self.keys, self.every, strict=True)
        ]


class Table(Protocol):
    """Rows by number, and the numbers of each week's."""

    @property
    def rows(self) -> Examples: ...
    @property
    def every(self) -> Sequence[Rows]: ...


class FlightModel:
    """The example's model on one core, to be trained again and again."""

    def __init__(self, data: Table) -> None:
        one_thread()
        self._data = data
        self.model = _seeded(0)
        self.variables = model_variables(self.model)
        table = data.rows
        columns = {name: tf.constant(column) for name, column in table.inputs.items()}
        labels = tf.constant(table.labels)

        def batch(rows: Any) -> dict[str, Any]:
            return {name: tf.gather(column, rows) for name, column in columns.items()}

        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int64)])  # type: ignore[untyped-decorator]
        def train(order: Any) -> None:
            for rows in order:
                self.model.train_step((batch(rows), tf.gather(labels, rows)))

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64)])  # type: ignore[untyped-decorator]
        def predict(rows: Any) -> Any:
            return self.model(batch(rows), training=False)

        self._train, self._predict = train, predict

    def begin(self, seed: int) -> None:
        """As `build_model` makes it with that seed."""
        self.assign({name: one.numpy() for name, one in model_variables(_seeded(seed)).items()})

    def assign(self, values: Mapping[str, Any]) -> None:
        # in order: another model's variables may have other names
        for variable, value in zip(self.variables.values(), values.values(), strict=True):
            tensorflow_variable(variable).assign(value)

    def copy_values(self) -> dict[str, Any]:
        return {name: tensorflow_variable(one).numpy().copy() for name, one in self.variables.items()}

    def train(self, rows: Rows, order: BatchOrder, steps: int, average: TailAverage | None) -> None:
        """`steps` steps on rows that `order` counts from 0."""
        running = RunningAverage(average, self.variables, last=steps) if average else None
        stops = [steps]
        if average is not None:
            taken = [average.taken(step, last=steps) for step in range(steps + 1)]
            stops = [*(np.flatnonzero(np.diff(taken)) + 1)]
        start = 0
        for stop in map(int, stops):
            self._train(tf.constant(np.stack([rows[order.indices(step)] for step in range(start, stop)])))
            if running is not None:
                running.after_step(start, stop)
            start = stop
        if running is not None:
            running.end(steps)

    def predictions(self, rows: Rows) -> npt.NDArray[np.float32]:
        """For each row, shape (rows,)."""
        found: npt.NDArray[np.float32] = self._predict(tf.constant(rows)).numpy().reshape(-1)
        return found

    def auc(self, week: int) -> float:
        """On every row of a week, counted from 0."""
        rows = self._data.every[week]
        labels = self._data.rows.labels[rows].astype(np.float64)
        return metric_named("auc")(labels, self.predictions(rows).astype(np.float64))


def agrees_with_the_trainer(model: FlightModel, data: FlightWeeks) -> bool:
    """Whether two passes over a week, averaged, give the very weights that `Trainer` gives."""
    rows = data.trainable[0]
    order = BatchOrder(rows=len(rows), batch_size=128, seed=3)
    steps, average = 2 * order.steps_per_epoch, TailAverage(share=0.5)
    model.begin(1)
    model.train(rows, order, steps, average)
    ours = model.copy_values()
    other = _seeded(1)
    variables = model_variables(other)
    Trainer(
        model=other,
        examples=data.rows.take(rows),
        order=order,
        budget=Budget(max_steps=steps, max_seconds=math.inf),
        checkpoints=_Unsaved(),
        progress=lambda how_far: None,
        average=RunningAverage(average, variables, last=steps),
    ).train()
    theirs = [np.asarray(one.numpy()) for one in variables.values()]
    return all(np.array_equal(a, b) for a, b in zip(ours.values(), theirs, strict=True))


class _Unsaved:
    stopping = False
    saved_step = -1
    stall_seconds = 0.0
    save_every = None
    at = Position()

    def after_step(self, step: int, **said: Any) -> None:
        """Nothing is saved."""

    def finish(self) -> None:
        """Nothing is saved."""


def _seeded(seed: int) -> Any:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return build_model()
