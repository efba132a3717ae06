"""The heads of files: in which format and types they can be read, and their first rows as small files."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.column_types import common
from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.dialect import dialect_of
from ckpt_ops.scaffold.json_objects import columns_of_objects, has_objects, iter_lines, objects_of
from ckpt_ops.scaffold.type_code import column_code
from ckpt_ops.scaffold.types import time_of_text
from ckpt_ops.slices.formats import Csv, Format, JsonLines
from ckpt_ops.slices.formats.lines import end_of_rows
from ckpt_ops.slices.formats.raw import RawFile

_DELIMITERS = ",;\t|"
_LOOK_AT = 64 * 2**10
_AGREE = 0.9  # of the lines: a damaged one is for reading to find


def reading_of(
    slices: Sequence[Sequence[RawFile]],
    form: Format,
    encoding: str | None,
    most_rows: int,
    without: Collection[str] = (),
) -> tuple[Format, pa.Schema, tuple[str, ...]]:
    """How the files can be read: the format with its settings, columns that fit all of them, notes on both.

    Args:
        slices: their files.
        form: as the files' ending says.
        encoding: of CSV files; None: UTF-8.
        most_rows: that are looked at, of each slice.
        without: fields of JSON that are no columns.

    Raises:
        BadInput: no delimiter fits, there is no header, the encoding differs, or files do not go together.
        SliceUnreadable: a file is damaged.
    """
    if isinstance(form, Csv):
        form = replace(form, encoding=encoding or form.encoding)
        form = _laid_out(slices[0][0], form)
        found = dialect_of(form, _texts(form, slices, most_rows))
        return found.form, found.schema, found.notes
    files = [file for each in slices for file in each]
    if isinstance(form, JsonLines):
        objects = [objects_of(file, most_rows) for file in files]
        tables = columns_of_objects(objects, files[0].url.removesuffix(files[0].entry.name), without)
        schemas = [_objects_schema(rows, file.url) for rows, file in zip(tables, files, strict=True)]
        return replace(form, flatten=has_objects(objects)), _common(schemas, files), ()
    schema = _common([next(iter(form.batches(file, pa.schema([])))).schema for file in files], files)
    for field in schema:
        column_code(field.name, field.type)  # refuses what could not be written down
    return form, schema, ()


def head_of(file: RawFile, form: Format, rows: int) -> bytes:
    """The first rows as a file in the same format, zipped as it was; a text file's bytes are its own."""
    if isinstance(form, Csv | JsonLines):
        lines = rows + 1 if isinstance(form, Csv) else rows
        with file.stream() as stream:
            data = b"".join(iter_lines(stream, lines))
        if isinstance(form, Csv) and form.newlines_in_values:
            data = data[: end_of_rows(data, form.quote.encode())]
    else:
        sink = io.BytesIO()
        batches = list(_limited(form, file, rows))
        pq.write_table(pa.Table.from_batches(batches), sink, compression="zstd")
        data = sink.getvalue()
    return gzip.compress(data, mtime=0) if file.gzipped else data


def _limited(form: Format, file: RawFile, rows: int) -> Iterator[pa.RecordBatch]:
    left = rows
    for batch in form.batches(file, pa.schema([])):
        yield batch.slice(0, left)
        left -= min(left, batch.num_rows)
        if left == 0:
            return


def _texts(form: Csv, slices: Sequence[Sequence[RawFile]], most_rows: int) -> dict[str, pa.ChunkedArray]:
    """The text of each column of all files together."""
    form = replace(form, null_values=("",))
    columns: dict[str, list[pa.Array]] = defaultdict(list)
    for files in slices:
        left = most_rows
        for file in files:
            for batch in _limited(form, file, left):
                left -= batch.num_rows
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    columns[name].append(column)
            if left == 0:
                break
    return {name: pa.chunked_array(pieces, pa.string()) for name, pieces in columns.items()}


def _laid_out(file: RawFile, form: Csv) -> Csv:
    """With the delimiter that cuts most rows into as many cells as the header; of several, into the most."""
    with file.stream() as stream:
        data = stream.read(_LOOK_AT)
    text = _decoded(file, data, form.encoding)
    if len(data) == _LOOK_AT and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    if not text.strip():
        raise file.bad("is empty")
    found, header, most = form, next(csv.reader(io.StringIO(text, newline=""))), 1
    for delimiter in _DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row][:50]
        trailing = _ends_with_a_delimiter(rows)
        if trailing:
            rows = [[*rows[0][:-1]] if not rows[0][-1] else rows[0], *(row[:-1] for row in rows[1:])]
        widths = [len(row) for row in rows]
        if widths[0] > most and widths.count(widths[0]) >= _AGREE * len(widths):
            lines = any("\n" in cell for row in rows for cell in row)
            found = replace(form, delimiter=delimiter, trailing_delimiter=trailing, newlines_in_values=lines)
            header, most = rows[0], widths[0]
    _check_header(file, header)
    return found


def _ends_with_a_delimiter(rows: Sequence[Sequence[str]]) -> bool:
    """Nothing follows the last delimiter of nearly all rows, and no column is named there."""
    header, *rest = rows
    if len(header) < 2 or not rest:
        return False
    columns = len(header) - (not header[-1])
    ends = [row for row in rest if len(row) == columns + 1 and not row[-1]]
    return len(ends) >= _AGREE * len(rest)


def _decoded(file: RawFile, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, errors="strict")
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:  # a character that was cut in two
            return data[: error.start].decode(encoding)
        raise BadInput(
            "--encoding",
            encoding,
            f"the encoding of {file.url}: byte 0x{data[error.start]:02x} at {error.start:,} does not fit it",
            next="--encoding cp1252, or the encoding it was written in",
        ) from error
    except LookupError as error:
        raise BadInput("--encoding", encoding, "a name that Python knows, such as 'cp1252'") from error


def _check_header(file: RawFile, names: Sequence[str]) -> None:
    for name in names:
        if not name.strip() or name.replace(".", "", 1).replace("-", "").isdigit():
            raise BadInput(
                "--from",
                file.url,
                f"CSV whose first line names the columns; here it has {name!r}",
                next="write the files with a header line",
            )


def schema_of_objects(rows: Sequence[dict[str, Any]], where: str) -> pa.Schema:
    """Columns that hold every field of JSON objects; text where there is no value. Raises `BadInput`."""
    return _named(_objects_schema(rows, where))


def _objects_schema(rows: Sequence[dict[str, Any]], where: str) -> pa.Schema:
    fields = []
    for name in dict.fromkeys(itertools.chain.from_iterable(rows)):
        try:
            column = pa.array([row.get(name) for row in rows])
        except pa.ArrowException as error:
            raise BadInput(f"field {name!r}", where, f"values of one type in all lines ({error})") from error
        kind = column.type
        if pa.types.is_string(kind):
            kind = time_of_text(pa.chunked_array([column]))
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _common(schemas: Sequence[pa.Schema], files: Sequence[RawFile]) -> pa.Schema:
    """One column per name, in the widest of its types; text where there is no value."""
    fields: dict[str, pa.DataType] = {}
    for schema, file in zip(schemas, files, strict=True):
        for field in schema:
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            known = fields.get(field.name)
            fields[field.name] = kind if known is None else _wider(known, kind, field.name, file)
    return _named(pa.schema(list(fields.items())))


def _named(schema: pa.Schema) -> pa.Schema:
    return pa.schema([each.with_type(_with_values(each.type)) for each in schema])


def _with_values(kind: pa.DataType) -> pa.DataType:
    """Text in place of the type of nulls, also within lists and structs."""
    types = pa.types
    if types.is_null(kind):
        return pa.string()
    if types.is_struct(kind):
        return pa.struct([part.with_type(_with_values(part.type)) for part in kind])
    if types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_with_values(kind.value_type)))
    return kind


def _wider(one: pa.DataType, other: pa.DataType, name: str, file: RawFile) -> pa.DataType:
    found = one if one == other else common(one, other)
    if found is None:
        raise BadInput(
            f"column {name!r}", file.url, f"the same type in all files: {one} before, {other} here"
        )
    return found
