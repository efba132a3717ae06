"""What a person asks for, what it would do, and what was done. Plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import blake3

from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.state import SliceState

LONGEST_REASON = 2_000
"""Characters."""

_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was chosen, beside the action; what the action does not need is left as it is.

    Attributes:
        why: the reason.
        key: of the slice that it is about; `version`: the version.
        how: of a late slice: "append" or "fork"; "" before anything was chosen.
        what: of a save: as `checkpoints.requests.SaveKind`; at_step: at which step, None: at once.
        seen: `Preview.digest` of what the person was shown; "": it does not matter.
    """

    why: str = ""
    key: str = ""
    version: int | None = None
    how: str = ""
    what: str = ""
    at_step: int | None = None
    seen: str = ""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an action would do, before anybody confirms it.

    Attributes:
        title: a question.
        will: what happens, a sentence each.
        possible: it can be done as things are; else `why_not` says why not.
        needs_reason: a person has to say why.
        danger: it changes what is in production, or which rows may ever be trained on.
        already: it is done already, so that doing it again changes nothing.
    """

    title: str
    will: tuple[str, ...] = ()
    possible: bool = True
    why_not: str = ""
    needs_reason: bool = True
    danger: bool = False
    already: bool = False

    @property
    def digest(self) -> str:
        """16 hex digits of what it says: a person confirms this, and nothing that it became meanwhile."""
        return blake3.blake3("\n".join((self.title, *self.will)).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done.

    Attributes:
        message: for the person who asked.
        changed: a record was written; False where it was done before.
    """

    message: str
    changed: bool = True


def impossible(title: str, why_not: str, *, already: bool = False, danger: bool = False) -> Preview:
    """The preview of what cannot be done."""
    return Preview(title=title, possible=False, why_not=why_not, already=already, danger=danger)


def the_slice(state: LineageState, asked: Asked) -> SliceState:
    """The slice that is meant. Raises `ObjectNotFound`."""
    found = state.slices.get(asked.key)
    if found is None:
        raise ObjectNotFound(
            f"{state.model} knows no slice {asked.key!r}",
            safe="nothing was written",
            next=f"ckpt-ops slices {state.model} names its slices",
        )
    return found


def the_version(state: LineageState, asked: Asked) -> VersionState:
    """The version that is meant. Raises `ObjectNotFound`."""
    found = state.versions.get(asked.version) if asked.version is not None else None
    if found is None:
        raise ObjectNotFound(
            f"{state.model} has no version {asked.version}",
            safe="nothing was written",
            next=f"ckpt-ops history {state.model} names its versions",
        )
    return found


def reason_of(text: str) -> str:
    """The reason as it is recorded: in one line. Raises `BadInput`: there is none, or it is too long."""
    reason = " ".join(text.split())
    if not reason:
        raise BadInput("why", text, "a reason, for those who read the log later")
    if len(reason) > LONGEST_REASON:
        raise BadInput("why", f"{reason[:40]}...", f"at most {LONGEST_REASON:,} characters")
    if not reason.isprintable():
        raise BadInput("why", reason, "visible characters, no control characters")
    return reason


def named(keys: Iterable[object]) -> str:
    """The first few, and how many more there are: "1, 2 and 7 more"; "none"."""
    listed = [str(key) for key in keys]
    shown, more = listed[:_NAMED], len(listed) - _NAMED
    if more > 0:
        return f"{', '.join(shown)} and {more:,} more"
    return ", ".join(shown) or "none"


def slices_named(slices: Sequence[SliceRef]) -> str:
    """ "slice 2013-01-06", "slices 2013-01-06, 2013-01-13" """
    return f"slice{'' if len(slices) == 1 else 's'} {named(ref.key for ref in slices)}"


def rows_named(count: int) -> str:
    """ "1 row", "1,200 rows" """
    return f"{count:,} row{'' if count == 1 else 's'}"
