"""What a model trains on and is judged by: inputs, labels, weights, segments and groups, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import ModelCodeError

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Rows as the model takes them. A pipeline's `examples(table)` makes it of a slice's Arrow table.

    Attributes:
        inputs: by input name, arrays of shape (rows, ...), as `model(inputs)` takes them.
        labels: shape (rows,) or (rows, 1); finite numbers. With k classes, the class's index from 0.
        segments: by column, shape (rows,): what gates may look at segment by segment. Not a model input.
        weights: shape (rows,), float32, finite and at least 0: how much a row counts in the loss. Judging
            counts each row once. None: all count the same.
        groups: shape (rows,), text or integers: which query a row belongs to, for metrics of ranking. Not a
            model input.
    """

    inputs: Mapping[str, Array]
    labels: Array
    segments: Mapping[str, Array] = field(default_factory=dict)
    weights: Array | None = None
    groups: Array | None = None

    def __post_init__(self) -> None:
        rows = len(self.labels)
        for kind, columns in (("inputs", self.inputs), ("segments", self.segments)):
            for name, column in columns.items():
                if len(column) != rows:
                    raise ModelCodeError(
                        f"examples(): {kind}[{name!r}] has {len(column)} rows, labels has {rows}",
                        safe="nothing was trained",
                        next="return columns of one length from examples()",
                    )
        if not self.inputs:
            raise ModelCodeError("examples(): inputs is empty", next="return at least one input column")
        if rows and not np.isfinite(np.asarray(self.labels, np.float64)).all():
            raise ModelCodeError(
                "examples(): labels has values that are not finite",
                safe="nothing was trained",
                next="drop rows without a label in examples()",
            )
        if self.weights is not None:
            object.__setattr__(self, "weights", _weights(self.weights, rows))
        if self.groups is not None:
            object.__setattr__(self, "groups", _groups(self.groups, rows))

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
                    next="let the shape of a row not depend on which rows it is given with",
                )
            wanted = np.result_type(there.dtype, column.dtype)  # text of another width, integers then floats
            if there.dtype != wanted or len(there) < stop:
                grown = np.empty((max(len(there), stop), *there.shape[1:]), wanted)
                grown[: self.rows] = there[: self.rows]
                there = grown
            self._columns[name] = there
            there[self.rows : stop] = column
        self.rows = stop

    def examples(self) -> Examples:
        """All rows so far. There must be a part, be it without rows."""
        columns = {name: column[: self.rows] for name, column in self._columns.items()}
        return Examples(
            inputs={name: column for (kind, name), column in columns.items() if kind == "inputs"},
            labels=columns["labels", ""],
            segments={name: column for (kind, name), column in columns.items() if kind == "segments"},
            weights=columns.get(("weights", "")),
            groups=columns.get(("groups", "")),
        )


def _columns(part: Examples) -> dict[tuple[str, str], Array]:
    return {
        **{("inputs", name): column for name, column in part.inputs.items()},
        ("labels", ""): part.labels,
        **{("segments", name): column for name, column in part.segments.items()},
        **({} if part.weights is None else {("weights", ""): part.weights}),
        **({} if part.groups is None else {("groups", ""): part.groups}),
    }


def _names(columns: Mapping[tuple[str, str], Array]) -> str:
    return ", ".join(f"{kind}[{name!r}]" if name else kind for kind, name in columns if kind != "labels")


def _weights(values: Any, rows: int) -> Array:
    weights = np.asarray(values)
    if weights.shape != (rows,) or weights.dtype.kind not in "biuf":
        raise _unusable(
            f"weights has shape {weights.shape} and dtype {weights.dtype}, labels has {rows} rows",
            "return one number a row as weights, shape (rows,)",
        )
    bad = int(np.count_nonzero(~(np.isfinite(weights) & (weights >= 0))))
    if bad:
        raise _unusable(
            f"{bad} of {rows} weights are negative or not finite", "return finite weights of at least 0"
        )
    return weights.astype(np.float32, copy=False)


def _groups(values: Any, rows: int) -> Array:
    groups = np.asarray(values)
    if groups.shape != (rows,) or groups.dtype.kind not in "iuUO":
        raise _unusable(
            f"groups has shape {groups.shape} and dtype {groups.dtype}, labels has {rows} rows",
            "return text or integers as groups, shape (rows,)",
        )
    if groups.dtype.kind == "O" and any(value is None or value != value for value in groups.tolist()):
        raise _unusable("groups has missing values", "drop rows without a group in examples()")
    return groups


def _unusable(what: str, next: str) -> ModelCodeError:
    return ModelCodeError(f"examples(): {what}", safe="nothing was trained", next=next)
