"""No checkpoint holds weights that are not finite: training could not go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckpt_ops.checkpoints import Snapshot
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.errors import TrainingDiverged


class WeightsWatch:
    """Knows which weights are finite when a training begins; a mask of infinities may stay one.

    Args:
        variables: what a checkpoint holds, by name, as the training begins or resumes. Those that are
            trained are watched.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._watched = [
            name
            for name, variable in variables.items()
            if variable.trainable and _finite(tensorflow_variable(variable))
        ]

    def found(self, snapshot: Snapshot) -> list[str]:
        """Names of the weights that are not finite any more."""
        return [name for name in self._watched if not _finite(snapshot.tensors[name])]

    def check(self, snapshot: Snapshot) -> None:
        """Raises `TrainingDiverged`: a weight is not finite any more."""
        if bad := self.found(snapshot):
            more = f" and {len(bad) - 1} more" if bad[1:] else ""
            raise TrainingDiverged(snapshot.step, f"{bad[0]}{more} is not finite at step {snapshot.step}")


def _finite(tensor: Any) -> bool:
    import tensorflow as tf

    return not tensor.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(tensor)))
