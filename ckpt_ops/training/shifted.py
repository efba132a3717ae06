"""A learning rate schedule that begins at another iteration. Imported where TensorFlow is: it needs Keras."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Shifted(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """`schedule` as if iteration `start` were its first. The variable is so that a traced step follows it."""

    def __init__(self, schedule: Any) -> None:
        self.schedule = schedule
        self.start = tf.Variable(0, dtype=tf.int64, trainable=False, name="schedule_start")

    def __call__(self, step: Any) -> Any:
        return self.schedule(tf.cast(tf.convert_to_tensor(step), tf.int64) - self.start)
