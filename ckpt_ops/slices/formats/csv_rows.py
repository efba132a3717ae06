"""Which lines of a block of CSV are which row: for messages, and to take rows apart."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from ckpt_ops.slices.formats.lines import Block
from ckpt_ops.slices.formats.raw import Fault

if TYPE_CHECKING:
    from _csv import Reader


@dataclass(frozen=True, kw_only=True)
class CsvRows:
    """Rows by their delimiter and quote.

    Attributes:
        several_lines: a row may span several, where a value in quotes holds line ends.
    """

    delimiter: str
    quote: str
    several_lines: bool

    def reader(self, block: Block) -> Reader:
        """Python's own reader of its text: it counts lines, where Arrow counts rows only."""
        text = io.StringIO(block.data.decode(), newline="")
        return csv.reader(text, delimiter=self.delimiter, quotechar=self.quote)

    def lines_of(self, block: Block) -> Iterator[tuple[int, int]]:
        """Where each row begins, and how many lines it spans."""
        reader, line = self.reader(block), 0
        for values in reader:
            if values:
                yield block.line + line, reader.line_num - line
            line = reader.line_num

    def line(self, block: Block, row: int) -> str:
        """Where the row of that number, from 1, begins."""
        line = block.line
        try:
            for at, (line, _) in enumerate(self.lines_of(block), start=1):
                if at == row:
                    return f"line {line:,}"
        except csv.Error:  # stricter than Arrow about what it reads
            pass
        return f"a line from {line:,} on"

    def check_line_ends(self, block: Block, table: pa.Table) -> None:
        """A row is a line: where it is not, a quote swallowed what came after it. Raises `Fault`."""
        lines = block.data.count(b"\n")
        if table.num_rows != lines and len(table.columns) > 1:
            lines = sum(1 for line in block.data.split(b"\n")[:-1] if line.strip(b"\r"))
        if table.num_rows == lines and not _ends_open(table):
            return
        found = block.line
        with contextlib.suppress(csv.Error):  # a value of more than 128 KiB
            for begins, many in self.lines_of(block):
                found = begins
                if many > 1:
                    break
        raise Fault(
            f"has {lines:,} lines from line {block.line:,} on, but {table.num_rows:,} rows: a value with a "
            f"line end, from line {found:,} on, or a quote that is not closed; if it is intended, give "
            "the source format=Csv(newlines_in_values=True)",
            what="a quote that is not closed, or a value with a line end",
        )

    def spans(self, block: Block, columns: int) -> list[Block] | None:
        """Each row by itself; None when its end cannot be told."""
        lines = [line + b"\n" for line in block.data.removesuffix(b"\n").split(b"\n")]
        if not self.several_lines:
            return [
                Block(line=at, data=line)
                for at, line in enumerate(lines, start=block.line)
                if line.strip(b"\r\n") or columns == 1
            ]
        try:
            found = [(at - block.line, many) for at, many in self.lines_of(block)]
        except csv.Error:  # a value of more than 128 KiB
            return None
        return [Block(line=block.line + at, data=b"".join(lines[at : at + many])) for at, many in found]

    def value(self, row: Block, fault: Fault, names: list[str]) -> str:
        """The cell that is at fault, or the line."""
        text = row.data.decode().rstrip("\r\n")
        with contextlib.suppress(csv.Error, StopIteration, IndexError, ValueError):
            if fault.column:
                return str(next(self.reader(row))[names.index(fault.column)]).rstrip("\r\n")
        return text


def _ends_open(table: pa.Table) -> bool:
    """Whether a value of the last row goes on to the end of the text."""
    if not table.num_rows:
        return False
    last = [column[-1].as_py() for column in table.columns if not pa.types.is_primitive(column.type)]
    return any(isinstance(value, str) and value.endswith("\n") for value in last)
