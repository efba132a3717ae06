"""Copies of a model that train together: a strategy of TensorFlow, and which are in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.distribution.settings import Mirrored, check_batch_size
from ckpt_ops.training.distribution.share import Share


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicas:
    """Copies of a model that train together.

    Attributes:
        strategy: a `tf.distribute.Strategy`.
        worker, workers: which process this is, from 0, of how many.
    """

    strategy: Any
    worker: int = 0
    workers: int = 1

    @property
    def count(self) -> int:
        """How many there are, in all processes."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def here(self) -> int:
        """How many of them are in this process."""
        return self.count // self.workers

    @property
    def name(self) -> str:
        """TensorFlow's name of the strategy, as it is documented."""
        return "MultiWorkerMirroredStrategy" if self.workers > 1 else "MirroredStrategy"

    def scope(self) -> AbstractContextManager[Any]:
        """Where the model's variables are made."""
        scope: AbstractContextManager[Any] = self.strategy.scope()
        return scope

    def share(self, order: BatchOrder) -> Share:
        """What this process draws of each batch. Raises `BadInput`: there are fewer rows than replicas."""
        return Share(whole=order, first=self.worker * self.here, here=self.here, of=self.count)

    def as_one(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` on every replica; what the first one here returns."""
        import tensorflow as tf

        def on_all(*given: Any) -> Any:
            found = self.strategy.run(function, args=given)
            return tf.nest.map_structure(lambda one: self.strategy.experimental_local_results(one)[0], found)

        return on_all

    def of_first(self, number: float) -> float:
        """What the first process says. All processes call this at the same moment, or wait for each other."""
        if self.workers == 1:
            return number
        return float(self._of_first(number if self.worker == 0 else 0.0))

    @cached_property
    def _of_first(self) -> Any:
        import tensorflow as tf

        def summed(number: Any) -> Any:
            context = tf.distribute.get_replica_context()
            first = context.replica_id_in_sync_group == 0
            return context.all_reduce("SUM", tf.where(first, number, tf.zeros_like(number)))

        spec = tf.TensorSpec((), tf.float64)
        return tf.function(self.as_one(summed), input_signature=[spec], autograph=False)


def mirrored(settings: Mirrored, *, batch_size: int) -> Replicas:
    """The devices of this machine.

    Raises:
        BadInput: a device is not there, or the batch cannot be shared out among those that are.
    """
    import tensorflow as tf

    if settings.devices is not None:
        _make_of_cpu(sum(one.startswith("CPU:") for one in settings.devices))
        there = [one.name.partition("device:")[2] for one in tf.config.list_logical_devices()]
        missing = [one for one in settings.devices if one not in there]
        if missing:
            raise BadInput(
                "Mirrored.devices",
                settings.devices,
                f"devices that TensorFlow finds: {', '.join(there)}",
                next="set distribution=Mirrored() for all GPUs that there are",
            )
    strategy = tf.distribute.MirroredStrategy(_named(settings.devices))
    found = Replicas(strategy=strategy)
    check_batch_size(batch_size, found.count)
    return found


def _named(devices: Sequence[str] | None) -> list[str] | None:
    return None if devices is None else list(devices)


def _make_of_cpu(count: int) -> None:
    """So many logical devices of the CPU, unless TensorFlow has begun: then there are those it has."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    if count < 2:
        return
    try:
        there = tf.config.get_logical_device_configuration(cpu) or ()
        if len(there) < count:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:
        return
