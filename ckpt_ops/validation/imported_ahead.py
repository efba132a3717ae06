"""What a validation imports whatever its suite: an interpreter that stands by imports this module."""

from __future__ import annotations

import pandas as pd  # noqa: F401
import pyarrow.compute
import pyarrow.parquet  # noqa: F401

from ckpt_ops.validation.gx_import import imported

imported()
