"""Values decide: what is a value of the declared type passes, and the first that is none is found."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.column_types import cast, common, fits, misfit, values_decide

INT, FLOAT = pa.int64(), pa.float64()
US, NS = pa.timestamp("us"), pa.timestamp("ns")


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_an_integer_is_a_float_when_it_is_the_same_number(numbers: list[int | None]) -> None:
    found = misfit(pa.array(numbers, INT), FLOAT)
    lost = [n for n in numbers if n is not None and float(n) != n]
    assert (found.as_py() if found is not None else None) == (lost[0] if lost else None)
    if not lost:
        assert cast(pa.array(numbers, INT), FLOAT).to_pylist() == numbers


@given(st.lists(st.none() | st.floats()))
def test_a_float_is_an_integer_when_it_is_whole_and_was_not_rounded(numbers: list[float | None]) -> None:
    lost = [
        x for x in numbers if x is not None and not (math.isfinite(x) and x.is_integer() and abs(x) <= 2**53)
    ]
    found = misfit(pa.array(numbers, FLOAT), INT)
    assert (found is None) == (not lost)
    if found is not None:
        assert found.as_py() == lost[0] or math.isnan(lost[0])
    else:
        assert cast(pa.array(numbers, FLOAT), INT).to_pylist() == numbers


@pytest.mark.parametrize(
    ("came", "declared", "good", "bad"),
    [
        (INT, pa.float32(), 2**24, 2**24 + 1),
        (pa.uint64(), FLOAT, 2**63, 2**64 - 1),
        (FLOAT, pa.int8(), 127, 128),
        (FLOAT, pa.uint8(), 255, -1),
        (NS, US, 1_000, 1_001),
        (US, NS, 1, 10**17),
        (pa.duration("ns"), pa.duration("ms"), 10**6, 10**6 + 1),
        (pa.time64("ns"), pa.time64("us"), 1_000, 1_001),
        (pa.timestamp("ns", tz="+00:00"), pa.timestamp("us", tz="UTC"), 1_000, 1_001),
    ],
)
def test_the_first_value_that_is_none_of_the_declared_type_is_found(
    came: pa.DataType, declared: pa.DataType, good: int, bad: int
) -> None:
    assert values_decide(came, declared)
    fine = pa.array([good, None], came)
    assert misfit(fine, declared) is None
    assert cast(fine, declared).cast(came).equals(fine)
    assert misfit(pa.array([None, good, bad], came), declared) == pa.array([bad], came)[0]


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "+00:00", "Z"])
def test_utc_has_many_names(zone: str) -> None:
    assert fits(pa.timestamp("us", tz=zone), pa.timestamp("us", tz="UTC"))
    assert not fits(pa.timestamp("us", tz=zone), pa.timestamp("us", tz="+01:00"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.bool_(), INT), (INT, pa.string()), (US, pa.timestamp("us", tz="UTC")), (pa.uint64(), INT),
        (pa.string(), pa.binary()), (pa.date32(), US), (pa.list_(INT), pa.list_(FLOAT)),
    ],
)  # fmt: skip
def test_what_nothing_stands_for(one: pa.DataType, other: pa.DataType) -> None:
    assert common(one, other) is None
    assert common(other, one) is None
