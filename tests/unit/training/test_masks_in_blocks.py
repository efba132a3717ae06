"""Which rows are held out is found a block at a time, and is what one look at all of them finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.training import Latest, holdout_mask, latest, split
from ckpt_ops.training.nth_largest import nth_largest

quick = settings(max_examples=150, deadline=None)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int8": (pa.int8(), st.integers(-3, 3)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float16": (pa.float16(), st.floats(width=16).map(np.float16)),
    "float32": (pa.float32(), st.floats(width=32)),
    "float64": (pa.float64(), st.sampled_from([0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan")])),
    "decimal": (pa.decimal128(5, 2), st.integers(-9, 9).map(lambda cents: Decimal(cents).scaleb(-2))),
    "date": (pa.date32(), st.integers(0, 9).map(lambda day: date(2013, 1, 1) + timedelta(day))),
    "time": (
        pa.timestamp("us", "UTC"),
        st.integers(0, 10**9).map(
            lambda second: datetime(2013, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        ),
    ),
}


def at_once(share: float, values: pa.Array) -> npt.NDArray[np.bool_]:
    """By the rank of every row, as it was done before."""
    kind = pa.float32() if pa.types.is_float16(values.type) else values.type
    values = values.cast(kind)
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
    newest = ceil(share * (len(values) - values.null_count))
    ranks = pc.rank(values, sort_keys="descending", tiebreaker="min")
    held = pc.and_(pc.less_equal(ranks, newest), pc.greater(values, pc.min(values)))
    return np.asarray(pc.fill_null(held, False), np.bool_)


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_rows_are_those_of_the_highest_ranks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "_BLOCK", 7)
    monkeypatch.setattr(latest, "nth_largest", lambda pieces, n: nth_largest(pieces, n, few=3))
    of, one = KINDS[kind]

    @quick
    @given(st.floats(0.01, 0.99), st.lists(st.none() | one, max_size=60), st.integers(0, 60))
    def told(share: float, values: list[Any], cut: int) -> None:
        whole = pa.array(values, of)
        pieces = pa.chunked_array([whole.slice(0, cut), whole.slice(cut)], of)
        expected = at_once(share, whole)
        for shown in (whole, pieces):
            np.testing.assert_array_equal(Latest(share, by="at").mask(shown), expected)

    told()


@pytest.mark.parametrize("distinct", [2, 1_000, 10**9], ids=["ties", "some_ties", "hardly_any"])
def test_of_a_million_values_in_blocks_too(distinct: int) -> None:
    values = pa.array(np.random.default_rng(7).integers(0, distinct, 1_000_000))
    for share in (0.001, 0.2, 0.999):
        np.testing.assert_array_equal(Latest(share, by="at").mask(values), at_once(share, values))


@quick
@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.data())
def test_the_nth_largest_is_that_of_the_sorted_values(values: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(values)))

    def pieces() -> Iterator[pa.Array]:
        return (
            pa.array([*values[start : start + 9], None], pa.int64()) for start in range(0, len(values), 9)
        )

    assert nth_largest(pieces, n, few=1).as_py() == sorted(values, reverse=True)[n - 1]


@pytest.mark.parametrize("rows", [0, 1, 999, 1_000, 1_001, 12_345])
def test_rows_drawn_at_random_are_those_of_one_draw(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "_BLOCK", 1_000)
    revision = "0123456789abcdef01"
    whole = np.random.Generator(np.random.PCG64(int(revision[:16], 16))).random(rows) < 0.2
    np.testing.assert_array_equal(holdout_mask(revision=revision, rows=rows, share=0.2), whole)
