"""Where a line of models went wrong: what to measure next, a pure decision over what was measured.

The models are positions 0, 1, ... of a line; the last is known, or reported, to be wrong. Some are at
hand. Every other one has to be trained from the one before it, so reaching it passes all models since the
last one at hand, and measuring those on the way costs almost nothing. So the search is binary among the
models at hand; in the gap that remains, it goes one by one up to the first wrong model. No order trains
fewer: that `b` is the first is known only when `b - 1` and `b` were measured.

Like every bisect, it assumes that what is wrong stays wrong. One exception is too common to ignore: a young
model, trained on little, is as bad as a broken one. So before it reports that all were wrong from the
start, it measures the other models at hand, the newest first, to find one that is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What to measure next.

    Attributes:
        at: the position.
        train: it is not at hand: train it from position `at - 1`, or from scratch if there is none. That
            position is at hand, or was measured just before, or is the last one that was found right.
    """

    at: int
    train: bool


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Between which positions the line went wrong.

    Attributes:
        right: the last position that was found right; -1: none.
        wrong: the first position after it that was found wrong.
    """

    right: int
    wrong: int

    @property
    def found(self) -> bool:
        """Nothing lies between: `wrong` is where it went wrong."""
        return self.right + 1 == self.wrong


def next_probe(
    at_hand: Sequence[bool], measured: Mapping[int, bool], *, right_before: bool = False
) -> Probe | None:
    """What to measure next; None when the first wrong position is found, or the last one is not wrong.

    Args:
        at_hand: by position, whether it can be measured without training it.
        measured: by position, whether it was found wrong.
        right_before: what came before the line is known to be right: a wrong position 0 ends the search.
    """
    last = len(at_hand) - 1
    if last not in measured:
        begin = max((at for at, there in enumerate(at_hand) if there), default=-1)
        untrained = (at for at in range(begin + 1, last + 1) if at not in measured)
        return Probe(at=last, train=False) if begin == last else Probe(at=next(untrained), train=True)
    if not measured[last]:
        return None
    found = bounds(measured)
    between = [at for at in range(found.right + 1, found.wrong) if at_hand[at]]
    if between:
        return Probe(at=between[(len(between) - 1) // 2], train=False)
    if not found.found:
        return Probe(at=found.right + 1, train=True)
    if found.right >= 0 or right_before:
        return None
    unseen = [at for at, there in enumerate(at_hand) if there and at not in measured]
    return Probe(at=unseen[-1], train=False) if unseen else None


def bounds(measured: Mapping[int, bool]) -> Bounds:
    """Where the line went wrong last, as far as that is known. Its last position was found wrong."""
    right = max((at for at, is_wrong in measured.items() if not is_wrong), default=-1)
    return Bounds(right=right, wrong=min(at for at in measured if at > right))
