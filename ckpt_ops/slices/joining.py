"""Parts of one slice whose writers chose different types, or orders of columns: read as one.

A part without a value in a column has no type for it, a writer in chunks has whole numbers as float64 only
where one is missing, and columns go by name. So parts are read in the first one's order and in types that
stand for all of them (`column_types.common`). What does not go together is refused; the message names the
column, the parts and the value.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from ckpt_ops.column_types import as_columns_of, common, misfit, values_decide
from ckpt_ops.errors import UNTOUCHED, ObjectNotFound, SliceUnreadable
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.datafiles import is_there, stage, stored_schema, upload
from ckpt_ops.slices.identity import digest
from ckpt_ops.slices.manifest import Column, DataFile, SliceManifest
from ckpt_ops.slices.parts import WHOLE, Receipt
from ckpt_ops.slices.reading import StagedSlice, staged
from ckpt_ops.store import Store

Reader = Callable[[], Iterator[pa.RecordBatch]]


def one_after_the_other(parts: Mapping[str, Reader], *, of: str) -> Iterator[pa.RecordBatch]:
    """The rows of the parts in order, in one schema.

    Of several, each is opened twice: its first batch says its columns.

    Args:
        of: the slice, for messages.

    Raises:
        SliceUnreadable: their columns do not go together.
    """
    schemas: dict[str, pa.Schema] = {}
    for part, read in parts.items() if len(parts) > 1 else ():
        first = next(iter(read()), None)
        if first is not None:
            schemas[part] = first.schema.remove_metadata()
    schema = one_schema(schemas, of=of) if schemas else None
    for part, read in parts.items():
        for batch in read():
            if schema is None or schemas.get(part) == schema:
                yield batch
            else:
                yield _joined(batch, schema, part=part, of=of)


def one_schema(schemas: Mapping[str, pa.Schema], *, of: str) -> pa.Schema:
    """The columns that stand for those of all parts. Raises `SliceUnreadable`."""
    (first, schema), *rest = schemas.items()
    for part, other in rest:
        if other == schema:
            continue
        ours, theirs = set(schema.names), set(other.names)
        if ours != theirs:
            raise _refused(
                of, f"{first!r} alone has {_some(ours - theirs)}, {part!r} alone has {_some(theirs - ours)}",
                part,
            )  # fmt: skip
        fields = []
        for field in schema:
            came = other.field(field.name)
            kind = common(field.type, came.type)
            if kind is None:
                raise _refused(
                    of, f"{field.name} is {came.type} in {part!r} and {field.type} in those before it", part
                )
            fields.append(pa.field(field.name, kind, nullable=field.nullable or came.nullable))
        schema = pa.schema(fields)
    return schema


def find_joined(store: Store, source: str, key: str, receipts: Mapping[str, Receipt]) -> Receipt | None:
    """The receipt that `join` left for these receipts, when its data files are there."""
    name = _name(source, key, receipts)
    try:
        found = Receipt.from_json(store.get(name), url=f"{store.url.rstrip('/')}/{name}")
    except ObjectNotFound:
        return None
    return found if all(is_there(store, file) for file in found.files) else None


def join(
    store: Store, source: str, key: str, receipts: Mapping[str, Receipt], *, rows_per_file: int
) -> Receipt:
    """Write the parts again whose columns differ from those that stand for all; leaves a receipt for all.

    Memory is bounded by a row group, local disk by the largest part.
    """
    of = f"slice {key} of source {source!r}"
    _check_names(of, receipts)
    parts = {part: receipt for part, receipt in receipts.items() if receipt.files}
    schemas = {}
    for part, receipt in parts.items():
        with _staged(store, source, key, receipt) as rows:
            schemas[part] = rows.schema
    schema = stored_schema(one_schema(schemas, of=of), of)
    files: list[DataFile] = []
    for part, receipt in parts.items():
        if schemas[part] == schema:
            files += receipt.files
            continue
        with (
            _staged(store, source, key, receipt) as rows,
            tempfile.TemporaryDirectory(prefix="ckpt-ops-join-") as folder,
        ):
            batches = (_joined(batch, schema, part=part, of=of) for batch in rows.batches())
            _, written = stage(
                batches, Path(folder), prefix=f"slices/{source}/{key}", rows_per_file=rows_per_file
            )
            upload(store, Path(folder), written)
            files += written
    joined = Receipt(
        part=WHOLE,
        fingerprint=_digest(receipts),
        columns=Column.of_schema(schema),
        files=tuple(files),
        unread=tuple(file for receipt in receipts.values() for file in receipt.unread),
    )
    store.put(_name(source, key, receipts), joined.to_json())
    return joined


def _joined(batch: pa.RecordBatch, schema: pa.Schema, *, part: str, of: str) -> pa.RecordBatch:
    for field in schema:
        column = batch.column(field.name)
        value = misfit(column, field.type) if values_decide(column.type, field.type) else None
        if value is not None:
            raise _refused(
                of, f"{field.name} is {column.type} in {part!r}, where {value} is no {field.type}", part
            )
    return as_columns_of(batch, schema)


@contextmanager
def _staged(store: Store, source: str, key: str, receipt: Receipt) -> Iterator[StagedSlice]:
    alone = SliceManifest(
        source=source, key=key, revision="", fingerprint="", pulled_at="", rows=receipt.rows, columns=(),
        files=receipt.files,
    )  # fmt: skip
    with staged(store, alone) as rows:
        yield rows


def _check_names(of: str, receipts: Mapping[str, Receipt]) -> None:
    """Also those of parts without rows, whose types count for nothing."""
    named = [
        (part, {c.name for c in receipt.columns}) for part, receipt in receipts.items() if receipt.columns
    ]
    first, ours = named[0]
    for part, theirs in named[1:]:
        if ours != theirs:
            what = f"{first!r} alone has {_some(ours - theirs)}, {part!r} alone has {_some(theirs - ours)}"
            raise _refused(of, what, part)


def _name(source: str, key: str, receipts: Mapping[str, Receipt]) -> str:
    return f"slices/{source}/{key}/parts/{_digest(receipts)}.json"


def _digest(receipts: Mapping[str, Receipt]) -> str:
    files = [f"{file.name} {file.rows}" for receipt in receipts.values() for file in receipt.files]
    unread = [file.name for receipt in receipts.values() for file in receipt.unread]
    return digest("joined", *files, *unread)


def _refused(of: str, what: str, part: str) -> SliceUnreadable:
    return SliceUnreadable(
        f"the parts of {of} have different columns: {what}",
        safe=UNTOUCHED,
        next=f"write {part!r} again with the columns of the others, then {pull_again()}",
    )


def _some(columns: set[str]) -> str:
    return ", ".join(sorted(columns)[:8]) or "none"
