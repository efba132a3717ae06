"""Columns whose values are in the names of folders: `country=de/` says `de` of every row below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.formats.raw import RawFile

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_FOLDER = re.compile(r"(?:^|/)([^/=]+)=([^/]*)(?=/)")


def partitions_of(name: str) -> dict[str, str | None]:
    """By column, what the folders of a file's name say; None where Hive writes that there is no value."""
    return {column: None if value == _NO_VALUE else unquote(value) for column, value in _FOLDER.findall(name)}


def check_partitions(partitions: Sequence[str], template: str, schema: pa.Schema) -> None:
    """Refuse columns that no folder of the template is named after, or that are not declared.

    Raises `BadInput`.
    """
    known = [column for column, value in _FOLDER.findall(template) if value == "*"]
    for column in () if isinstance(partitions, str) else partitions:
        if column in known and column in schema.names:
            continue
        raise BadInput(
            "partitions",
            column,
            f"declared columns that are folders in the template, as country in {{key}}/country=*/; it has "
            f"{', '.join(known) or 'none'}",
        )
    if isinstance(partitions, str):
        raise BadInput("partitions", partitions, f"a tuple of names: ({partitions!r},)")


def with_partitions(
    batch: pa.RecordBatch, file: RawFile, partitions: Sequence[str], schema: pa.Schema
) -> pa.RecordBatch:
    """The batch with the columns that its file's folders say; one that the file has itself stays.

    Raises `SliceUnreadable`: a folder's name is no value of the declared type.
    """
    said = partitions_of(file.entry.name)
    for column in partitions:
        if column in batch.schema.names:
            continue
        kind, value = schema.field(column).type, said.get(column)
        try:
            scalar = pa.scalar(value, pa.string()).cast(kind)
        except pa.ArrowException as error:
            raise file.bad(f"lies in the folder {column}={value}, which is no {kind}") from error
        batch = batch.append_column(pa.field(column, kind), pa.repeat(scalar, batch.num_rows))
    return batch
