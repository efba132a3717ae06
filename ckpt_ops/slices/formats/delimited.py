"""CSV: text in columns, read as the declared types."""

from __future__ import annotations

import csv
import functools
import itertools
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, fields

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.formats.cells import BadCell, Cells
from ckpt_ops.slices.formats.csv_rows import CsvRows
from ckpt_ops.slices.formats.lines import Block, blocks
from ckpt_ops.slices.formats.raw import Fault, RawFile

_TOGETHER = 64
_END = "\0end"
_LATER = {
    "decimal", "thousands", "date_formats", "zone", "null_values_of", "leading_zeros", "trailing_delimiter"
}  # fmt: skip
_DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
_CELL = re.compile(r"In CSV column #(\d+): Row #(\d+): CSV conversion error to (.*?): (.*)", re.DOTALL)
_ROW = re.compile(r"CSV parse error: Row #(\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Csv:
    """Reads CSV. A row may be up to 4 MiB.

    A declared column is read as its declared type, and one that is absent stays absent. A column that
    is not declared comes as text. A row that does not parse as its types is left out, or the file is
    refused, as the reader asks; the message names line, column and value. A blank line is no row, unless
    there is one column: then it is a null.

    Memory: a block of 1 MiB, or a row, as text and as columns; some 40 MiB in all, whatever the file's size.

    Attributes:
        delimiter: one character.
        quote: around values that hold the delimiter; twice within one stands for itself.
        encoding: of the file, by Python's name for it.
        header: the first line names the columns. If not, they are the declared ones, in order.
        null_values: what stands for no value; in text columns too.
        quoted_nulls: these count in quotes too. If not, "" is an empty text, and "NA" is a text.
        timestamp_formats: strptime forms to try before ISO 8601.
        newlines_in_values: quoted values may hold line ends. If not, one is refused: it is most often a
            quote that is not closed, which would swallow the rows after it.
        decimal: '.' or ','.
        thousands: one character that separates thousands, such as '.', "'" or a space; "": none does.
        date_formats: strptime forms of dates to try before ISO 8601, such as '%d.%m.%Y'.
        zone: of times without an offset, where the declared type has a zone, such as 'Europe/Berlin'. "":
            such a time is refused.
        null_values_of: (column, what stands for no value there), for columns that differ from
            `null_values`: `(("country", ("",)),)` lets NA be Namibia.
        leading_zeros: whole numbers may begin with 0. If not, 01234 is taken for a code, and refused where
            a number is declared, rather than read as 1,234.
        trailing_delimiter: each row ends with a delimiter, with nothing behind it.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    null_values: tuple[str, ...] = ("", "NA", "NULL", "null")
    quoted_nulls: bool = False
    timestamp_formats: tuple[str, ...] = ()
    newlines_in_values: bool = False
    decimal: str = "."
    thousands: str = ""
    date_formats: tuple[str, ...] = ()
    zone: str = ""
    null_values_of: tuple[tuple[str, tuple[str, ...]], ...] = ()
    leading_zeros: bool = True
    trailing_delimiter: bool = False

    def __repr__(self) -> str:
        """Receipts are found by it: settings that came later appear only where they are not the default."""
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if each.name not in _LATER or getattr(self, each.name) != each.default
        ]
        return f"Csv({', '.join(shown)})"

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if len(value) != 1 or not value.isascii() or value in "\r\n":
                raise BadInput(f"Csv.{name}", value, "one ASCII character, no line end")
        if self.delimiter == self.quote:
            raise BadInput(
                "Csv.delimiter", self.delimiter, f"a character other than Csv.quote={self.quote!r}"
            )
        if self.decimal not in (".", ","):
            raise BadInput("Csv.decimal", self.decimal, "'.' or ','")
        if self.thousands and (len(self.thousands) != 1 or self.thousands in f"0123456789+-{self.decimal}"):
            raise BadInput(
                "Csv.thousands",
                self.thousands,
                f"one character, no digit or sign, not decimal={self.decimal!r}",
            )
        if self.zone and self.zone not in zoneinfo.available_timezones():
            raise BadInput("Csv.zone", self.zone, "an IANA name such as 'Europe/Berlin', or ''")
        for name in ("null_values", "timestamp_formats", "date_formats"):
            if isinstance(getattr(self, name), str):
                raise BadInput(f"Csv.{name}", getattr(self, name), "a tuple of texts, such as ('%d.%m.%Y',)")
        for pair in self.null_values_of:
            if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], tuple)):
                raise BadInput(
                    "Csv.null_values_of", pair, "(column, (text, ...)), such as ('country', ('',))"
                )
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise BadInput("Csv.encoding", self.encoding, "a name Python knows, such as 'cp1252'") from error

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        with file.stream() as stream:
            quote = self.quote if self.newlines_in_values else None
            whole = blocks(file, stream, encoding=self.encoding, quote=quote)
            first = next(whole, None)
            if first is None:
                raise file.bad("is empty: 0 bytes of text")
            names = declared.names
            if self.header:
                names, first = self._header(file, first, declared)
            self._check_nulls_of(names, declared)
            schema = pa.schema(
                [
                    (name, declared.field(name).type if name in declared.names else pa.string())
                    for name in names
                ]
            )
            yield pa.RecordBatch.from_pylist([], schema=schema)
            for block in itertools.chain([first], whole):
                if block.data.strip(b"\r\n") or len(names) == 1:
                    yield from self._rows(file, block, schema)

    def _rows(self, file: RawFile, block: Block, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._parsed(block, schema)
        except Fault as fault:
            if file.unread is None or (spans := self.rows.spans(block, len(schema))) is None:
                raise file.bad(fault.message) from fault
            yield from self._sparing(file, spans, schema)

    def _sparing(self, file: RawFile, rows: list[Block], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Without the rows that do not parse: in groups, and one by one where a group fails."""
        for at in range(0, len(rows), _TOGETHER):
            some = rows[at : at + _TOGETHER]
            try:
                yield from self._parsed(
                    Block(line=some[0].line, data=b"".join(row.data for row in some)), schema
                )
            except Fault:
                for row in some:
                    try:
                        yield from self._parsed(row, schema)
                    except Fault as fault:
                        file.leave_out(fault, row.line, self.rows.value(row, fault, schema.names))

    def _parsed(self, block: Block, schema: pa.Schema) -> list[pa.RecordBatch]:
        """Raises `Fault`."""
        if not block.data:
            return []
        read = {field.name: pa.string() if self.cells.reads(field.type) else field.type for field in schema}
        names = [*schema.names, *([_END] if self.trailing_delimiter else [])]
        apart = {name: nulls for name, nulls in self.null_values_of if name in schema.names}
        groups = [([name for name in names if name not in apart], self.null_values)]
        groups += [([name], nulls) for name, nulls in apart.items()]
        columns: dict[str, pa.ChunkedArray] = {}
        for wanted, nulls in groups:
            if wanted:
                part = self._columns(
                    block, names, {name: read.get(name, pa.string()) for name in wanted}, nulls
                )
                columns |= dict(zip(wanted, part.columns, strict=True))
        self._check_ends(block, columns.pop(_END, None))
        for field in schema:
            if self.cells.reads(field.type):
                columns[field.name] = self._own(block, columns[field.name], field)
        table = pa.table([columns[name] for name in schema.names], schema=schema)
        if not self.newlines_in_values:
            self.rows.check_line_ends(block, table)
        found: list[pa.RecordBatch] = table.to_batches()
        return found

    def _columns(
        self, block: Block, names: list[str], wanted: dict[str, pa.DataType], nulls: tuple[str, ...]
    ) -> pa.Table:
        import pyarrow.csv as arrow_csv

        try:
            return arrow_csv.read_csv(
                pa.BufferReader(block.data),
                read_options=arrow_csv.ReadOptions(
                    block_size=len(block.data), use_threads=False, column_names=names
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char=self.quote,
                    newlines_in_values=True,  # so that one is found, and not taken for a row's end
                    ignore_empty_lines=len(names) > 1,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=wanted,
                    include_columns=list(wanted),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=self.quoted_nulls,
                    null_values=list(nulls),
                    decimal_point=self.decimal,
                    timestamp_parsers=[*self.timestamp_formats, arrow_csv.ISO8601],
                ),
            )
        except pa.ArrowNotImplementedError as error:
            raise BadInput("schema", str(wanted), f"types that a CSV cell can have: {error}") from error
        except pa.ArrowException as error:
            raise self._fault(block, str(error), names) from error

    def _check_nulls_of(self, names: list[str], declared: pa.Schema) -> None:
        known = [*declared.names, *names]
        for name, _ in self.null_values_of:
            if name not in known:
                raise BadInput("Csv.null_values_of", name, f"a column: {', '.join(declared.names)}")

    @functools.cached_property
    def cells(self) -> Cells:
        """How its cells are written."""
        return Cells(
            decimal=self.decimal,
            thousands=self.thousands,
            leading_zeros=self.leading_zeros,
            date_formats=self.date_formats,
            timestamp_formats=self.timestamp_formats,
            zone=self.zone,
        )

    @functools.cached_property
    def rows(self) -> CsvRows:
        """How its rows stand in lines."""
        return CsvRows(delimiter=self.delimiter, quote=self.quote, several_lines=self.newlines_in_values)

    def _own(self, block: Block, column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
        try:
            return self.cells.values(column, field.type)
        except BadCell as error:
            where = self.rows.line(block, error.row + 1)
            message = (
                f"has no {field.type} in {where}, column {field.name}: invalid value {error.value[:200]!r}"
            )
            raise Fault(message, column=field.name, what=f"no {field.type}") from error

    def _check_ends(self, block: Block, ends: pa.ChunkedArray | None) -> None:
        """Nothing may follow the last delimiter of a row."""
        for row, end in enumerate(ends if ends is not None and ends.null_count < len(ends) else ()):
            if end.as_py():
                where = self.rows.line(block, row + 1)
                raise Fault(
                    f"has something behind the last delimiter in {where}: {end.as_py()[:200]!r}",
                    what="something behind the last delimiter",
                )

    def _header(self, file: RawFile, block: Block, declared: pa.Schema) -> tuple[list[str], Block]:
        """The columns' names, and what of the block is behind them."""
        reader = self.rows.reader(block)
        try:
            names: list[str] = next(reader, [])
        except csv.Error as error:
            raise file.bad(f"has no header in its first line: {error}") from error
        if not names:
            raise file.bad("has an empty first line, where a header was expected")
        if self.trailing_delimiter and not names[-1]:
            names = names[:-1]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise file.bad(f"has several columns of the same name: {', '.join(twice)}")
        if len(names) == 1 and names[0] not in declared.names:
            for other, name in _DELIMITERS.items():
                columns = next(csv.reader(names, delimiter=other, quotechar=self.quote))
                if other != self.delimiter and set(columns) & set(declared.names):
                    raise file.bad(
                        f"is not delimited by {self.delimiter!r}: that makes its header one column, and "
                        f"{name} makes it {len(columns)}; give the source format=Csv(delimiter={other!r})"
                    )
        rest = block.data.split(b"\n", reader.line_num)[-1]
        if b"\r" in block.data[: len(block.data) - len(rest)].replace(b"\r\n", b""):
            raise file.bad("has lines that end in \\r alone; write them with \\n or \\r\\n")
        return names, Block(line=block.line + reader.line_num, data=rest)

    def _fault(self, block: Block, error: str, names: list[str]) -> Fault:
        if cell := _CELL.match(error):
            column, row, kind, what = cell.groups()
            hint = "; if values in quotes may be null, format=Csv(quoted_nulls=True)" if "''" in what else ""
            name = names[int(column)]
            message = f"has no {kind} in {self.rows.line(block, int(row))}, column {name}: {what[:200]}{hint}"
            return Fault(message, column=name, what=f"no {kind}")
        if wrong := _ROW.match(error):
            row, what = wrong.groups()
            message = f"is not CSV of {len(names)} columns in {self.rows.line(block, int(row))}: {what[:200]}"
            if what.startswith(f"Expected {len(names)} columns, got {len(names) + 1}:") and what.endswith(
                self.delimiter
            ):
                message += "; if each row ends with a delimiter, format=Csv(trailing_delimiter=True)"
            return Fault(message, what=what.partition(":")[0])
        return Fault(
            f"is not CSV of {len(names)} columns after line {block.line:,}: {error[:200]}", what=error[:200]
        )
