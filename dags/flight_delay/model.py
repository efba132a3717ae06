"""The model: raw columns in, the probability of a late arrival out. Imported only where it trains."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops import Examples

LATE_AFTER_MINUTES = 15
_CATEGORIES = {"carrier": 64, "origin": 8, "dest": 256}
_NUMBERS = ("hour", "weekday", "month", "distance")


def examples(table: pa.Table) -> Examples:
    """Cancelled and diverted flights have no arrival delay, hence no label: they are dropped."""
    table = table.filter(pc.is_valid(table["arr_delay"]))
    columns = inputs(table)
    late = pc.greater(table["arr_delay"], LATE_AFTER_MINUTES).to_numpy()
    return Examples(inputs=columns, labels=late.astype(np.float32), segments={"carrier": columns["carrier"]})


def inputs(table: pa.Table) -> dict[str, np.ndarray]:
    """By name, shape (rows,): carrier, origin, dest (text); hour, weekday, month, distance (float32)."""
    columns = {name: _text(table, name) for name in _CATEGORIES}
    for name in ("hour", "month", "distance"):
        columns[name] = table[name].to_numpy().astype(np.float32)
    days = pc.strptime(
        pc.binary_join_element_wise(
            *(pc.cast(table[name], pa.string()) for name in ("year", "month", "day")), "-"
        ),
        format="%Y-%m-%d",
        unit="s",
    )
    columns["weekday"] = pc.day_of_week(days).to_numpy().astype(np.float32)
    return columns


def build_model() -> keras.Model:
    """Hashed categories as embeddings, hour and weekday as embeddings, a small dense net; Adam."""
    inputs, parts = {}, []
    for name, buckets in _CATEGORIES.items():
        inputs[name] = keras.Input((), dtype="string", name=name)
        hashed = keras.layers.Hashing(buckets, name=f"{name}_hash")(inputs[name])
        parts.append(keras.layers.Embedding(buckets, 8, name=f"{name}_embedding")(hashed))
    for name in _NUMBERS:
        inputs[name] = keras.Input((), dtype="float32", name=name)
    for name, size in (("hour", 24), ("weekday", 8)):
        parts.append(keras.layers.Embedding(size, 8, name=f"{name}_embedding")(inputs[name]))
    column = keras.layers.Reshape((1,), name="distance_column")(inputs["distance"])
    parts.append(keras.layers.Rescaling(1 / 1000, name="distance_thousands")(column))
    month = keras.layers.Reshape((1,), name="month_column")(inputs["month"])
    parts.append(keras.layers.Rescaling(1 / 12, name="month_of_year")(month))
    hidden = keras.layers.Concatenate(name="features")(parts)
    hidden = keras.layers.Dense(64, activation="relu", name="hidden_1")(hidden)
    hidden = keras.layers.Dropout(0.1, name="dropout")(hidden)
    hidden = keras.layers.Dense(32, activation="relu", name="hidden_2")(hidden)
    late = keras.layers.Dense(1, activation="sigmoid", name="late")(hidden)
    model = keras.Model(inputs, late, name="flight_delay")
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", jit_compile=False)
    return model


def _text(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_pylist(), dtype=object)
