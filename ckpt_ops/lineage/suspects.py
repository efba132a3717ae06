"""Suspect slices: a candidate was rejected because of them, and nothing trains on them.

They are poisoned, or the world has changed; a person decides which. One alone may be either. Several in a row
look like a change: what is poisoned by accident is not poisoned the same way week after week.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.lineage.state import LineageState

LIKE_A_CHANGE = 2


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A pending slice that nothing trains on.

    Attributes:
        why: the version that was rejected because of it, and what its gates found.
        in_a_row: how many slices that follow each other are suspect, this one among them.
    """

    key: str
    revision: str
    rows: int
    why: str
    in_a_row: int

    @property
    def like_a_change(self) -> bool:
        return self.in_a_row >= LIKE_A_CHANGE


def suspects(state: LineageState) -> tuple[Suspect, ...]:
    """Every suspect slice that is pending, in key order."""
    keys = sorted(state.slices)
    marked = {ref.key for ref in state.suspect()}
    return tuple(
        Suspect(
            key=ref.key,
            revision=ref.revision,
            rows=ref.rows,
            why=state.suspects[ref.id],
            in_a_row=_in_a_row(keys, marked, keys.index(ref.key)),
        )
        for ref in state.suspect()
    )


def commands(model: str, key: str) -> str:
    """What a person may do with a suspect slice."""
    return (
        f"ckpt-ops quarantine release {model} {key} --why TEXT trains on it; "
        f"ckpt-ops withdraw {model} --slice {key} --why TEXT leaves it out for good; "
        f"ckpt-ops taint {model} --slice {key} --why TEXT marks it as poisoned"
    )


def _in_a_row(keys: list[str], marked: set[str], at: int) -> int:
    first = last = at
    while first > 0 and keys[first - 1] in marked:
        first -= 1
    while last + 1 < len(keys) and keys[last + 1] in marked:
        last += 1
    return last - first + 1
