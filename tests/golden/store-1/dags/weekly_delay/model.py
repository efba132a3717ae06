"""Raw columns in, the probability of a late arrival out."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.training import Examples

CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")


def examples(table: pa.Table) -> Examples:
    """Cancelled flights have no arrival delay, hence no label: they are dropped."""
    table = table.filter(pc.is_valid(table["arr_delay"]))
    late = pc.greater(table["arr_delay"], 15).to_numpy().astype(np.float32)
    return Examples(inputs=inputs(table), labels=late, segments={"origin": table["origin"].to_numpy()})


def inputs(table: pa.Table) -> dict[str, np.ndarray]:
    """carrier: int32, shape (rows,); numbers: float32, shape (rows, 2)."""
    codes = pc.fill_null(pc.index_in(table["carrier"], pa.array(CARRIERS)), len(CARRIERS))
    numbers = np.stack([table["hour"].to_numpy() / 24, table["distance"].to_numpy() / 1000], axis=1)
    return {"carrier": codes.to_numpy().astype(np.int32), "numbers": numbers.astype(np.float32)}


def build_model() -> keras.Model:
    """Dropout, an embedding, Adam and a schedule: what a checkpoint has to hold beside weights."""
    carrier = keras.Input((), dtype="int32", name="carrier")
    numbers = keras.Input((2,), name="numbers")
    embedded = keras.layers.Embedding(len(CARRIERS) + 1, 4, name="embedding")(carrier)
    hidden = keras.layers.Concatenate(name="features")([embedded, numbers])
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")(hidden)
    hidden = keras.layers.Dropout(0.1, name="dropout")(hidden)
    late = keras.layers.Dense(1, activation="sigmoid", name="late")(hidden)
    model = keras.Model({"carrier": carrier, "numbers": numbers}, late, name="weekly_delay")
    rate = keras.optimizers.schedules.CosineDecay(0.01, decay_steps=1000)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="binary_crossentropy", jit_compile=False)
    return model
