"""Which format a file is in, by the end of its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.formats.delimited import Csv
from ckpt_ops.slices.formats.jsonlines import JsonLines
from ckpt_ops.slices.formats.parquet import Parquet
from ckpt_ops.slices.formats.raw import RawFile

GZIP = ".gz"


class Format(Protocol):
    """Reads one file. A frozen dataclass: its `repr` is part of how a slice was read."""

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows in file order, in batches of one schema; at least one batch, be it empty.

        Raises `SliceUnreadable` naming `file.url`.
        """
        ...


_BY_ENDING: dict[str, Format] = {
    ".parquet": Parquet(),
    ".csv": Csv(),
    ".tsv": Csv(delimiter="\t"),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".json": JsonLines(),
}

ENDINGS = tuple(_BY_ENDING)


def format_of(name: str) -> Format:
    """The format that a file name's end stands for. Raises `BadInput`."""
    plain = name.removesuffix(GZIP)
    for ending, found in _BY_ENDING.items():
        if plain.endswith(ending):
            return found
    raise BadInput(
        "template",
        name,
        f"a name that ends with {', '.join(ENDINGS)}, with or without {GZIP}; or give format=",
    )
