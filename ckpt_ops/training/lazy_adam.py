"""Adam for embeddings: a row that a batch does not touch is not touched.

Keras' Adam decays the moments of every row and moves every row that was ever seen, at each step. That
is a different algorithm from this one, costs time by the size of the table, and makes every row of it
change between two checkpoints. Here moments and weights change in the rows of the batch only, so a row
delta of a checkpoint holds what the batches since the last one touched.

Imported by a pipeline's model.py, and by nothing else here: it needs TensorFlow.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ckpt_ops.checkpoints.capture import tensorflow_variable


@keras.saving.register_keras_serializable(package="ckpt_ops", name="LazyAdam")  # stored in configurations
class LazyAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam (Kingma and Ba, 2014) whose update of a sparse gradient is restricted to its rows.

    Dense gradients are updated as by Keras' Adam; all arguments are its own. The bias correction uses
    the number of steps, not of a row's updates, as is usual for lazy Adam.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update `variable` (rows, ...) by a gradient: dense, or `tf.IndexedSlices` without repeats."""
        if not isinstance(gradient, tf.IndexedSlices) or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        rows, values = gradient.indices, tf.cast(gradient.values, variable.dtype)
        index = self._get_variable_index(variable)
        first, second = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        rate = tf.cast(learning_rate, variable.dtype)
        rate *= tf.sqrt(1 - tf.pow(tf.cast(self.beta_2, variable.dtype), step))
        rate /= 1 - tf.pow(tf.cast(self.beta_1, variable.dtype), step)
        new_first = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * values
        new_second = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * tf.square(values)
        first.scatter_update(tf.IndexedSlices(new_first, rows))
        second.scatter_update(tf.IndexedSlices(new_second, rows))
        change = rate * new_first / (tf.sqrt(new_second) + self.epsilon)
        tensorflow_variable(variable).scatter_sub(tf.IndexedSlices(change, rows))
