"""Dropout, batch normalisation, an embedding and Adam: everything whose state exact resume must keep."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.training import Examples

CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")


def examples(table: pa.Table) -> Examples:
    table = table.filter(pc.is_valid(table["arr_delay"]))
    codes = pc.fill_null(pc.index_in(table["carrier"], pa.array(CARRIERS)), len(CARRIERS))
    numbers = np.stack([table["hour"].to_numpy() / 24, table["distance"].to_numpy() / 1000], axis=1)
    return Examples(
        inputs={"carrier": codes.to_numpy().astype(np.int32), "numbers": numbers.astype(np.float32)},
        labels=pc.greater(table["arr_delay"], 15).to_numpy().astype(np.float32),
    )


def build_model() -> keras.Model:
    carrier = keras.Input((), dtype="int32", name="carrier")
    numbers = keras.Input((2,), name="numbers")
    embedded = keras.layers.Embedding(len(CARRIERS) + 1, 8, name="embedding")(carrier)
    hidden = keras.layers.Concatenate(name="features")([embedded, numbers])
    hidden = keras.layers.Dense(64, activation="relu", name="hidden")(hidden)
    hidden = keras.layers.BatchNormalization(name="normalization")(hidden)
    hidden = keras.layers.Dropout(0.3, name="dropout")(hidden)
    late = keras.layers.Dense(1, activation="sigmoid", name="late")(hidden)
    model = keras.Model({"carrier": carrier, "numbers": numbers}, late, name="shared")
    model.compile(optimizer="adam", loss="binary_crossentropy", jit_compile=False)
    return model
