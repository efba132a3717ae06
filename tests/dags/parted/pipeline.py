"""Takes large slices in, validated in two parts; nothing trains on them."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.pipeline import Intake
from ckpt_ops.slices import Files

source = Files(
    name="parted",
    schema=pa.schema([("n", pa.int64())]),
    template="parted/{key}.parquet",
    key_format="%Y-%m-%d-%H",
)
parted = Intake(name="parted", source=source, expectations="expectations.json", max_parallel_validations=2)
