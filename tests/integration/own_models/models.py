"""Small models of each kind on the same rows: two numbers, a word, a query, a weight and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf

from ckpt_ops.training import Examples

WORDS = ("ash", "elm", "oak", "yew")


def examples(table: pa.Table) -> Examples:
    return _examples(table, "amount")


def weighted(table: pa.Table) -> Examples:
    return _examples(table, "amount", weights=table["weight"].to_numpy())


def of_classes(table: pa.Table) -> Examples:
    return _examples(table, "kind")


def ranked(table: pa.Table) -> Examples:
    return _examples(table, "relevance", groups=np.asarray(table["query"].to_pylist(), dtype=object))


def _examples(table: pa.Table, label: str, **beside: Any) -> Examples:
    return Examples(
        inputs={
            "numbers": np.stack([table["a"].to_numpy(), table["b"].to_numpy()], axis=1).astype(np.float32),
            "word": np.asarray(table["word"].to_pylist(), dtype=object),
        },
        labels=table[label].to_numpy().astype(np.float32),
        segments={"word": np.asarray(table["word"].to_pylist(), dtype=object)},
        **beside,
    )


# --- Keras ----------------------------------------------------------------------------------------


def compiled(outputs: int, activation: str | None, loss: str) -> keras.Model:
    numbers = keras.Input((2,), name="numbers")
    word = keras.Input((), dtype="string", name="word")
    hashed = keras.layers.Hashing(8, name="hashed")(word)
    embedded = keras.layers.Embedding(8, 3, name="embedding")(hashed)
    hidden = keras.layers.Concatenate(name="features")([numbers, embedded])
    hidden = keras.layers.Dense(8, "tanh", name="hidden")(hidden)
    out = keras.layers.Dense(outputs, activation, name="out")(hidden)
    model = keras.Model({"numbers": numbers, "word": word}, out, name="compiled")
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    return model


def regression() -> keras.Model:
    return compiled(1, None, "mse")


def classes() -> keras.Model:
    return compiled(3, "softmax", "sparse_categorical_crossentropy")


VOCABULARY = list(WORDS)
"""As a file beside the model may hold it."""


def looked_up() -> keras.Model:
    numbers, word = keras.Input((2,), name="numbers"), keras.Input((), dtype="string", name="word")
    scaled = keras.layers.Normalization(name="scaled")
    scaled.adapt(np.arange(8.0).reshape(4, 2))
    known = keras.layers.StringLookup(vocabulary=VOCABULARY, name="known")(word)
    both = keras.layers.Concatenate()([scaled(numbers), keras.layers.Embedding(5, 3)(known)])
    model = keras.Model([word, numbers], keras.layers.Dense(1)(both))
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=False)
    return model


class Noisy(keras.Model):
    """A step of its own: two optimizers, noise that fades, and a count that Keras does not track."""

    def __init__(self) -> None:
        super().__init__(name="noisy")
        self.hidden = keras.layers.Dense(8, "tanh", name="hidden")
        self.out = keras.layers.Dense(1, name="out")
        self.noise = keras.random.SeedGenerator(3)
        self.rounds = tf.Variable(0.0, name="rounds")
        self.out_optimizer = keras.optimizers.SGD(0.05, momentum=0.9)

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        return self.out(self.hidden(inputs["numbers"]))

    def train_step(self, data: Any) -> dict[str, Any]:
        inputs, labels = data
        with tf.GradientTape() as tape:
            noise = keras.random.normal(tf.shape(labels), seed=self.noise) / (1.0 + self.rounds)
            loss = tf.reduce_mean(tf.square(self(inputs, training=True)[:, 0] + noise - labels))
        inner, outer = tape.gradient(loss, [self.hidden.trainable_variables, self.out.trainable_variables])
        self.optimizer.apply(inner, self.hidden.trainable_variables)
        self.out_optimizer.apply(outer, self.out.trainable_variables)
        self.rounds.assign_add(1.0)
        return {"loss": loss}


def own_step() -> keras.Model:
    model = Noisy()
    model({"numbers": tf.zeros((1, 2)), "word": tf.constant(["oak"])})
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    model.optimizer.build(model.hidden.trainable_variables)
    model.out_optimizer.build(model.out.trainable_variables)
    return model


# --- no Keras model -------------------------------------------------------------------------------


class Loop(tf.Module):
    """A step that is a loop: some small updates by its own momentum, with noise from its own generator."""

    def __init__(self) -> None:
        super().__init__(name="loop")
        self.generator = tf.random.Generator.from_seed(5)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(list(WORDS), list(range(1, 5)), value_dtype=tf.int64), 0
        )
        self.embedding = tf.Variable(tf.random.stateless_normal((5, 3), (1, 1)), name="w")
        self.layers = [
            {
                "kernel": tf.Variable(tf.random.stateless_normal(shape, (1, 2)) * 0.5, name="w"),
                "bias": tf.Variable(tf.zeros(shape[1:]), name="w"),
            }
            for shape in ((5, 8), (8, 1))
        ]
        self.momentum = [tf.Variable(tf.zeros_like(one), trainable=False) for one in self.weights()]
        self.learning_rate = tf.Variable(0.05, trainable=False)

    def weights(self) -> list[tf.Variable]:
        return [self.embedding, *(layer[name] for layer in self.layers for name in ("kernel", "bias"))]

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        known = tf.gather(self.embedding, self.table.lookup(inputs["word"]))
        hidden = tf.concat([inputs["numbers"], known], axis=1)
        if training:
            hidden += 0.1 * self.generator.normal(tf.shape(hidden))
        first, second = self.layers
        hidden = tf.tanh(hidden @ first["kernel"] + first["bias"])
        return hidden @ second["kernel"] + second["bias"]

    def train_step(self, inputs: Mapping[str, Any], labels: Any, weights: Any = None) -> dict[str, Any]:
        weights = tf.ones_like(labels) if weights is None else weights
        loss = tf.constant(0.0)
        for _ in tf.range(2):
            with tf.GradientTape() as tape:
                error = tf.square(self(inputs, training=True)[:, 0] - labels)
                loss = tf.reduce_mean(weights * error)
            gradients = tape.gradient(loss, self.weights())
            for weight, momentum, gradient in zip(self.weights(), self.momentum, gradients, strict=True):
                momentum.assign(0.8 * momentum + tf.convert_to_tensor(gradient))
                weight.assign_sub(self.learning_rate * momentum)
        self.learning_rate.assign(self.learning_rate * 0.99)
        return {"loss": loss}


def loop() -> Loop:
    return Loop()
