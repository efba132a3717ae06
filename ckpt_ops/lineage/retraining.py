"""Which slices a retraining sees again: a pure choice over the state, and how it is told to people.

Known are all slices that the head consumed, and those that it was retrained without. A retraining from
scratch has no parent and takes the head's place, so what it does not see is not consumed any more: its record
names those slices (`Again.without`), or they would become pending and be trained on as late ones. One that
goes on from the champion descends from it, so that all that was consumed stays consumed; the record names
what is seen a second time as its slices, so that whoever asks what a version was trained on needs no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.state import LineageState, VersionState


class Begin(StrEnum):
    """What a retraining begins with."""

    SCRATCH = "scratch"
    CHAMPION = "champion"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which of the known slices are seen again; by default all.

    Attributes:
        first, last: keys of the range's ends; None: no range.
        newest: how many, the newest ones; None: no such bound.
    """

    first: str | None = None
    last: str | None = None
    newest: int | None = None

    def __post_init__(self) -> None:
        if (self.first is None) != (self.last is None):
            raise BadInput("slices", self.first or self.last, "FROM:TO, the first and the last key")
        if self.first is not None and self.newest is not None:
            raise BadInput("newest", self.newest, f"none beside slices={self.first}:{self.last}: one of them")
        if self.newest is not None:
            checks.whole("newest", self.newest, allowed="a number of slices, 1 or more")

    @classmethod
    def of(cls, slices: str | None, *, newest: int | None = None) -> Selection:
        """Of "FROM:TO". A key may hold colons itself, as a time does: both then hold as many."""
        if slices is None:
            return cls(newest=newest)
        parts = slices.split(":")
        half = len(parts) // 2
        first, last = ":".join(parts[:half]).strip(), ":".join(parts[half:]).strip()
        if len(parts) % 2 or not first or not last:
            raise BadInput("slices", slices, "FROM:TO, the first and the last key")
        return cls(first=first, last=last, newest=newest)


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The slices of a retraining, in key order.

    Attributes:
        without: the known slices that a model trained from scratch would not see.
    """

    slices: tuple[SliceRef, ...]
    without: tuple[SliceRef, ...]

    @property
    def rows(self) -> int:
        return sum(ref.rows for ref in self.slices)


def known_slices(state: LineageState) -> dict[str, SliceRef]:
    """By key, in key order, what may be seen again, in the revision that was consumed."""
    found = dict(state.consumed)
    for version in state.ancestry(state.head):
        for ref in version.started.again.without if version.started.again is not None else ():
            found.setdefault(ref.key, ref)
    return {key: found[key] for key in sorted(found)}


def choose(state: LineageState, begin: Begin, selection: Selection) -> Chosen:
    """The slices that a retraining sees again, in the revisions that count now.

    Raises:
        BadInput: an end of the range was never consumed, there are fewer slices than asked for, or one of
            them may not be trained on; a corrected one may not be seen by a model that has its old revision.
    """
    known = known_slices(state)
    wanted = _selected(state, known, selection)
    slices = tuple(_seen_again(state, known[key], begin) for key in wanted)
    without = tuple(ref for key, ref in known.items() if key not in wanted)
    return Chosen(slices=slices, without=without if begin is Begin.SCRATCH else ())


def retrained_message(version: VersionState) -> str | None:
    """That the version was retrained, from what, and on which slices; None: it is an ordinary one."""
    if version.started.again is None:
        return None
    return message_of(version.parent, [ref.key for ref in version.slices])


def message_of(parent: int | None, keys: Sequence[str]) -> str:
    """As `retrained_message`, of the parts of a record."""
    begin = "from scratch" if parent is None else f"from the champion, version {parent},"
    which = ", ".join(keys) if len(keys) < 4 else f"{len(keys)} slices, {keys[0]} to {keys[-1]}"
    return f"retrained {begin} on {which}"


def _selected(state: LineageState, known: Mapping[str, SliceRef], selection: Selection) -> list[str]:
    keys = list(known)
    if selection.newest is not None:
        if selection.newest > len(keys):
            raise BadInput("newest", selection.newest, f"1 to {len(keys)}, as many as were consumed")
        return keys[-selection.newest :]
    if selection.first is None or selection.last is None:
        return [key for key in keys if key in state.consumed or state.standing(known[key]) is not None]
    ends = (selection.first, selection.last)
    for key in ends:
        if key not in known:
            raise BadInput(
                "slices",
                ":".join(ends),
                f"keys of consumed slices, {keys[0]} to {keys[-1]}; {key} was never consumed",
                next=f"ckpt-ops slices {state.model}",
            )
    found = [key for key in keys if selection.first <= key <= selection.last]
    if not found:
        raise BadInput("slices", ":".join(ends), "FROM:TO, the older key first")
    return found


def _seen_again(state: LineageState, was: SliceRef, begin: Begin) -> SliceRef:
    now = state.standing(was)
    rebase = f"ckpt-ops plan {state.model}, then ckpt-ops rebase {state.model}"
    if now is None:
        what = "tainted" if was.id in state.tainted else "withdrawn"
        raise BadInput(
            "slices",
            was.key,
            f"slices that may be trained on; this one is {what}",
            next=f"{rebase}; or choose others: --slices FROM:TO, --newest N",
        )
    if begin is Begin.CHAMPION and was.key in state.consumed and now != was:
        raise BadInput(
            "slices",
            was.key,
            f"slices in the revision that the champion consumed; this one was corrected since, from "
            f"{was.revision} to {now.revision}",
            next=f"{rebase}; or begin from scratch",
        )
    return now
