"""What TensorFlow is told of a column before there is a batch of it."""

from __future__ import annotations

from typing import Any


def spec_of(column: Any) -> Any:
    """The `tf.TensorSpec` of a batch of any size; the length of padded lists is any, too."""
    import tensorflow as tf

    dtype = tf.string if column.dtype.kind in "OSU" else tf.as_dtype(column.dtype)
    return tf.TensorSpec((None, *column.shape[1:]), dtype)
