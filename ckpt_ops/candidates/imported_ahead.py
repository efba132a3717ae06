"""What a training imports whatever its pipeline: an interpreter that stands by imports this module."""

from __future__ import annotations

from ckpt_ops.training.light_import import light_import

with light_import():
    import keras  # noqa: F401
    import tensorflow as tf  # noqa: F401

import google.cloud.storage  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow.compute
import pyarrow.parquet  # noqa: F401

import ckpt_ops.candidates.training
import ckpt_ops.checkpoints.saved_model  # noqa: F401
