"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ckpt_ops.errors import CkptOpsError, SliceUnreadable
from ckpt_ops.slices.formats.lines import BLOCK, Lines
from ckpt_ops.slices.formats.raw import RawFile


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """Reads one JSON object a line. Memory is bounded by a block of 8 MiB; a line may have 4 MiB.

    A declared field is read as its declared type, and is null where an object lacks it. Fields that are
    not declared are left out: JSON gives them no type that would hold for a whole file.
    """

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        yield pa.RecordBatch.from_pylist([], schema=declared.remove_metadata())
        try:
            with file.stream() as stream:
                yield from parse(pa.PythonFile(Lines(file, stream), mode="r"), declared)
        except CkptOpsError:
            raise
        except pa.ArrowException as error:
            if "Empty JSON stream" not in str(error):
                raise self._refused(file, error) from error

    def _refused(self, file: RawFile, error: pa.ArrowException) -> SliceUnreadable:
        """Arrow counts rows by block, so the line is looked for."""
        with file.stream() as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    value = json.loads(line) if line.strip() else {}
                except ValueError as said:
                    return file.bad(f"has no JSON in line {number:,}: {said}")
                if not isinstance(value, dict):
                    return file.bad(f"has in line {number:,} no object but {json.dumps(value)[:60]}")
        return file.bad(f"does not fit the declared columns: {error}")


def parse(lines: pa.NativeFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The objects in batches of the declared columns, of which each may be null.

    Raises `pa.ArrowException` for what is no object, or of another type than declared.
    """
    import pyarrow.json as arrow_json

    wanted = declared.remove_metadata()
    with arrow_json.open_json(
        lines,
        read_options=arrow_json.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=_as_read(wanted), unexpected_field_behavior="ignore"
        ),
    ) as reader:
        for batch in reader:
            yield batch.select(wanted.names).cast(wanted)


def _as_read(schema: pa.Schema) -> pa.Schema:
    """JSON has no dates: they are read as text, and cast."""
    return pa.schema(
        [pa.field(field.name, pa.string()) if pa.types.is_date(field.type) else field for field in schema]
    )
