"""What a model trains on and is evaluated by: inputs, labels, weights, segments and groups, row by row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lists import ListColumn, joined_lists
from ckpt_ops.outputs import each, lengths
from ckpt_ops.training.columns import (
    Array,
    Column,
    check_rows,
    group_column,
    input_columns,
    label_columns,
    weight_column,
)
from ckpt_ops.training.label_positions import positions_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Rows as the model takes them. A pipeline's `examples(table)` makes it of a slice's Arrow table.

    Attributes:
        inputs: by input name, arrays of shape (rows, ...), as `model(inputs)` takes them; of lists of unequal
            length, such as an Arrow column of lists, a `ListColumn`: each batch of it is padded.
        labels: shape (rows,) or (rows, 1); finite numbers. With k classes, the class's index from 0. With k
            labels of each row, of which any number may hold, (rows, k). A label for each position of a row,
            or k, as lists: (rows,) arrays of shape (length,) or (length, k). For a model of several outputs,
            a mapping of the output's name to such an array; `labels[name]` gives it back.
        segments: by column, shape (rows,): what gates may look at segment by segment. Not a model input.
        weights: shape (rows,), float32, finite and at least 0: how much a row counts in the loss. Evaluating
            counts each row once. None: all count the same.
        groups: shape (rows,), text or integers: which query a row belongs to, for metrics of ranking. Not a
            model input.
        missing: names of the inputs in which NaN stands for a missing value that the model handles. Elsewhere
            a number that is not finite is refused.
        label_lengths: by output ("" the only one), the length to which lists of labels are padded that are
            not those of an input's positions. Filled in: `Lists(..., length=)` sets it.

    Raises:
        ModelCodeError: a column is not of this kind; the message names it.
    """

    inputs: Mapping[str, Column]
    labels: Any
    segments: Mapping[str, Array] = field(default_factory=dict)
    weights: Array | None = None
    groups: Array | None = None
    missing: Collection[str] = ()
    label_lengths: Mapping[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        fixed = dict(self.label_lengths)
        labels = label_columns(self.labels, fixed)
        rows, missing = len(labels), frozenset(self.missing)
        check_rows("segments", self.segments, rows)
        inputs = input_columns(self.inputs, rows=rows, missing=missing)
        positions_of(labels, inputs, fixed)
        checked = {
            "inputs": inputs,
            "labels": labels,
            "label_lengths": fixed,
            "weights": None if self.weights is None else weight_column(self.weights, rows),
            "groups": None if self.groups is None else group_column(self.groups, rows),
            "missing": missing,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def positions(self) -> dict[str, npt.NDArray[np.int64]]:
        """By output with labels for each position, how many positions each row has, (rows,)."""
        return lengths(self.labels)

    @property
    def follows(self) -> dict[str, str]:
        """By output with labels for each position, the input whose positions these are, or ""."""
        return positions_of(self.labels, self.inputs, self.label_lengths)

    def take(self, rows: npt.NDArray[Any] | slice) -> Examples:
        """The rows that an index or boolean array of shape (n,) names: a copy. Those of a slice: a view."""
        return Examples(
            inputs={name: column[rows] for name, column in self.inputs.items()},
            labels=self.labels[rows],
            segments={name: column[rows] for name, column in self.segments.items()},
            weights=None if self.weights is None else self.weights[rows],
            groups=None if self.groups is None else self.groups[rows],
            missing=self.missing,
            label_lengths=self.label_lengths,
        )


class Collected:
    """Puts parts together, one after the other, in the memory of the whole and of one part.

    Args:
        expected: about how many rows there will be; more are copied once. Memory is taken as it fills.
    """

    def __init__(self, expected: int) -> None:
        self.rows = 0
        self._expected = expected
        self._columns: dict[tuple[str, str], Array] = {}
        self._lists: dict[tuple[str, str], list[ListColumn]] = {}
        self._missing: frozenset[str] = frozenset()
        self._label_lengths: dict[str, int] = {}

    def add(self, part: Examples) -> None:
        """Append a part. Raises `ModelCodeError` when its columns are not those of the parts before."""
        columns = _columns(part)
        seen = [*self._columns, *self._lists]
        if seen and columns.keys() != set(seen):
            raise ModelCodeError(
                f"examples() returned columns {_names(columns)} for some rows and {_names(seen)} for others",
                safe="nothing was trained",
                next="return the same inputs, segments, weights and groups whatever the rows are",
            )
        for name, column in columns.items():
            if isinstance(column, ListColumn) or name in self._lists:
                self._add_lists(name, column)
            else:
                self._add_array(name, column, self.rows + part.rows)
        self.rows += part.rows
        self._missing |= frozenset(part.missing)
        self._label_lengths |= part.label_lengths

    def _add_lists(self, name: tuple[str, str], column: Column) -> None:
        parts = self._lists.setdefault(name, [])
        if not isinstance(column, ListColumn) or name in self._columns:
            if len(column) and self.rows:
                raise _shapes(name, "lists", "arrays")
            self._columns.pop(name, None)  # no row told that they would be lists
        if isinstance(column, ListColumn):
            for there in parts[:1] if len(column) else ():
                what = [(one.shape[1:], one.pad, one.dtype.kind == "O") for one in (column, there)]
                if what[0] != what[1] and there.lengths.any() and column.lengths.any():
                    raise _shapes(
                        name,
                        *(
                            f"lists of {one.dtype}, shape {one.shape[1:]}, padded with {one.pad!r}"
                            for one in (column, there)
                        ),
                    )
            parts.append(column)

    def _add_array(self, name: tuple[str, str], column: Array, stop: int) -> None:
        there = self._columns.get(name)
        if there is None:
            there = np.empty((max(self._expected, stop), *column.shape[1:]), column.dtype)
        if column.shape[1:] != there.shape[1:]:
            raise _shapes(name, f"shape {column.shape[1:]} a row", f"{there.shape[1:]}")
        wanted = np.result_type(there.dtype, column.dtype)  # text of another width, integers then floats
        if there.dtype != wanted or len(there) < stop:
            grown = np.empty((max(len(there), stop), *there.shape[1:]), wanted)
            grown[: self.rows] = there[: self.rows]
            there = grown
        self._columns[name] = there
        there[self.rows : stop] = column

    def examples(self) -> Examples:
        """All rows so far. There must be a part, even one without rows."""
        arrays = {name: column[: self.rows] for name, column in self._columns.items()}
        lists = {name: joined_lists(parts) for name, parts in self._lists.items()}
        columns: dict[tuple[str, str], Column] = {**arrays, **lists}
        return Examples(
            inputs={name: column for (kind, name), column in columns.items() if kind == "inputs"},
            labels=_labels(arrays),
            segments={name: column for (kind, name), column in arrays.items() if kind == "segments"},
            weights=arrays.get(("weights", "")),
            groups=arrays.get(("groups", "")),
            missing=self._missing,
            label_lengths=self._label_lengths,
        )


def _shapes(name: tuple[str, str], some: str, others: str) -> ModelCodeError:
    return ModelCodeError(
        f"examples() returned {' '.join(filter(None, name))} of {some} for some rows and {others} for others",
        safe="nothing was trained",
        next="give a row the same shape whichever rows come with it",
    )


def _columns(part: Examples) -> dict[tuple[str, str], Any]:
    return {
        **{("inputs", name): column for name, column in part.inputs.items()},
        **{("labels", name): column for name, column in each(part.labels).items()},
        **{("segments", name): column for name, column in part.segments.items()},
        **({} if part.weights is None else {("weights", ""): part.weights}),
        **({} if part.groups is None else {("groups", ""): part.groups}),
    }


def _labels(columns: Mapping[tuple[str, str], Array]) -> Any:
    found = {name: column for (kind, name), column in columns.items() if kind == "labels"}
    return found.get("", found)


def _names(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(
        f"{kind}[{name!r}]" if name else kind for kind, name in columns if name or kind != "labels"
    )
