"""A policy on the data: does the newest slice still look like those that the champion consumed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.policies.base import ColumnDrift, Decision, Facts, decided
from ckpt_ops.policies.needs import DriftNeed
from ckpt_ops.wire_names import wire

MOST_RECORDED = 20
"""A slice may have hundreds of columns, and a decision is kept for good: where no columns are named, only the
ones that are farthest away are recorded."""

_MOST_NAMED = 3


@wire("Drift")
@dataclass(frozen=True, kw_only=True)
class Drift:
    """Due when columns of the newest slice drifted from the slices that the champion consumed last.

    The size of the effect decides, chance only excuses: a column drifted when it is at least this far away,
    and farther than chance alone gets one time in a thousand with this many rows. A column that cannot be
    compared (no value there, or another type) has not drifted, and the message says so.

    Undecided until drift is measured, which reads slices and needs no model.

    Args:
        columns: their names; none: every number, text or boolean column of the newest slice.
        psi: population stability index, above 0: 0.25 is a shift of a normal column by half a standard
            deviation (Siddiqi, Credit Risk Scorecards, 2006).
        ks: Kolmogorov-Smirnov's D, above 0 and at most 1, of number columns: 0.2 is such a shift.
        at_least_columns: how many columns have to drift.
        reference_slices: how many of the newest consumed slices to compare with.

    Exactly one of `psi` and `ks` is given.
    """

    columns: Sequence[str] = ()
    psi: float | None = None
    ks: float | None = None
    at_least_columns: int = 1
    reference_slices: int = 4

    def __post_init__(self) -> None:
        names = self.columns
        listed = isinstance(names, Sequence) and not isinstance(names, str)
        if not (listed and all(isinstance(name, str) and name for name in names)):
            raise BadInput("Drift.columns", names, "names of columns: ('distance', 'carrier')")
        object.__setattr__(self, "columns", tuple(dict.fromkeys(names)))
        if (self.psi is None) is (self.ks is None):
            raise BadInput("Drift.psi, Drift.ks", (self.psi, self.ks), "exactly one of the two")
        if self.psi is not None:
            checks.number("Drift.psi", self.psi, above=0, allowed="an index above 0, such as 0.25")
        if self.ks is not None:
            allowed = "a share above 0 and at most 1, such as 0.2"
            checks.number("Drift.ks", self.ks, above=0, at_most=1, allowed=allowed)
        checks.whole("Drift.at_least_columns", self.at_least_columns)
        checks.whole("Drift.reference_slices", self.reference_slices)
        if self.columns and self.at_least_columns > len(self.columns):
            raise BadInput(
                "Drift.at_least_columns", self.at_least_columns, f"at most the {len(self.columns)} columns"
            )

    def drift_needed(self) -> DriftNeed:
        return DriftNeed(columns=tuple(self.columns), reference_slices=self.reference_slices)

    def decide(self, facts: Facts) -> Decision:
        """Raises `BadInput` when a column is missing, or cannot be compared this way."""
        measure, limit = ("psi", float(self.psi)) if self.psi is not None else ("ks", float(self.ks or 0))
        numbers = {f"{measure}_at_least": limit, "columns_at_least": float(self.at_least_columns)}
        if facts.drift is None:
            which = ", ".join(self.columns) or "every column"
            return decided(None, f"needs the drift of {which} on the new slice", numbers)
        found = self._chosen(facts.drift)
        sizes = {name: size for name, one in found.items() if (size := _size(one, measure)) is not None}
        farthest = sorted(sizes, key=lambda name: (-sizes[name][0], name))
        drifted = [name for name in farthest if sizes[name][0] >= limit and sizes[name][0] > sizes[name][1]]
        for name in farthest if self.columns else farthest[:MOST_RECORDED]:
            numbers[f"{measure}:{name}"], numbers[f"{measure}_noise:{name}"] = sizes[name]
        numbers |= {"columns_compared": float(len(sizes)), "columns_drifted": float(len(drifted))}
        due = len(drifted) >= self.at_least_columns
        shown = [f"{name} {sizes[name][0]:.4g}" for name in (drifted or farthest)[:_MOST_NAMED]]
        more = f" and {len(drifted) - _MOST_NAMED} more" if len(drifted) > _MOST_NAMED else ""
        compared = f"{'>=' if due else '<'} {self.at_least_columns}"
        reason = f"{len(drifted)} drifted of {len(sizes)} columns {compared}"
        if shown:
            reason += f": {_NAMES[measure]} {', '.join(shown)}{more}, limit {limit:g}"
        if farthest and not drifted and sizes[farthest[0]][0] >= limit:
            reason += f", and chance alone reaches {sizes[farthest[0]][1]:.4g} with so few rows"
        excused = [f"{name} ({one.not_compared})" for name, one in found.items() if one.not_compared]
        if excused and (self.columns or not sizes):
            reason += f"; not compared: {', '.join(excused[:_MOST_NAMED])}"
        return decided(due, reason, numbers)

    def _chosen(self, drift: Mapping[str, ColumnDrift]) -> Mapping[str, ColumnDrift]:
        if not self.columns:
            return drift
        for name in self.columns:
            if name not in drift:
                raise BadInput("Drift.columns", name, f"columns of the slice: {', '.join(drift)}")
            if self.ks is not None and not drift[name].number:
                raise BadInput("Drift.columns", name, "numbers, for ks: text and booleans have a psi")
        return {name: drift[name] for name in self.columns}


_NAMES = {"psi": "PSI", "ks": "D"}


def _size(one: ColumnDrift, measure: str) -> tuple[float, float] | None:
    """How far, and how far chance alone gets."""
    value, noise = (one.psi, one.psi_noise) if measure == "psi" else (one.ks, one.ks_noise)
    return None if value is None else (value, noise)
