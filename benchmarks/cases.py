"""What is trained while checkpoints are saved: a dense model, and a table of which few rows change.

Both are ordinary compiled Keras models with Keras' own optimizers, and a step is `train_on_batch`.
TensorFlow is imported inside: the process that only starts the others has no need of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Batch = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

PARTS = 5
"""Batches that a save interval's rows are spread over. An interval has more steps than this."""

_WIDTH, _LAYERS, _BATCH = 2048, 6, 32
_ROWS, _DIMENSION = 1_000_000, 64


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model and its batches.

    Attributes:
        build: makes the model, compiled; its optimizer has no variables yet, as in a fresh training.
        batches: the batches of the i-th save interval, to be used over and over. The same i gives the
            same batches in every process.
    """

    name: str
    title: str
    build: Callable[[], Any]
    batches: Callable[[int], Sequence[Batch]]


def mlp(scale: float) -> Case:
    """Six dense layers of 2048 with Adam: 302 MB, all of which changes in every step."""
    width = max(8, round(_WIDTH * math.sqrt(scale)))

    def build() -> Any:
        import keras

        hidden = numbers = keras.Input((width,), name="numbers")
        for i in range(_LAYERS):
            hidden = keras.layers.Dense(width, activation="relu", name=f"dense_{i}")(hidden)
        model = keras.Model(numbers, keras.layers.Dense(1, name="out")(hidden))
        model.compile(keras.optimizers.Adam(1e-4), "mse")
        return model

    def batches(interval: int) -> Sequence[Batch]:
        draw = np.random.default_rng(interval)
        return [
            (
                draw.normal(size=(_BATCH, width)).astype("float32"),
                draw.normal(size=(_BATCH, 1)).astype("float32"),
            )
            for _ in range(PARTS)
        ]

    size = 3 * 4 * (_LAYERS * (width * width + width) + width + 1) / 1e6
    return Case(name="mlp", title=f"MLP, Adam, {size:.0f} MB", build=build, batches=batches)


def embedding(scale: float, *, percent: int) -> Case:
    """A table of 1M x 64 with Adagrad: 512 MB, of which `percent` % changes between two saves.

    The batches of one interval are drawn from exactly that share of the rows and name each of them
    once per round of batches. (Keras' Adagrad computes a dense update all the same; it adds zero to
    the other rows.)
    """
    rows = max(1000, round(_ROWS * scale))
    changed = rows * percent // 100

    def build() -> Any:
        import keras

        ids = keras.Input((), dtype="int32", name="ids")
        row = keras.layers.Embedding(rows, _DIMENSION, name="table")(ids)
        model = keras.Model(ids, keras.layers.Dense(1, name="out")(row))
        model.compile(keras.optimizers.Adagrad(0.01), "mse")
        return model

    def batches(interval: int) -> Sequence[Batch]:
        draw = np.random.default_rng(interval)
        chosen = draw.choice(rows, changed, replace=False).astype("int32")
        parts = np.array_split(chosen, PARTS)
        return [(ids, draw.normal(size=(len(ids), 1)).astype("float32")) for ids in parts]

    size = 2 * 4 * rows * _DIMENSION / 1e6
    title = f"embedding {rows:,} x {_DIMENSION}, Adagrad, {size:.0f} MB, {percent} % of rows"
    return Case(name=f"embedding_{percent}", title=title, build=build, batches=batches)


CASES: dict[str, Callable[[float], Case]] = {
    "mlp": mlp,
    "embedding_1": lambda scale: embedding(scale, percent=1),
    "embedding_10": lambda scale: embedding(scale, percent=10),
}
