"""Examples that come in parts, one after the other, put together in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lists import ListColumn
from ckpt_ops.outputs import each, together
from ckpt_ops.scratch import Spool, check_room
from ckpt_ops.texts import TextColumn, text_column
from ckpt_ops.training.columns import Array
from ckpt_ops.training.examples import Examples, checked

_KNOWN, _KNOWN_BYTES = 1 << 16, 16 << 20
_EXTENDED = 1 << 18
_BLOCK = 1 << 16
_LARGE = 64 << 20

Name = tuple[str, str]


class _Rows(Protocol):
    """The rows of one column so far."""

    @property
    def bytes(self) -> int: ...

    def add(self, column: Any) -> None: ...

    def column(self) -> Any: ...


class Collected:
    """Puts parts together: text as codes, and columns that are large in files of the scratch folder.

    Args:
        expected: about how many rows there will be: what will not fit is refused at the first large part.
    """

    def __init__(self, expected: int) -> None:
        self.rows = 0
        self._expected = expected
        self._checked = False
        self._columns: dict[Name, _Rows] = {}
        self._missing: frozenset[str] = frozenset()
        self._label_lengths: dict[str, int] = {}

    def add(self, part: Examples) -> None:
        """Append a part.

        Raises:
            ModelCodeError: its columns are not those of the parts before.
            ScratchFull: there is no room for them.
        """
        columns = _columns(part)
        seen = self._columns
        if seen and columns.keys() != seen.keys():
            raise ModelCodeError(
                f"examples() returned columns {_names(columns)} for some rows and {_names(seen)} for others",
                safe="nothing was trained",
                next="return the same inputs, segments, weights and groups whatever the rows are",
            )
        for name, column in columns.items():
            there = self._columns.get(name)
            if there is None or len(column):  # rows that are none have no say in what a column is
                before = there if self.rows else None
                self._columns[name] = _added(name, before, _taken(name, column))
        self.rows += part.rows
        self._missing |= frozenset(part.missing)
        self._label_lengths |= part.label_lengths
        self._check_room()

    def extend(self, examples: Examples) -> None:
        """As `add`, of any number of rows: a block of them at a time."""
        for start in range(0, examples.rows, _EXTENDED):
            self.add(examples.take(slice(start, start + _EXTENDED)))

    def _check_room(self) -> None:
        so_far = self.bytes
        if self._checked or so_far < _LARGE:
            return
        self._checked = True
        left = max(0, self._expected - self.rows)
        check_room(so_far // self.rows * left, what=f"{left:,} more rows as examples() makes them")

    @property
    def bytes(self) -> int:
        """Of all columns so far."""
        return sum(one.bytes for one in self._columns.values())

    def examples(self) -> Examples:
        """All rows so far. There must be a part, even one without rows."""
        columns = {name: rows.column() for name, rows in self._columns.items()}
        return checked(
            inputs={name: column for (kind, name), column in columns.items() if kind == "inputs"},
            labels=_labels(columns),
            segments={name: column for (kind, name), column in columns.items() if kind == "segments"},
            weights=columns.get(("weights", "")),
            groups=columns.get(("groups", "")),
            missing=self._missing,
            label_lengths=self._label_lengths,
        )


def _taken(name: Name, column: Any) -> Any:
    """Text as codes; whatever else as it is."""
    if name[0] == "labels" or isinstance(column, ListColumn):
        return column
    text = text_column(column)
    return column if text is None else text


def _added(name: Name, there: _Rows | None, column: Any) -> _Rows:
    """The rows so far, and those of a part."""
    new = _rows_of(name, column)
    if there is None:
        there = new
    elif isinstance(there, _Lists) != isinstance(new, _Lists):
        kinds = ("lists", "arrays") if isinstance(new, _Lists) else ("arrays", "lists")
        raise _shapes(name, *kinds)
    elif type(there) is not type(new) and not isinstance(there, _Objects):
        before, there = there.column(), _Objects()  # segments: text in one part, not in the next
        there.add(np.asarray(before))
    there.add(column)
    return there


def _rows_of(name: Name, column: Any) -> _Rows:
    if isinstance(column, ListColumn):
        return _Lists(name)
    if isinstance(column, TextColumn):
        return _Texts(name)
    return _Objects() if np.asarray(column[:0]).dtype.kind == "O" else _Arrays(name)


class _Arrays:
    """Numbers, shape (rows, ...)."""

    def __init__(self, name: Name) -> None:
        self._name = name
        self._spool = Spool()
        self._dtype: np.dtype[Any] = np.dtype(np.float64)
        self._shape: tuple[int, ...] | None = None

    @property
    def bytes(self) -> int:
        return self._spool.bytes

    def add(self, column: Array) -> None:
        if self._shape is None:
            self._dtype, self._shape = column.dtype, column.shape[1:]
        if column.shape[1:] != self._shape:
            raise _shapes(self._name, f"shape {column.shape[1:]} a row", f"{self._shape}")
        wanted = np.result_type(self._dtype, column.dtype)  # integers, then floats
        if wanted != self._dtype:
            before, self._spool, self._dtype = self.column(), Spool(), wanted
            for start in range(0, len(before), _BLOCK):
                self._spool.add(before[start : start + _BLOCK].astype(wanted))
        self._spool.add(column.astype(wanted, copy=False))

    def column(self) -> Array:
        return self._spool.array(self._dtype, self._shape or ())


class _Values:
    """Values of text, or of bytes, in Arrow's own form."""

    def __init__(self) -> None:
        self._type = pa.large_string()
        self._ends, self._data = Spool(), Spool()
        self._ends.add(np.zeros(1, np.int64))
        self._end = 0

    @property
    def bytes(self) -> int:
        return self._ends.bytes + self._data.bytes

    def add(self, values: pa.Array) -> None:
        """Text, or bytes: where there are both, text becomes bytes."""
        self.take_kind_of(values)
        _, offsets, data = values.buffers()
        ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
        if data is not None:
            self._data.add(np.frombuffer(data, np.uint8)[ends[0] : ends[-1]])
        self._ends.add(ends[1:] - ends[0] + self._end)
        self._end += int(ends[-1] - ends[0])

    def take_kind_of(self, values: pa.Array) -> None:
        """All become bytes where one of `values` is, though it may be known as text already."""
        if values.type == pa.large_binary() and len(values):
            self._type = values.type

    def array(self) -> pa.Array:
        ends, data = self._ends.array(np.int64, ()), self._data.array(np.uint8, ())
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
        return pa.Array.from_buffers(self._type, len(ends) - 1, buffers)


class _Texts:
    """Text, shape (rows, ...). A value is looked for among those before while these are few."""

    def __init__(self, name: Name) -> None:
        self._codes, self._values = _Arrays(name), _Values()
        self._count = 0

    @property
    def bytes(self) -> int:
        return self._codes.bytes + self._values.bytes

    def add(self, new: TextColumn) -> None:
        if len(new.values) > new.codes.size:  # some rows of a larger column
            used, codes = np.unique(new.codes, return_inverse=True)
            new = TextColumn(
                codes=codes.reshape(new.codes.shape).astype(np.int32), values=new.values.take(pa.array(used))
            )
        values = new.values
        self._values.take_kind_of(values)  # of all: those that are known are not added again
        if 0 < self._count <= _KNOWN and self._values.bytes <= _KNOWN_BYTES:
            known, looked_for = self._values.array(), values
            if known.type != values.type:
                known, looked_for = (one.cast(pa.large_binary()) for one in (known, values))
            found = pc.index_in(looked_for, value_set=known)
            unknown = found.is_null().to_numpy(zero_copy_only=False)
            values = values.filter(pa.array(unknown))
            places = found.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
            places[unknown] = self._count + np.arange(len(values))
        else:
            places = self._count + np.arange(len(values))
        self._values.add(values)
        self._count += len(values)
        kind = np.int32 if self._count <= np.iinfo(np.int32).max else np.int64
        self._codes.add(places.astype(kind)[new.codes])

    def column(self) -> TextColumn:
        return TextColumn(codes=self._codes.column(), values=self._values.array())


class _Lists:
    """Lists of unequal length. Those without values have no say in what lists hold."""

    def __init__(self, name: Name) -> None:
        self._name = name
        self._lengths, self._starts, self._end = Spool(), Spool(), 0
        self._like: ListColumn | None = None
        self._values: _Rows | None = None
        self._length: int | None = None

    @property
    def bytes(self) -> int:
        held = self._values.bytes if self._values is not None else 0
        return held + self._lengths.bytes + self._starts.bytes

    def add(self, column: ListColumn) -> None:
        if self._like is None:
            self._like, self._length = column, column.length
        if column.lengths.any():
            if self._values is None:
                self._like = column
            like = self._like
            ours = [(one.shape[1:], one.pad, _holds_text(one)) for one in (column, like)]
            if ours[0] != ours[1]:
                raise _shapes(
                    self._name,
                    *(
                        f"lists of {one.dtype}, shape {one.shape[1:]}, padded with {one.pad!r}"
                        for one in (column, like)
                    ),
                )
            self._values = _added(self._name, self._values, _taken(self._name, column.flat()))
        ends = self._end + np.cumsum(column.lengths)
        self._lengths.add(column.lengths)
        self._starts.add(ends - column.lengths)
        self._end = int(ends[-1]) if len(ends) else self._end

    def column(self) -> ListColumn:
        like = self._like
        if like is None:
            raise RuntimeError("no part was added")
        return ListColumn(
            values=like.values[:0] if self._values is None else self._values.column(),
            starts=self._starts.array(np.int64, ()),
            lengths=self._lengths.array(np.int64, ()),
            pad=like.pad,
            length=self._length,
        )


def _holds_text(column: ListColumn) -> bool:
    return column.dtype.kind in "OSU"


class _Objects:
    """Labels of positions, and segments that are not all text: in memory."""

    def __init__(self) -> None:
        self._parts: list[Array] = []
        self.bytes = 0

    def add(self, column: Array) -> None:
        self._parts.append(np.asarray(column, object))
        self.bytes += self._parts[-1].nbytes

    def column(self) -> Array:
        return np.concatenate(self._parts)


def _shapes(name: Name, some: str, others: str) -> ModelCodeError:
    return ModelCodeError(
        f"examples() returned {' '.join(filter(None, name))} of {some} for some rows and {others} for others",
        safe="nothing was trained",
        next="give a row the same shape whichever rows come with it",
    )


def _columns(part: Examples) -> dict[Name, Any]:
    return {
        **{("inputs", name): column for name, column in part.inputs.items()},
        **{("labels", name): column for name, column in each(part.labels).items()},
        **{("segments", name): column for name, column in part.segments.items()},
        **({} if part.weights is None else {("weights", ""): part.weights}),
        **({} if part.groups is None else {("groups", ""): part.groups}),
    }


def _labels(columns: Mapping[Name, Any]) -> Any:
    found = {name: column for (kind, name), column in columns.items() if kind == "labels"}
    if "" in found:
        return found[""]
    if any(column.dtype.kind == "O" for column in found.values()):
        return together(found)
    joined = Spool()
    for start in range(0, max(1, len(next(iter(found.values())))), _BLOCK):
        part = together({name: column[start : start + _BLOCK] for name, column in found.items()})
        joined.add(part)
    return joined.array(part.dtype, ())


def _names(columns: Iterable[Name]) -> str:
    return ", ".join(
        f"{kind}[{name!r}]" if name else kind for kind, name in columns if name or kind != "labels"
    )
