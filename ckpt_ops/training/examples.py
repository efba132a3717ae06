"""What a model trains on and is evaluated by: inputs, labels, weights, segments and groups, row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.outputs import lengths
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
        return checked(
            inputs={name: column[rows] for name, column in self.inputs.items()},
            labels=self.labels[rows],
            segments={name: column[rows] for name, column in self.segments.items()},
            weights=None if self.weights is None else self.weights[rows],
            groups=None if self.groups is None else self.groups[rows],
            missing=self.missing,
            label_lengths=self.label_lengths,
        )


def checked(**columns: Any) -> Examples:
    """Examples of rows that were checked in others: large columns are not gone through again."""
    found = object.__new__(Examples)
    for name, value in columns.items():
        object.__setattr__(found, name, value)
    return found
