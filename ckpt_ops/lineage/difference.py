"""What two versions of a model differ in, as far as the log says: a pure function over the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.state import LineageState, VersionState


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two versions side by side, with all that they have learned: their ancestors' slices included.

    Attributes:
        only_a, only_b: slices that one has learned and the other has not in any revision, in key order.
        revised: slices that both have learned, in different revisions: a's and b's.
        common: the last version that both descend from, or are; None: they share none.
        steps_a, steps_b: versions from there to each.
    """

    a: VersionState
    b: VersionState
    only_a: tuple[SliceRef, ...]
    only_b: tuple[SliceRef, ...]
    revised: tuple[tuple[SliceRef, SliceRef], ...]
    rows_a: int
    rows_b: int
    common: int | None
    steps_a: int
    steps_b: int


def difference(state: LineageState, a: int, b: int) -> Difference:
    """What versions `a` and `b` differ in. Raises `BadInput` naming the versions that exist."""
    first, second = state.version(a), state.version(b)
    line_a, line_b = state.ancestry(a), state.ancestry(b)
    shared = 0
    for one, other in zip(line_a, line_b, strict=False):
        if one.version != other.version:
            break
        shared += 1
    learned_a, learned_b = _consumed(line_a), _consumed(line_b)
    both = sorted(learned_a.keys() & learned_b.keys())
    return Difference(
        a=first,
        b=second,
        only_a=tuple(learned_a[key] for key in sorted(learned_a.keys() - learned_b.keys())),
        only_b=tuple(learned_b[key] for key in sorted(learned_b.keys() - learned_a.keys())),
        revised=tuple(
            (learned_a[key], learned_b[key])
            for key in both
            if learned_a[key].revision != learned_b[key].revision
        ),
        rows_a=sum(ref.rows for ref in learned_a.values()),
        rows_b=sum(ref.rows for ref in learned_b.values()),
        common=line_a[shared - 1].version if shared else None,
        steps_a=len(line_a) - shared,
        steps_b=len(line_b) - shared,
    )


def _consumed(line: Sequence[VersionState]) -> dict[str, SliceRef]:
    return {ref.key: ref for version in line for ref in version.slices}
