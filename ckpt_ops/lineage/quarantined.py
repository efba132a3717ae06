"""What is in quarantine and awaits a decision: whole slices, and rows set aside from accepted ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.state import LineageState, SliceState, SliceStatus
from ckpt_ops.lineage.suspects import Suspect, suspects


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """What of a slice is in quarantine.

    Attributes:
        source: the slice's source.
        revision: as it was pulled.
        rows: how many of its `of_rows` rows are in quarantine.
        whole: nothing of the slice may be trained on; else the rest was accepted.
        report: object name of the verdict.
        suspect: validation accepted it, but a candidate was rejected because of it.
    """

    key: str
    source: str
    revision: str
    rows: int
    of_rows: int
    whole: bool
    reason: str
    time: str
    report: str
    suspect: bool = False

    @property
    def prefix(self) -> str:
        """The folder of the pulled revision."""
        return f"slices/{self.source}/{self.key}/{self.revision}"


def in_quarantine(state: LineageState) -> list[Quarantined]:
    """Everything that awaits a decision, in key order, suspect slices included."""
    suspect = {one.key: one for one in suspects(state)}
    return [
        _suspect(entry, suspect[key]) if key in suspect else _quarantined(key, entry)
        for key, entry in sorted(state.slices.items())
        if key in suspect or entry.in_quarantine
    ]


def one_in_quarantine(state: LineageState, key: str) -> Quarantined:
    """The slice `key`. Raises `BadInput` naming what is in quarantine."""
    found = {one.key: one for one in in_quarantine(state)}
    if key not in found:
        there = ", ".join(found) or "there is none"
        entry = state.slices.get(key)
        status = "" if entry is None else f" (this one is {entry.status.value})"
        raise BadInput(
            "slice",
            key,
            f"a slice in quarantine{status}: {there}",
            next=f"ckpt-ops quarantine list {state.model}",
        )
    return found[key]


def _suspect(entry: SliceState, suspect: Suspect) -> Quarantined:
    found = _quarantined(suspect.key, entry)
    return replace(
        found,
        rows=suspect.rows,
        of_rows=suspect.rows,
        whole=True,
        reason=suspect.why,
        suspect=True,
    )


def _quarantined(key: str, entry: SliceState) -> Quarantined:
    whole = entry.status is SliceStatus.QUARANTINED
    return Quarantined(
        key=key,
        source=entry.report.split("/")[1] if "/" in entry.report else "",
        revision=entry.pulled,
        rows=entry.in_quarantine,
        of_rows=entry.ref.rows + (0 if whole else entry.set_aside),
        whole=whole,
        reason=entry.reason,
        time=entry.time,
        report=entry.report,
    )
