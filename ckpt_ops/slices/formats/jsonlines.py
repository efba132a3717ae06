"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.slices.formats.lines import Block, blocks
from ckpt_ops.slices.formats.raw import RawFile


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """Reads one JSON object a line, blank lines between them allowed. A line may have 4 MiB.

    A declared field is read as its declared type, and is null where an object lacks it: a writer may leave
    nulls out, and the lines of one file say nothing of another's. Fields that are not declared are left
    out: JSON gives them no type that would hold for a whole file. A file whose objects name no declared
    field at all is refused. NaN, Infinity and -Infinity are read as Python writes them.

    Memory: a block of 1 MiB, or a line, as text and as columns; some 40 MiB in all, whatever the file's size.
    """

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        wanted = declared.remove_metadata()
        yield pa.RecordBatch.from_pylist([], schema=wanted)
        known = False
        with file.stream() as stream:
            for block in blocks(file, stream):
                lines = _objects(file, block)
                if not lines:
                    continue
                try:
                    table = parse(block.data, wanted)
                except pa.ArrowException as error:
                    raise _refused(file, lines, wanted, error) from error
                if table.num_rows != len(lines):
                    raise _refused(file, lines, wanted, f"{table.num_rows} objects in {len(lines)} lines")
                known = known or _names_any(file, lines, table)
                yield from table.to_batches()


def _objects(file: RawFile, block: Block) -> dict[int, bytes]:
    """By number, the lines that are not blank. Each begins as an object: Arrow dies of a bare `null`."""
    lines = {}
    for number, line in enumerate(block.data[:-1].split(b"\n"), start=block.line):
        if line.startswith(b"{"):
            lines[number] = line
        elif stripped := line.strip():
            lines[number] = stripped
            if not stripped.startswith(b"{"):
                raise file.bad(_no_object(number, stripped))
    return lines


def parse(data: bytes, wanted: pa.Schema) -> pa.Table:
    """The objects in lines of `data` as columns, each of which may be null.

    Raises `pa.ArrowException` for what is no object, or of another type than wanted.
    """
    import pyarrow.json as arrow_json

    return (
        arrow_json.read_json(
            pa.BufferReader(data),
            read_options=arrow_json.ReadOptions(block_size=len(data), use_threads=False),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=_as_read(wanted), unexpected_field_behavior="ignore"
            ),
        )
        .select(wanted.names)
        .cast(wanted)
    )


def _as_read(schema: pa.Schema) -> pa.Schema:
    """JSON has no dates: they are read as text, and cast."""
    return pa.schema(
        [pa.field(field.name, pa.string()) if pa.types.is_date(field.type) else field for field in schema]
    )


def _names_any(file: RawFile, lines: dict[int, bytes], table: pa.Table) -> bool:
    if any(column.null_count < len(column) for column in table.columns):
        return True
    named = {name for number, line in lines.items() for name in _loaded(file, number, line)}
    if named & set(table.schema.names):
        return True
    raise file.bad(
        f"is another table: its objects name {', '.join(sorted(named)[:8]) or 'nothing'}, and none of the "
        f"declared columns ({', '.join(table.schema.names[:8])})"
    )


def _refused(
    file: RawFile, lines: dict[int, bytes], wanted: pa.Schema, said: pa.ArrowException | str
) -> SliceUnreadable:
    """Arrow names no line, and not always a column: both are looked for."""
    numbers = list(lines)
    first, last = 0, len(numbers) - 1  # halving: the first line at which what comes before it breaks
    while first < last:
        middle = (first + last) // 2
        if _reads([lines[number] for number in numbers[first : middle + 1]], wanted):
            first = middle + 1
        else:
            last = middle
    number = numbers[first]
    line = lines[number]
    value = _loaded(file, number, line)
    for field in wanted:
        if field.name in value and not _reads([line], pa.schema([field])):
            shown = json.dumps(value[field.name])[:100]
            return file.bad(
                f"has in line {number:,} of column {field.name} no {field.type}: {shown} ({str(said)[:200]})"
            )
    return file.bad(f"does not fit the declared columns in line {number:,}: {str(said)[:200]}")


def _loaded(file: RawFile, number: int, line: bytes) -> dict[str, object]:
    try:
        value: dict[str, object] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise file.bad(f"has no JSON object in line {number:,}: {str(error)[:200]}") from error
    return value


def _reads(lines: list[bytes], wanted: pa.Schema) -> bool:
    try:
        return bool(parse(b"\n".join(lines) + b"\n", wanted).num_rows == len(lines))
    except pa.ArrowException:
        return False


def _no_object(number: int, line: bytes) -> str:
    return f"has in line {number:,} no object but {line[:60].decode(errors='replace')}"
