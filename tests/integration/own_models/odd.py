"""Models of the usual kind, each with one thing that is easily got wrong; `make` is what `build_model` is."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf

from ckpt_ops.training import Examples

STEPS = 6


def examples(table: pa.Table) -> Examples:
    numbers = np.stack([table["a"].to_numpy(), table["b"].to_numpy()], axis=1).astype(np.float32)
    return Examples(inputs={"x": numbers}, labels=(numbers[:, 0] > 0).astype(np.float32)[:, None])


def network(*middle: Any, out: Any = None) -> keras.Model:
    x = keras.Input((2,), name="x")
    hidden = keras.layers.Dense(4, "tanh", name="hidden")(x)
    for layer in middle:
        hidden = layer(hidden)
    return keras.Model({"x": x}, (out or keras.layers.Dense(1, "sigmoid", name="out"))(hidden), name="odd")


def compiled(model: keras.Model, optimizer: Any = None, **settings: Any) -> keras.Model:
    settings = {"loss": "binary_crossentropy", "jit_compile": False, **settings}
    model.compile(optimizer or keras.optimizers.SGD(0.1), **settings)
    return model


def scheduled() -> keras.Model:
    """Its rate falls to 0 in as many steps as one update has."""
    rate = keras.optimizers.schedules.CosineDecay(0.5, decay_steps=STEPS)
    return compiled(network(), keras.optimizers.Adam(rate))


def averaging() -> keras.Model:
    return compiled(network(), keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))


def array_metric() -> keras.Model:
    return compiled(network(), metrics=[keras.metrics.F1Score(threshold=0.5)])


def usual() -> keras.Model:
    return compiled(
        network(keras.layers.Dropout(0.2, name="drop")), keras.optimizers.Adam(0.01), metrics=["mae"]
    )


def restless() -> keras.Model:
    """Its steps are so large that it does not stay where it was good."""
    return compiled(network(), keras.optimizers.SGD(8.0, momentum=0.9))


def half() -> keras.Model:
    """For mixed precision: what it predicts is float32, whatever the policy is."""
    out = keras.layers.Dense(1, "sigmoid", name="out", dtype="float32")
    drop = keras.layers.Dropout(0.2, name="drop")
    return compiled(network(drop, out=out), keras.optimizers.Adam(0.01), metrics=["mae"])


def half_out() -> keras.Model:
    return compiled(network())


def own_policy() -> keras.Model:
    keras.config.set_dtype_policy("mixed_bfloat16")
    return half()


def all_float32() -> keras.Model:
    x = keras.Input((2,), name="x", dtype="float32")
    out = keras.layers.Dense(1, "sigmoid", dtype="float32")(x)
    return compiled(keras.Model({"x": x}, out, dtype="float32"))


def one_float16() -> keras.Model:
    middle = keras.layers.Dense(3, name="middle", dtype="float16")
    return compiled(network(middle, out=keras.layers.Dense(1, "sigmoid", dtype="float32")))


def unscaled() -> keras.Model:
    return compiled(network(out=keras.layers.Dense(1, dtype="float32")), auto_scale_loss=False)


class OwnStep(keras.Model):
    """Its step knows nothing of a scale."""

    def train_step(self, data: Any) -> Any:
        inputs, labels = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(inputs, training=True) - labels))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def own_step() -> keras.Model:
    x = keras.Input((2,), name="x")
    out = keras.layers.Dense(1, dtype="float32")(keras.layers.Dense(3)(x))
    return compiled(OwnStep({"x": x}, out))


class Rounding(keras.layers.Layer):
    """Stands for a kernel that adds up in whatever order: the last bits are others each time."""

    def call(self, x: Any) -> Any:
        noise = tf.numpy_function(lambda: np.float32(1e-6 * random.SystemRandom().random()), [], tf.float32)
        return x + tf.reshape(noise, ())


def rounding() -> keras.Model:
    return compiled(network(Rounding(name="rounding")), keras.optimizers.Adam(0.05))


def wider() -> keras.Model:
    return compiled(network(keras.layers.Dense(5, name="more")))


def two_outputs() -> keras.Model:
    x = keras.Input((2,), name="x")
    outs = {name: keras.layers.Dense(1, name=name)(x) for name in ("a", "b")}
    return compiled(keras.Model({"x": x}, outs), loss={"a": "mse", "b": "mse"})


@keras.saving.register_keras_serializable(package="tests")
class Noise(keras.layers.Layer):
    """Draws from what nobody can save, or as it is told."""

    def __init__(self, draw: Any, name: str = "noise") -> None:
        super().__init__(name=name)
        self.draw = draw

    def call(self, x: Any, training: bool = False) -> Any:
        return x + 0.1 * self.draw(keras.ops.shape(x)) if training else x


@keras.saving.register_keras_serializable(package="tests")
class Root(keras.layers.Layer):
    """Its gradient at 0 is not finite."""

    def call(self, x: Any) -> Any:
        return tf.sqrt(tf.nn.relu(x))


def rooted() -> keras.Model:
    return compiled(network(Root(name="root")))


@keras.saving.register_keras_serializable(package="tests")
class Leap(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that is far too large from some step on."""

    def __call__(self, step: Any) -> Any:
        return tf.where(step < 4, 0.1, 3e38)

    def get_config(self) -> dict[str, Any]:
        return {}


def leaping() -> keras.Model:
    return compiled(network(out=keras.layers.Dense(1, name="out")), keras.optimizers.SGD(Leap()), loss="mse")
