"""Which slices learned before a candidate is asked about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.candidates.past import choose
from ckpt_ops.lineage.records import SliceRef


def slices(count: int) -> list[SliceRef]:
    return [SliceRef(key=f"{number:04d}", revision=f"{number:064x}", rows=10) for number in range(count)]


@given(consumed=st.integers(0, 200), count=st.integers(0, 40))
def test_as_many_as_asked_for_in_the_order_they_were_learned(consumed: int, count: int) -> None:
    line = slices(consumed)
    chosen = choose(line, count)
    assert len(chosen) == min(consumed, count)
    assert chosen == sorted(chosen, key=line.index)
    assert len(set(chosen)) == len(chosen)


@given(consumed=st.integers(2, 200), count=st.integers(2, 40))
def test_the_newest_and_the_very_first_are_among_them(consumed: int, count: int) -> None:
    line = slices(consumed)
    chosen = choose(line, count)
    assert chosen[-1] == line[-1]
    assert chosen[0] == line[0]


def test_half_are_the_newest_and_the_others_lie_evenly_before() -> None:
    chosen = choose(slices(50), 8)
    assert [int(ref.key) for ref in chosen] == [0, 15, 30, 45, 46, 47, 48, 49]


def test_none_are_chosen_when_no_gate_looks_back() -> None:
    assert choose(slices(5), 0) == []
