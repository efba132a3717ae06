"""Held-out rows of slices consumed before: they show whether a candidate forgot.

They are kept in a file of their own, beside that of the evaluated rows, which stays small.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ckpt_ops import outputs
from ckpt_ops.evaluation import columns
from ckpt_ops.evaluation.columns import Text
from ckpt_ops.evaluation.metrics import FloatArray

if TYPE_CHECKING:
    import pyarrow as pa

METADATA_KEY = b"ckpt_ops.past"


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """Two models' predictions on held-out rows of past slices. Arrays are copied and made read-only.

    Attributes:
        slice: text (n,): the key of the slice that a row comes from. Rows of a slice need not lie together.
        label: float64 (n,), finite; (n, k) for k labels of each row. Of several outputs as `EvaluatedRows`.
        candidate: float64 (n,), or (n, k) for the probabilities of k classes.
        champion: the same shape; None for a first version.
        groups: text (n,), the query that a row belongs to; None where nothing is ranked.
        champion_missing, drawn_from: see `EvaluatedRows`.
    """

    slice: Text
    label: FloatArray
    candidate: FloatArray
    champion: FloatArray | None = None
    groups: Text | None = None
    champion_missing: str = ""
    drawn_from: int | None = None

    def __post_init__(self) -> None:
        label = columns.labels(self.label)
        keys = columns.text("slice", self.slice)
        candidate = columns.predictions("candidate", self.candidate)
        champion = None if self.champion is None else columns.predictions("champion", self.champion)
        groups = None if self.groups is None else columns.groups(self.groups)
        columns.check_rows(
            len(label), {"slice": keys, "candidate": candidate, "champion": champion, "groups": groups}
        )
        columns.check_alike(label, candidate, champion)
        columns.check_drawn(len(label), self.drawn_from)
        for name, values in (
            ("label", label),
            ("slice", keys),
            ("candidate", candidate),
            ("champion", champion),
            ("groups", groups),
        ):
            object.__setattr__(self, name, values)

    def of(self, output: str) -> Past:
        """The same rows of one output, or one label of it, as `EvaluatedRows.of`."""
        if not self.count:  # nothing says which outputs there would be
            return self
        return replace(
            self,
            label=outputs.of_output(self.label, output),
            candidate=outputs.of_output(self.candidate, output),
            champion=None if self.champion is None else outputs.of_output(self.champion, output),
        )

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.label)

    @property
    def slices(self) -> tuple[str, ...]:
        """The slices' keys, in the order in which they first occur."""
        keys, first = np.unique(self.slice, return_index=True)
        return tuple(keys[np.argsort(first)].tolist())

    def to_table(self) -> pa.Table:
        """Columns slice, label, candidate, champion (if any), group (if any)."""
        found = {"slice": self.slice, "label": self.label, "candidate": self.candidate}
        if self.champion is not None:
            found["champion"] = self.champion
        if self.groups is not None:
            found["group"] = self.groups
        about: dict[str, Any] = {"champion_missing": self.champion_missing} if self.champion_missing else {}
        if self.drawn_from is not None:
            about["drawn_from"] = self.drawn_from
        return columns.to_table(found, {METADATA_KEY: json.dumps(about).encode()})

    @classmethod
    def from_table(cls, table: pa.Table) -> Past:
        """Read what `to_table` wrote. Other columns are ignored; `BadInput` names what is missing."""
        about = columns.written_by(table, METADATA_KEY, "Past")
        columns.require(table, ("slice", "label", "candidate"))
        there = table.column_names
        return cls(
            slice=columns.read_text(table, "slice"),
            label=columns.read_numbers(table, "label"),
            candidate=columns.read_numbers(table, "candidate"),
            champion=columns.read_numbers(table, "champion") if columns.has(table, "champion") else None,
            groups=columns.read_text(table, "group") if "group" in there else None,
            champion_missing=about.get("champion_missing", ""),
            drawn_from=about.get("drawn_from"),
        )
