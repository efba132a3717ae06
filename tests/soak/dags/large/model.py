"""Numbers and two categories, hashed."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.training import Examples
from large.pipeline import COUNTS, NUMBERS, WORDS

VALUES = pa.array([f"{word}{at}" for word in WORDS for at in range(50)])


def examples(table: pa.Table) -> Examples:
    """One float32 matrix of numbers, one int32 matrix of categories."""
    numbers = [pc.fill_null(table[name], 0).to_numpy().astype(np.float32) for name in (*NUMBERS, *COUNTS)]
    codes = [pc.fill_null(pc.index_in(table[word], VALUES), len(VALUES)).to_numpy() for word in WORDS]
    return Examples(
        inputs={
            "numbers": np.stack(numbers, axis=1),
            "codes": np.stack(codes, axis=1).astype(np.int32),
        },
        labels=table["bought"].to_numpy(zero_copy_only=False).astype(np.float32),
    )


def build_model() -> keras.Model:
    """A small network."""
    numbers = keras.Input((len(NUMBERS) + len(COUNTS),), name="numbers")
    codes = keras.Input((len(WORDS),), dtype="int32", name="codes")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(len(VALUES) + 1, 8)(codes))
    hidden = keras.layers.Dense(64, activation="relu")(keras.layers.Concatenate()([numbers, embedded]))
    bought = keras.layers.Dense(1, activation="sigmoid", name="bought")(hidden)
    model = keras.Model({"numbers": numbers, "codes": codes}, bought)
    model.compile(optimizer="adam", loss="binary_crossentropy", jit_compile=False)
    return model
