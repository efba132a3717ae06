"""The layer that finds the rows of a vocabulary's values, in training and in the export. Imports Keras."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

_FILE = "rows.json"


@keras.saving.register_keras_serializable(package="ckpt_ops")
class VocabularyRows(keras.layers.Layer):  # type: ignore[misc]
    """Maps values to row numbers: a known value to its own row, every other one to a shared row.

    Args:
        column: of the vocabulary.
        buckets: the number of shared rows; they come first.
        known: values and their rows; all text, or all whole numbers.
        takes_rows: it is given row numbers, and passes them on.
    """

    def __init__(
        self,
        column: str,
        buckets: int,
        known: Sequence[tuple[str | int, int]] = (),
        *,
        takes_rows: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.column, self.buckets, self.takes_rows = column, buckets, takes_rows
        self._fill(known)

    def _fill(self, known: Sequence[tuple[str | int, int]]) -> None:
        self._whole = bool(known) and isinstance(known[0][0], int)
        self.table = None
        if not known:  # TensorFlow loads no table without entries
            return
        kind = tf.int64 if self._whole else tf.string
        keys = tf.constant([token for token, _ in known], kind)
        rows = tf.constant([row for _, row in known], tf.int64)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, rows), default_value=-1
        )

    def call(self, values: Any) -> Any:
        """Row numbers, int64, in the shape of `values`."""
        values = tf.convert_to_tensor(values)
        if self.takes_rows:
            return tf.cast(values, tf.int64)
        as_text = values if values.dtype == tf.string else tf.strings.as_string(values)
        shared = tf.strings.to_hash_bucket_fast(as_text, self.buckets)
        if self.table is None:
            return shared
        own = self.table.lookup(tf.cast(values, tf.int64) if self._whole else as_text)
        return tf.where(own >= 0, own, shared)

    def compute_output_spec(self, values: Any) -> Any:
        return keras.KerasTensor(values.shape, dtype="int64")

    def get_config(self) -> dict[str, Any]:
        """Without the values: a version keeps them in a document of its own, a `.keras` file as an asset."""
        config = {**super().get_config(), "column": self.column, "buckets": self.buckets}
        return {**config, "takes_rows": True} if self.takes_rows else config

    def save_assets(self, folder: str) -> None:
        """Write values and rows beside a `.keras` file's weights."""
        keys, rows = ([], []) if self.table is None else (one.numpy().tolist() for one in self.table.export())
        values = [key if self._whole else key.decode() for key in keys]
        (Path(folder) / _FILE).write_text(json.dumps(sorted(zip(values, rows, strict=True), key=_row)))

    def load_assets(self, folder: str) -> None:
        """Read them back."""
        self._fill([tuple(one) for one in json.loads((Path(folder) / _FILE).read_text())])


def _row(item: tuple[str | int, int]) -> int:
    return item[1]
