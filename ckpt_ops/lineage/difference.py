"""How two versions of a model differ, by the log: a pure function over the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.state import LineageState, VersionState


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two versions side by side, with all slices that they and their ancestors were trained on.

    Attributes:
        only_a, only_b: slices that one was trained on and the other was not, in any revision; in key order.
        revised: slices that both were trained on, in different revisions: a's and b's.
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
    """How versions `a` and `b` differ. Raises `BadInput` naming the versions that exist."""
    first, second = state.version(a), state.version(b)
    line_a, line_b = state.ancestry(a), state.ancestry(b)
    shared = 0
    for one, other in zip(line_a, line_b, strict=False):
        if one.version != other.version:
            break
        shared += 1
    consumed_a, consumed_b = _consumed(line_a), _consumed(line_b)
    both = sorted(consumed_a.keys() & consumed_b.keys())
    return Difference(
        a=first,
        b=second,
        only_a=tuple(consumed_a[key] for key in sorted(consumed_a.keys() - consumed_b.keys())),
        only_b=tuple(consumed_b[key] for key in sorted(consumed_b.keys() - consumed_a.keys())),
        revised=tuple(
            (consumed_a[key], consumed_b[key])
            for key in both
            if consumed_a[key].revision != consumed_b[key].revision
        ),
        rows_a=sum(ref.rows for ref in consumed_a.values()),
        rows_b=sum(ref.rows for ref in consumed_b.values()),
        common=line_a[shared - 1].version if shared else None,
        steps_a=len(line_a) - shared,
        steps_b=len(line_b) - shared,
    )


def _consumed(line: Sequence[VersionState]) -> dict[str, SliceRef]:
    return {ref.key: ref for version in line for ref in version.slices}
