"""JSON lines: one object a line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from ckpt_ops.slices.formats.flat import at_path, flat_columns, flat_fields, nested
from ckpt_ops.slices.formats.lines import Block, blocks
from ckpt_ops.slices.formats.raw import Fault, RawFile
from ckpt_ops.values import as_code, later

_TOGETHER = 64


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """Reads one JSON object a line, blank lines between them allowed. A line may be up to 4 MiB.

    A declared field is read as its declared type, and is null where an object lacks it: a writer may leave
    nulls out, and the lines of one file say nothing of another's. Fields that are not declared are left
    out: JSON gives them no type that would hold for a whole file. A file whose objects name no declared
    field at all is refused. A line that does not parse is left out, or the file is refused, as the reader
    asks; the message names line, field and value. NaN, Infinity and -Infinity are read as Python writes them.

    Memory: a block of 1 MiB, or a line, as text and as columns; some 40 MiB in all, whatever the file's size.

    Attributes:
        flatten: the declared column `user.city` is the field `city` of the object `user`. A line whose `user`
            is no object is bad. False: a name is that of a field, with a dot or without.
    """

    flatten: bool = later(False)

    def __repr__(self) -> str:
        return as_code(self)

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        wanted = declared.remove_metadata()
        yield pa.RecordBatch.from_pylist([], schema=wanted)
        known = False
        with file.stream() as stream:
            for block in blocks(file, stream):
                lines = _lines(block)
                if not lines:
                    continue
                try:
                    tables = [self._parsed(lines, wanted)]
                except Fault as fault:
                    if file.unread is None:
                        raise file.bad(fault.message) from fault
                    tables = list(self._sparing(file, lines, wanted))
                for table in tables:
                    known = known or self._names_any(file, lines, table)
                    yield from table.to_batches()

    def _parsed(self, lines: Mapping[int, bytes], wanted: pa.Schema) -> pa.Table:
        """Raises `Fault`."""
        for number, line in lines.items():
            if not line.startswith(b"{"):  # Arrow crashes on a bare `null`
                shown = line[:60].decode(errors="replace")
                raise Fault(f"has no JSON object in line {number:,} but {shown}", what="no object")
        try:
            table = parse(b"\n".join(lines.values()) + b"\n", wanted, flatten=self.flatten)
        except pa.ArrowException as error:
            raise self._fault(lines, wanted, error) from error
        if table.num_rows != len(lines):
            raise self._fault(lines, wanted, f"{table.num_rows} objects in {len(lines)} lines")
        return table

    def _sparing(self, file: RawFile, lines: dict[int, bytes], wanted: pa.Schema) -> Iterator[pa.Table]:
        """Without the lines that do not parse: in groups, and one by one where a group fails."""
        numbers = list(lines)
        for at in range(0, len(numbers), _TOGETHER):
            some = {number: lines[number] for number in numbers[at : at + _TOGETHER]}
            try:
                yield self._parsed(some, wanted)
            except Fault:
                for number, line in some.items():
                    try:
                        yield self._parsed({number: line}, wanted)
                    except Fault as fault:
                        file.leave_out(fault, number, self._value(line, fault))

    def _names_any(self, file: RawFile, lines: Mapping[int, bytes], table: pa.Table) -> bool:
        if any(column.null_count < len(column) for column in table.columns):
            return True
        named: set[str] = set()
        for number, line in lines.items():
            with contextlib.suppress(Fault):  # it was left out
                named |= self._names(_loaded(number, line))
        if named & set(table.schema.names):
            return True
        raise file.bad(
            f"is a different table: its objects name {', '.join(sorted(named)[:8]) or 'nothing'}, and none "
            f"of the declared columns ({', '.join(table.schema.names[:8])})"
        )

    def _fault(self, lines: Mapping[int, bytes], wanted: pa.Schema, error: pa.ArrowException | str) -> Fault:
        """Arrow names no line, and not always a column: both are looked for."""
        numbers = list(lines)
        first, last = 0, len(numbers) - 1  # bisection: the first line up to which they do not read
        while first < last:
            middle = (first + last) // 2
            if self._reads([lines[number] for number in numbers[first : middle + 1]], wanted):
                first = middle + 1
            else:
                last = middle
        number = numbers[first]
        line = lines[number]
        try:
            value = _loaded(number, line)
        except Fault as fault:
            return fault
        for field in wanted:
            there, found = self._field(value, field.name)
            if there and not self._reads([line], pa.schema([field])):
                shown = json.dumps(found)[:100]
                message = (
                    f"has no {field.type} in line {number:,}, column {field.name}: {shown} "
                    f"({str(error)[:200]})"
                )
                return Fault(message, column=field.name, what=f"no {field.type}")
        message = f"does not fit the declared columns in line {number:,}: {str(error)[:200]}"
        return Fault(message, what=str(error)[:200])

    def _reads(self, lines: list[bytes], wanted: pa.Schema) -> bool:
        try:
            found = parse(b"\n".join(lines) + b"\n", wanted, flatten=self.flatten)
            return bool(found.num_rows == len(lines))
        except pa.ArrowException:
            return False

    def _field(self, value: Mapping[str, object], name: str) -> tuple[bool, object]:
        if self.flatten:
            return at_path(value, name)
        return name in value, value.get(name)

    def _names(self, value: Mapping[str, object]) -> set[str]:
        return {name for name, _ in flat_fields(value)} if self.flatten else set(value)

    def _value(self, line: bytes, fault: Fault) -> str:
        """What is at fault: a field's value, or the line."""
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            if fault.column:
                there, found = self._field(json.loads(line), fault.column)
                if there:
                    return json.dumps(found)
        return line.decode(errors="replace")


def _lines(block: Block) -> dict[int, bytes]:
    """By number, the lines that are not blank."""
    numbered = enumerate(block.data[:-1].split(b"\n"), start=block.line)
    return {number: stripped for number, line in numbered if (stripped := line.strip())}


def parse(data: bytes, wanted: pa.Schema, *, flatten: bool = False) -> pa.Table:
    """The objects in lines of `data` as columns, each of which may be null.

    Args:
        flatten: as of `JsonLines`.

    Raises `pa.ArrowException` for what is no object, or of another type than wanted.
    """
    import pyarrow.json as arrow_json

    read = _as_read(wanted)
    table = arrow_json.read_json(
        pa.BufferReader(data),
        read_options=arrow_json.ReadOptions(block_size=len(data), use_threads=False),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=nested(read) if flatten else read, unexpected_field_behavior="ignore"
        ),
    )
    return (flat_columns(table, wanted.names) if flatten else table.select(wanted.names)).cast(wanted)


def _as_read(schema: pa.Schema) -> pa.Schema:
    """JSON has no dates: they are read as text, and cast."""
    return pa.schema(
        [pa.field(field.name, pa.string()) if pa.types.is_date(field.type) else field for field in schema]
    )


def _loaded(number: int, line: bytes) -> dict[str, object]:
    """Raises `Fault`."""
    try:
        value: dict[str, object] = json.loads(line)
    except (ValueError, RecursionError) as error:
        why = str(error)[:200]
        raise Fault(f"has no JSON object in line {number:,}: {why}", what=f"no JSON object: {why}") from error
    return value
