"""Flights as `steady` takes them, each with the hour it left: to tell afterwards which rows were learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.training import Examples


def examples(table: pa.Table) -> Examples:
    from steady import model

    labelled = table.filter(pc.is_valid(table["arr_delay"]))
    return replace(model.examples(table), groups=np.asarray(hours(labelled["time_hour"])))


def hours(times: pa.ChunkedArray) -> list[str]:
    """As text that sorts by time."""
    return pc.strftime(times, format="%Y-%m-%d %H").to_pylist()
