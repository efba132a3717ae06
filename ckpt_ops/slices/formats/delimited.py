"""CSV: text in columns, read as the declared types."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ckpt_ops.errors import BadInput, CkptOpsError, SliceUnreadable
from ckpt_ops.slices.formats.lines import BLOCK, MAX_LINE, Lines
from ckpt_ops.slices.formats.raw import RawFile

_DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
_CELL = re.compile(r"In CSV column #(\d+): Row #(\d+): CSV conversion error to ([^:]+): (.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Csv:
    """Reads CSV with a header line. Memory is bounded by a block of 8 MiB; a line may have 4 MiB.

    A declared column is read as its declared type, and one that is absent stays absent. A column that
    is not declared comes as text. What does not parse as its type refuses the file: which row, which
    column, which value.

    Attributes:
        delimiter: one character.
        quote: around values that hold the delimiter.
        encoding: of the file, by Python's name for it.
        null_values: what stands for no value; text columns too.
        timestamp_formats: strptime forms to try before ISO 8601.
        newlines_in_values: quoted values may hold line ends; reading is slower.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("", "NA", "NULL", "null")
    timestamp_formats: tuple[str, ...] = ()
    newlines_in_values: bool = False

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if len(value) != 1:
                raise BadInput(f"Csv.{name}", value, "one character")
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise BadInput("Csv.encoding", self.encoding, "a name Python knows, such as 'cp1252'") from error

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        with file.stream() as stream:
            names = self._header(
                file, io.BufferedReader(Lines(file, stream, encoding=self.encoding)), declared
            )
        with file.stream() as stream:
            lines = Lines(file, stream, encoding=self.encoding)
            yield from self._read(file, pa.PythonFile(lines, mode="r"), names, declared)

    def _read(
        self, file: RawFile, source: pa.NativeFile, names: list[str], declared: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow.csv as arrow_csv

        types = {name: declared.field(name).type if name in declared.names else pa.string() for name in names}
        try:
            with arrow_csv.open_csv(
                source,
                read_options=arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char=self.quote,
                    newlines_in_values=self.newlines_in_values,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=types,
                    strings_can_be_null=True,
                    null_values=list(self.null_values),
                    timestamp_parsers=[*self.timestamp_formats, arrow_csv.ISO8601],
                ),
            ) as reader:
                yield pa.RecordBatch.from_pylist([], schema=reader.schema)
                yield from reader
        except CkptOpsError:
            raise
        except pa.ArrowException as error:
            raise self._refused(file, error, names) from error

    def _header(self, file: RawFile, lines: io.BufferedReader, declared: pa.Schema) -> list[str]:
        line = lines.readline(MAX_LINE).decode().removeprefix("\ufeff")
        names = next(csv.reader([line], delimiter=self.delimiter, quotechar=self.quote), [])
        if not names:
            raise file.bad("has an empty first line, where a header was expected")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise file.bad(f"has several columns of one name: {', '.join(twice)}")
        if len(names) == 1 and names[0] not in declared.names:
            for other, said in _DELIMITERS.items():
                columns = next(csv.reader([line], delimiter=other, quotechar=self.quote))
                if other != self.delimiter and set(columns) & set(declared.names):
                    raise file.bad(
                        f"is not delimited by {self.delimiter!r}: its header is one column, and "
                        f"{len(columns)} columns by {said}; give the source format=Csv(delimiter={other!r})"
                    )
        return names

    def _refused(self, file: RawFile, error: pa.ArrowException, names: list[str]) -> SliceUnreadable:
        said = str(error)
        cell = _CELL.match(said)
        if cell is not None:
            column, row, kind, what = cell.groups()
            return file.bad(f"has in row {row} of column {names[int(column)]} no {kind}: {what}")
        return file.bad(f"is no CSV of {len(names)} columns: {said}")
