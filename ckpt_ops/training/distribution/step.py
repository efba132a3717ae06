"""A model's own training step on every replica at once, each with its share of the batch.

Keras adds up the gradients, each of which is of a loss that it divided by the number of replicas: with even
shares that is the gradient of the mean over the whole batch. Metrics are kept apart: every replica measures
its share from zero, the sums of all shares are added to what was counted so far, and the metric is computed
of that, so it is the metric of all rows.

What layers change beside the weights, as the moving mean of `BatchNormalization`, becomes the mean over the
replicas after every step; Keras would leave each with its own.

All processes have to agree on when to end. So what the first one measured goes with the sums: see `told`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops.checkpoints import model_variables
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.training.distribution.allowed import check_allowed
from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.tracing import changed_by, trace_step


@dataclass(frozen=True, kw_only=True)
class Told:
    """What processes that train together tell each other with a step.

    Attributes:
        seconds: of training, by the clock of the first one.
        stopping: whether any of them was asked to end.
    """

    seconds: float = 0.0
    stopping: bool = False


class ReplicaStep:
    """The step of a Keras model on `replicas`. A `training.step_function.Step`.

    Attributes:
        told: what was heard with the last step.
    """

    def __init__(self, model: Any, replicas: Replicas) -> None:
        self._model, self._replicas = model, replicas
        self._seen: tuple[Any, ...] | None = None
        self._function: Any = None
        self._sums: list[Any] = []
        self.told = Told()
        self._says = (0.0, 0.0)

    def look(self, batch: tuple[Any, ...]) -> None:
        """As `Step.look`. Raises `ModelCodeError` for what cannot be trained on several replicas, too."""
        import tensorflow as tf

        if batch == self._seen:
            return
        check_allowed(self._model)
        with self._replicas.scope():
            self._model._symbolic_build(data_batch=batch)  # metrics are made here, and not by the first step
        traced = trace_step(self._model, batch, around=self._replicas.as_one)
        known = {
            name: tensorflow_variable(one)
            for name, one in model_variables(self._model).items()
            if not name.startswith("optimizer/")
        }
        moving = [known[name] for name in sorted(changed_by(traced, known))]
        self._moving = [one for one in moving if not one.trainable and one.dtype.is_floating]
        self._measured = [tensorflow_variable(one) for one in self._model.metrics_variables]
        self._sums = [tf.Variable(tf.zeros(one.shape, tf.float64), trainable=False) for one in self._measured]
        signature = [batch, tf.TensorSpec((2,), tf.float64)]
        self._function = tf.function(self._step, input_signature=signature, autograph=False)
        self._seen = batch

    def say(self, *, seconds: float, stopping: bool) -> None:
        """What to tell the others with the next step."""
        self._says = (seconds, float(stopping))

    def forget(self) -> None:
        """Metrics begin from zero."""
        for one in self._sums:
            one.assign(one * 0.0)

    def __call__(self, batches: Iterator[Any]) -> Mapping[str, Any]:
        if self._seen is None:
            spec: Any = batches
            self.look(spec.element_spec)
        logs: Mapping[str, Any] = {}
        heard: Any = None
        for _ in range(max(1, int(self._model.steps_per_execution))):
            batch = next(batches, None)
            if batch is None:
                break
            logs, heard = self._function(batch, self._says)
        if heard is not None:
            seconds, stopping = heard.numpy()
            self.told = Told(seconds=float(seconds), stopping=stopping > 0)
        return logs

    def _step(self, batch: Any, says: Any) -> tuple[Mapping[str, Any], Any]:
        import keras
        import tensorflow as tf

        flat = self._replicas.as_one(self._on_replica)(batch, says)
        sizes = [one.shape.num_elements() for one in self._measured]
        *found, heard = tf.split(flat, [*sizes, 2])
        counted = []
        for sums, variable, increment in zip(self._sums, self._measured, found, strict=True):
            total = sums.assign_add(tf.reshape(increment, variable.shape))
            counted.append(tf.cast(total, variable.dtype))
        with keras.StatelessScope(
            state_mapping=list(zip(self._model.metrics_variables, counted, strict=True))
        ):
            logs = self._model.get_metrics_result()
        scalars = {name: one if one.shape.rank == 0 else tf.reduce_mean(one) for name, one in logs.items()}
        return scalars, heard

    def _on_replica(self, batch: Any, says: Any) -> Any:
        """One step with this replica's share; what all measured, in one row of numbers."""
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        for variable in self._measured:
            variable.assign(tf.zeros_like(variable))
        self._model.train_step(self._share_of(batch, context))
        for variable in self._moving:
            variable.assign(context.all_reduce("MEAN", tf.identity(variable)))
        number = tf.convert_to_tensor(context.replica_id_in_sync_group)
        seconds = tf.where(number == 0, says[0], tf.zeros_like(says[0]))
        numbers = [tf.reshape(tf.cast(one, tf.float64), [-1]) for one in self._measured]
        return context.all_reduce("SUM", tf.concat([*numbers, [seconds, says[1]]], 0))

    def _share_of(self, batch: Any, context: Any) -> Any:
        """Of what this process drew, the rows of the replica."""
        import tensorflow as tf

        here = self._replicas.here
        if here == 1:
            return batch
        number = tf.convert_to_tensor(context.replica_id_in_sync_group) - self._replicas.worker * here

        def cut(column: Any) -> Any:
            each = tf.shape(column)[0] // here
            return column[number * each : (number + 1) * each]

        with tf.device("CPU:0"):  # a device is sent its rows alone
            return tf.nest.map_structure(cut, batch)
