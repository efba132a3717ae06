"""What a model trains on and is evaluated by: inputs, labels, weights, segments and groups, row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.outputs import each
from ckpt_ops.training.columns import (
    Array,
    check_rows,
    group_column,
    input_columns,
    label_columns,
    weight_column,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Rows as the model takes them. A pipeline's `examples(table)` makes it of a slice's Arrow table.

    Attributes:
        inputs: by input name, arrays of shape (rows, ...), as `model(inputs)` takes them.
        labels: shape (rows,) or (rows, 1); finite numbers. With k classes, the class's index from 0. With k
            labels of each row, of which any number may hold, (rows, k). For a model of several outputs, a
            mapping of the output's name to such an array; `labels[name]` gives it back.
        segments: by column, shape (rows,): what gates may look at segment by segment. Not a model input.
        weights: shape (rows,), float32, finite and at least 0: how much a row counts in the loss. Evaluating
            counts each row once. None: all count the same.
        groups: shape (rows,), text or integers: which query a row belongs to, for metrics of ranking. Not a
            model input.
        missing: names of the inputs in which NaN stands for a missing value that the model handles. Elsewhere
            a number that is not finite is refused.

    Raises:
        ModelCodeError: a column is not of this kind; the message names it.
    """

    inputs: Mapping[str, Array]
    labels: Any
    segments: Mapping[str, Array] = field(default_factory=dict)
    weights: Array | None = None
    groups: Array | None = None
    missing: Collection[str] = ()

    def __post_init__(self) -> None:
        labels = label_columns(self.labels)
        rows, missing = len(labels), frozenset(self.missing)
        check_rows("segments", self.segments, rows)
        checked = {
            "inputs": input_columns(self.inputs, rows=rows, missing=missing),
            "labels": labels,
            "weights": None if self.weights is None else weight_column(self.weights, rows),
            "groups": None if self.groups is None else group_column(self.groups, rows),
            "missing": missing,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def rows(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[Any] | slice) -> Examples:
        """The rows that an index or boolean array of shape (n,) names: a copy. Those of a slice: a view."""
        return Examples(
            inputs={name: column[rows] for name, column in self.inputs.items()},
            labels=self.labels[rows],
            segments={name: column[rows] for name, column in self.segments.items()},
            weights=None if self.weights is None else self.weights[rows],
            groups=None if self.groups is None else self.groups[rows],
            missing=self.missing,
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
        self._missing: frozenset[str] = frozenset()

    def add(self, part: Examples) -> None:
        """Append a part. Raises `ModelCodeError` when its columns are not those of the parts before."""
        stop = self.rows + part.rows
        columns = _columns(part)
        if self._columns and columns.keys() != self._columns.keys():
            ours, theirs = (_names(one) for one in (self._columns, columns))
            raise ModelCodeError(
                f"examples() returned columns {theirs} for some rows and {ours} for others",
                safe="nothing was trained",
                next="return the same inputs, segments, weights and groups whatever the rows are",
            )
        for name, column in columns.items():
            there = self._columns.get(name)
            if there is None:
                there = np.empty((max(self._expected, stop), *column.shape[1:]), column.dtype)
            if column.shape[1:] != there.shape[1:]:
                raise ModelCodeError(
                    f"examples() returned {' '.join(filter(None, name))} of shape {column.shape[1:]} a row "
                    f"for some rows and {there.shape[1:]} for others",
                    safe="nothing was trained",
                    next="give a row the same shape whichever rows come with it",
                )
            wanted = np.result_type(there.dtype, column.dtype)  # text of another width, integers then floats
            if there.dtype != wanted or len(there) < stop:
                grown = np.empty((max(len(there), stop), *there.shape[1:]), wanted)
                grown[: self.rows] = there[: self.rows]
                there = grown
            self._columns[name] = there
            there[self.rows : stop] = column
        self.rows = stop
        self._missing |= frozenset(part.missing)

    def examples(self) -> Examples:
        """All rows so far. There must be a part, even one without rows."""
        columns = {name: column[: self.rows] for name, column in self._columns.items()}
        return Examples(
            inputs={name: column for (kind, name), column in columns.items() if kind == "inputs"},
            labels=_labels(columns),
            segments={name: column for (kind, name), column in columns.items() if kind == "segments"},
            weights=columns.get(("weights", "")),
            groups=columns.get(("groups", "")),
            missing=self._missing,
        )


def _columns(part: Examples) -> dict[tuple[str, str], Array]:
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


def _names(columns: Mapping[tuple[str, str], Array]) -> str:
    return ", ".join(
        f"{kind}[{name!r}]" if name else kind for kind, name in columns if name or kind != "labels"
    )
