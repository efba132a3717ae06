"""Files of numbers, several an hour; a test may ask that a read stops in its middle."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ckpt_ops.slices import Files

SCHEMA = pa.schema([("n", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Hours(Files):
    """Files that say what is read of them.

    In CKPT_OPS_HOME, `incoming-reads.txt` has a line for each file that was read: key, name and the pid.
    A file `incoming-hang-NAME` makes the next read of NAME go on for ever after its first batch.
    """

    name: str = "numbers"
    schema: pa.Schema = SCHEMA
    template: str = "incoming/{key}/*.csv"
    key_format: str = "%Y-%m-%d-%H"

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        home, name = Path(os.environ["CKPT_OPS_HOME"]), part.rpartition("/")[2]
        hangs = home / f"incoming-hang-{name}"
        hang = hangs.exists()
        batches = super().read_part(key, part)
        yield next(batches)
        if hang:
            hangs.unlink()  # before the line below, which the test waits for
        with (home / "incoming-reads.txt").open("a") as file:
            file.write(f"{key}/{name} {os.getpid()}\n")
        while hang:
            time.sleep(1)
        yield from batches
