"""Takes a file a day in, named by the day in New York."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.pipeline import Intake
from ckpt_ops.slices import Files

SCHEMA = pa.schema([("day", pa.int64())])

new_york = Intake(
    name="new_york",
    source=Files(name="local_days", schema=SCHEMA, template="local-days/{key}.csv"),
    expectations="expectations.json",
)
