"""What is evaluated: labels, two models' predictions on the same rows, and their segments.

The process that trained writes it (as an Arrow table, kept as Parquet under the version); evaluating reads it
back and needs no model and no TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ckpt_ops import checks, outputs
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import columns
from ckpt_ops.evaluation.basis import Basis
from ckpt_ops.evaluation.columns import Text
from ckpt_ops.evaluation.metrics import FloatArray
from ckpt_ops.evaluation.past import Past
from ckpt_ops.evaluation.served import ServableCheck
from ckpt_ops.former_columns import FormerNames
from ckpt_ops.lists import is_cells, lengths_of

if TYPE_CHECKING:
    import pyarrow as pa

METADATA_KEY = b"ckpt_ops.judged"
SEGMENT_PREFIX = "segment:"


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluatedRows:
    """Predictions on the rows that decide about a candidate. Arrays are copied and made read-only.

    NaN predictions are accepted here, as a true record of what a model predicted: the metrics refuse them,
    and so the gates reject the candidate.

    Attributes:
        label: float64 (n,), finite; the class's index where there are several classes. (n, k) for k labels
            of each row. For labels of positions, an array of such for each row: cells (`ckpt_ops.lists`). Of
            several outputs a field for each, as `ckpt_ops.outputs` makes it; so have `candidate` and
            `champion`.
        candidate: float64 (n,), the candidate's predictions, or (n, k), its probabilities of k classes.
        champion: the champion's on the same rows, of the same shape; None for a first version, and where
            `champion_missing` says why there are none.
        champion_missing: why the champion could not be evaluated as it is served; "" where it was, and where
            there is no champion.
        former: by "champion" and "candidate", the columns that its own kept code was given under a former
            name: today's name by the former one. Empty for a model that today's code made the inputs of.
        segments: by column name, text (n,): which segment a row belongs to; a missing value is "(missing)".
        groups: text (n,): which query a row belongs to, for ranking metrics; None where nothing is ranked.
        slice_key: the slice the rows came from.
        rows: a text that names the rows: "holdout of slice 2013-01-06".
        drawn_from: of how many rows they were drawn, evenly; None: they are all.
        basis: whether the candidate trained on other rows of the same slices.
        servable: what the check of the export found; None when it was not checked.
        past: held-out rows of slices consumed before, kept in a file of their own; None where not collected.
        slice: text (n,): the key of the slice that a row comes from; None in what older code wrote.
        consumed: keys of the slices that the candidate trained on.
        trusted: those of them that a person released: no gate calls them suspect.
        usual: by metric, of several outputs by `keyed`, what champions scored on slices that came before,
            oldest first, before anything trained on them. These three come from the log and are not in the
            table.
    """

    label: FloatArray
    candidate: FloatArray
    slice_key: str
    rows: str
    champion: FloatArray | None = None
    segments: Mapping[str, Text] = field(default_factory=dict)
    groups: Text | None = None
    basis: Basis = Basis.HOLDOUT
    servable: ServableCheck | None = None
    past: Past | None = None
    slice: Text | None = None
    consumed: tuple[str, ...] = ()
    trusted: frozenset[str] = frozenset()
    usual: Mapping[str, Sequence[float]] = field(default_factory=dict)
    champion_missing: str = ""
    former: Mapping[str, FormerNames] = field(default_factory=dict)
    drawn_from: int | None = None

    def __post_init__(self) -> None:
        label = columns.labels(self.label)
        candidate = columns.predictions("candidate", self.candidate)
        champion = None if self.champion is None else columns.predictions("champion", self.champion)
        for name in self.segments:
            checks.text("segments", name, allowed="columns named by non-empty text")
        segments = {
            name: columns.text(f"{SEGMENT_PREFIX}{name}", values) for name, values in self.segments.items()
        }
        groups = None if self.groups is None else columns.groups(self.groups)
        keys = None if self.slice is None else columns.text("slice", self.slice)
        sized = {"candidate": candidate, "champion": champion, "groups": groups, "slice": keys}
        sized |= {f"{SEGMENT_PREFIX}{name}": values for name, values in segments.items()}
        columns.check_rows(len(label), sized)
        columns.check_alike(label, candidate, champion)
        for name, value in (("slice_key", self.slice_key), ("rows", self.rows)):
            checks.text(name, value)
        if self.champion_missing and self.champion is not None:
            raise BadInput("champion_missing", self.champion_missing, "'' where there are its predictions")
        columns.check_drawn(len(label), self.drawn_from)
        if not isinstance(self.basis, Basis):
            raise BadInput("basis", self.basis, ", ".join(map(str, Basis)))
        former = {who: dict(names) for who, names in self.former.items() if names}
        object.__setattr__(self, "former", former)
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "candidate", candidate)
        object.__setattr__(self, "champion", champion)
        object.__setattr__(self, "segments", segments)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "slice", keys)

    def of(self, output: str | None) -> EvaluatedRows:
        """The same rows of one output, or one label of it. `BadInput` names the outputs that there are."""
        if output is None:
            outputs.check_output(self.label, None)
            return self
        return replace(
            self,
            label=outputs.of_output(self.label, output),
            candidate=outputs.of_output(self.candidate, output),
            champion=None if self.champion is None else outputs.of_output(self.champion, output),
            past=None if self.past is None else self.past.of(output),
            usual=outputs.of_key(self.usual, output),
        )

    def by_position(self) -> EvaluatedRows:
        """Of one output with labels of positions, each position as a row; else itself."""
        if not is_cells(self.label):
            return self
        lengths = lengths_of(self.label)
        return replace(
            self,
            label=outputs.flat(self.label),
            candidate=outputs.flat(self.candidate),
            champion=None if self.champion is None else outputs.flat(self.champion),
            segments={name: np.repeat(values, lengths) for name, values in self.segments.items()},
            groups=None if self.groups is None else np.repeat(self.groups, lengths),
            slice=None if self.slice is None else np.repeat(self.slice, lengths),
            past=None,
            drawn_from=None,
        )

    @property
    def count(self) -> int:
        """How many rows are evaluated."""
        return len(self.label)

    def to_table(self) -> pa.Table:
        """Columns label, candidate, champion, group and slice (if any), segment:<name>; the rest as metadata.

        `past` is not in it: see `Past.to_table`.
        """
        found: dict[str, npt.NDArray[Any]] = {"label": self.label, "candidate": self.candidate}
        if self.champion is not None:
            found["champion"] = self.champion
        if self.groups is not None:
            found["group"] = self.groups
        if self.slice is not None:
            found["slice"] = self.slice
        found |= {f"{SEGMENT_PREFIX}{name}": values for name, values in self.segments.items()}
        about: dict[str, Any] = {
            "slice_key": self.slice_key,
            "rows": self.rows,
            "basis": self.basis.value,
            "servable": None if self.servable is None else self.servable.to_json(),
            "champion_missing": self.champion_missing,
        }
        if self.former:
            about["former"] = self.former
        if self.drawn_from is not None:
            about["drawn_from"] = self.drawn_from
        return columns.to_table(found, {METADATA_KEY: json.dumps(about).encode()})

    @classmethod
    def from_table(cls, table: pa.Table, *, past: Past | None = None) -> EvaluatedRows:
        """Read what `to_table` wrote. Other columns are ignored; `BadInput` names what is missing.

        Args:
            past: read from its own table, where the version has one.
        """
        about = columns.written_by(table, METADATA_KEY, "EvaluatedRows", ("slice_key", "rows"))
        columns.require(table, ("label", "candidate"))
        there = table.column_names
        servable = about.get("servable")
        return cls(
            label=columns.read_numbers(table, "label"),
            candidate=columns.read_numbers(table, "candidate"),
            champion=columns.read_numbers(table, "champion") if columns.has(table, "champion") else None,
            segments={
                name.removeprefix(SEGMENT_PREFIX): columns.read_text(table, name)
                for name in there
                if name.startswith(SEGMENT_PREFIX)
            },
            groups=columns.read_text(table, "group") if "group" in there else None,
            slice=columns.read_text(table, "slice") if "slice" in there else None,
            slice_key=about["slice_key"],
            rows=about["rows"],
            basis=Basis(about.get("basis", Basis.HOLDOUT.value)),
            servable=None if servable is None else ServableCheck.from_json(servable),
            past=past,
            champion_missing=about.get("champion_missing", ""),
            former=about.get("former", {}),
            drawn_from=about.get("drawn_from"),
        )
