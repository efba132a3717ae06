"""What a model trains on and is judged by: inputs, labels, segments, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        labels: shape (rows,) or (rows, 1); finite numbers.
        segments: by column, shape (rows,): what gates may look at group by group. Not a model input.
    """

    inputs: Mapping[str, Array]
    labels: Array
    segments: Mapping[str, Array] = field(default_factory=dict)

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

    @property
    def rows(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[Any]) -> Examples:
        """The rows that an index or boolean array of shape (n,) names."""
        return Examples(
            inputs={name: column[rows] for name, column in self.inputs.items()},
            labels=self.labels[rows],
            segments={name: column[rows] for name, column in self.segments.items()},
        )


def concatenate(parts: Sequence[Examples]) -> Examples:
    """All rows of `parts`, in order. They must have the same columns."""
    first = parts[0]
    return Examples(
        inputs={name: np.concatenate([part.inputs[name] for part in parts]) for name in first.inputs},
        labels=np.concatenate([part.labels for part in parts]),
        segments={name: np.concatenate([part.segments[name] for part in parts]) for name in first.segments},
    )
