"""One call of a model's own training step, whichever kind of model it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.distribution.step import ReplicaStep
from ckpt_ops.training.tracing import trace_step


class Step(Protocol):
    """Takes an iterator over batches, makes `steps_per_call` steps, returns what the model reports.

    That is scalars by name: of a metric that is an array, such as `F1Score`, the mean.
    """

    def look(self, batch: tuple[Any, ...]) -> None:
        """Check the step, as `trace_step` does, before it is made on such batches; once for each kind."""
        ...

    def forget(self) -> None:
        """Metrics begin again: they are means since then."""
        ...

    def __call__(self, batches: Iterator[Any]) -> Mapping[str, Any]: ...


def steps_per_call(model: Any) -> int:
    """How many steps one call of the function makes."""
    return int(getattr(model, "steps_per_execution", 1)) if hasattr(model, "make_train_function") else 1


def step_function(model: Any, replicas: Replicas | None = None) -> Step:
    """The step of a Keras model or of a `TrainableModule`. Its first call checks it, unless `look` did.

    Raises `ModelCodeError` then, as `trace_step`.

    Args:
        replicas: in whose scope the model was built; None: it is on one device.
    """
    if replicas is not None:
        return ReplicaStep(model, replicas)
    return _OfKeras(model) if hasattr(model, "make_train_function") else _OfModule(model)


class _OfKeras:
    def __init__(self, model: Any) -> None:
        model.make_train_function()
        self._model = model
        self._seen: tuple[Any, ...] | None = None
        self._arrays: frozenset[str] = frozenset()

    def look(self, batch: tuple[Any, ...]) -> None:
        if batch == self._seen:
            return
        logs = trace_step(self._model, batch).structured_outputs
        self._arrays = frozenset(name for name, one in logs.items() if one.shape.rank != 0)
        self._seen = batch

    def forget(self) -> None:
        self._model.reset_metrics()

    def __call__(self, batches: Iterator[Any]) -> Mapping[str, Any]:
        import tensorflow as tf

        if self._seen is None:
            spec: Any = batches
            self.look(spec.element_spec)
        logs: Mapping[str, Any] = self._model.train_function(batches)
        if not self._arrays:
            return logs
        return {
            name: tf.reduce_mean(tf.cast(one, tf.float64)) if name in self._arrays else one
            for name, one in logs.items()
        }


class _OfModule:
    def __init__(self, module: Any) -> None:
        self._module = module
        self._seen: tuple[Any, ...] | None = None
        self._traced: Any = None

    def look(self, batch: tuple[Any, ...]) -> None:
        if batch != self._seen:
            self._traced = trace_step(self._module, batch)
            self._seen = batch

    def forget(self) -> None:
        """A module's numbers are those of one step."""

    def __call__(self, batches: Iterator[Any]) -> Mapping[str, Any]:
        spec: Any = batches
        self.look(spec.element_spec)
        logs: Mapping[str, Any] = self._traced(*next(batches))
        return logs
