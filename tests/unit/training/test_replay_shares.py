"""How many rows fall to each slice of a long history: the same as ever, whatever it costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.training.replay import _shares, draw


def shares_as_they_were(sizes: Sequence[int], rows: int, *, seed: Sequence[int]) -> list[int]:
    """What was left was added up anew for each slice: the square of their number."""
    unit = sum(sizes) // 10**9 + 1
    generator = np.random.Generator(np.random.PCG64(list(seed)))
    units = [size // unit for size in sizes]
    wanted = min(rows // unit, sum(units))
    drawn = generator.multivariate_hypergeometric(units, wanted, method="marginals")
    counts = [int(count) * unit for count in drawn]
    for number in sorted(range(len(sizes)), key=lambda one: sizes[one] - counts[one], reverse=True):
        counts[number] += (more := min(rows - sum(counts), sizes[number] - counts[number]))
        if not more:
            break
    return counts


SIZES = st.lists(
    st.one_of(st.integers(1, 100), st.integers(10**8, 10**9), st.integers(1, 3)), min_size=1, max_size=40
)


@settings(max_examples=200, deadline=None)
@given(SIZES, st.data())
def test_rows_are_shared_out_as_they_were(sizes: list[int], data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, sum(sizes)))
    seed = (data.draw(st.integers(0, 2**32)), 1)
    counts = _shares(sizes, rows, seed=seed)
    assert counts == shares_as_they_were(sizes, rows, seed=seed)
    assert sum(counts) == rows


def test_ten_thousand_slices_too_small_for_a_unit_are_drawn_from() -> None:
    """Of more than 10^9 rows, the unit is larger than each of these slices: what is left falls to them."""
    sizes = {f"{number:05d}": 3 for number in range(10_000)} | {"large": 4 * 10**9}
    rows = 4 * 10**9 + 20_000
    drawn = draw(sizes=sizes, rows=rows, seed=7, by_slice=True)
    assert len(drawn) > 6_000
