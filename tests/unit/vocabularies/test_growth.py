"""A vocabulary grows from slices: who gets a row, who waits, who gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.vocabularies import Vocabulary
from ckpt_ops.vocabularies.document import decode, encode
from ckpt_ops.vocabularies.growth import Grown, advance, empty


def grown(settings: Vocabulary, *slices: Mapping[Any, int]) -> Grown:
    return reduce(lambda before, counts: advance(before, settings, counts), slices, empty(settings))


def rows(of: Grown) -> dict[Any, int]:
    return {token: one.row for token, one in of.known.items()}


def test_the_most_frequent_come_first_and_keep_their_rows() -> None:
    settings = Vocabulary("carrier", 4, buckets=2)
    first = grown(settings, {"AA": 2, "UA": 5, "B6": 2})
    assert rows(first) == {"UA": 2, "AA": 3, "B6": 4}
    second = advance(first, settings, {"DL": 9, "AA": 1})
    assert rows(second) == {"UA": 2, "AA": 3, "B6": 4, "DL": 5}
    assert (second.rows, second.slices) == (6, 2)


def test_a_rare_value_waits_until_it_was_seen_often_enough() -> None:
    settings = Vocabulary("carrier", 4, min_count=5)
    first = grown(settings, {"AA": 5, "UA": 4})
    assert rows(first) == {"AA": 1}
    assert rows(advance(first, settings, {"UA": 1})) == {"AA": 1, "UA": 2}


def test_a_full_table_stays_as_it_is_or_grows_by_a_factor() -> None:
    settings = Vocabulary("carrier", 2)
    full = grown(settings, {"AA": 3, "UA": 2, "DL": 1})
    assert rows(full) == {"AA": 1, "UA": 2}
    assert "DL" in full.waiting
    doubling = replace(settings, grow=2.0)
    larger = advance(full, doubling, {"B6": 1, "EV": 1})
    assert (larger.capacity, larger.rows) == (8, 9)
    assert rows(larger) == {"AA": 1, "UA": 2, "B6": 3, "DL": 4, "EV": 5}


def test_a_raised_capacity_is_taken_over_and_a_lowered_one_is_not() -> None:
    settings = Vocabulary("carrier", 2)
    full = grown(settings, {"AA": 3, "UA": 2, "DL": 1})
    assert rows(advance(full, replace(settings, capacity=3), {})) == {"AA": 1, "UA": 2, "DL": 3}
    assert advance(full, replace(settings, capacity=1), {}).capacity == 2


def test_a_value_that_is_away_gives_its_row_back() -> None:
    settings = Vocabulary("film", 2, expire_after=2)
    first = grown(settings, {10: 3, 11: 1})
    assert rows(first) == {10: 1, 11: 2}
    second = advance(first, settings, {10: 1, 12: 8})
    assert rows(second) == {10: 1, 11: 2}, "away for one slice, and the newcomer waits"
    third = advance(second, settings, {10: 1})
    assert rows(third) == {10: 1, 12: 2}


def test_one_that_waits_is_forgotten_as_well() -> None:
    settings = Vocabulary("film", 2, min_count=3, expire_after=2)
    away = grown(settings, {"x": 2}, {}, {})
    assert away.waiting == {}


tokens = st.sampled_from("abcdefgh")
counted = st.dictionaries(tokens, st.integers(1, 5))


@given(
    st.lists(counted, max_size=8),
    st.integers(1, 4),
    st.integers(1, 4),
    st.none() | st.integers(1, 3),
    st.sampled_from([1.0, 1.5, 2.0]),
)
def test_no_two_values_share_a_row_and_none_moves_while_it_stays(
    slices: list[dict[str, int]], capacity: int, min_count: int, expire_after: int | None, grow: float
) -> None:
    settings = Vocabulary("x", capacity, min_count=min_count, expire_after=expire_after, buckets=3, grow=grow)
    before = empty(settings)
    for counts in slices:
        shuffled = dict(sorted(counts.items(), reverse=True))
        after = advance(before, settings, counts)
        assert after == advance(before, settings, shuffled), "the order within a slice does not matter"
        found = rows(after)
        assert len(set(found.values())) == len(found)
        assert all(3 <= row < after.rows for row in found.values())
        assert not found.keys() & after.waiting.keys()
        for token, row in rows(before).items():
            assert found.get(token, row) == row or expire_after is not None
        if len(found) < after.capacity:
            assert all(one.count < min_count for one in after.waiting.values()), (
                "none waits beside a free row"
            )
        assert decode(encode("m", {"x": after}), name="o", model="m") == {"x": after}
        before = after


def test_a_document_of_another_model_is_refused() -> None:
    data = encode("ratings", {"x": grown(Vocabulary("x", 2), {"a": 1})})
    with pytest.raises(Corrupt, match=r"model is 'ratings', not 'flights': it belongs to another model"):
        decode(data, name="models/flights/v2/vocabularies.json", model="flights")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"rows":[1]', b'"rows":[0]'), (b'"rows":[1]', b'"rows":[1,2]'), (b'"seen":[1]', b'"seen":[]')],
)
def test_a_document_that_does_not_add_up_is_refused(old: bytes, new: bytes) -> None:
    data = encode("m", {"x": grown(Vocabulary("x", 2), {"a": 1})}).replace(b", ", b",").replace(b": ", b":")
    assert old in data
    with pytest.raises(Corrupt, match="vocabulary of x"):
        decode(data.replace(old, new), name="o", model="m")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"column": ""}, "column"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"min_count": 0}, "min_count"),
        ({"expire_after": 0}, "expire_after"),
        ({"buckets": 0}, "buckets"),
        ({"grow": 0.5}, "grow"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=rf"Vocabulary\.{field}"):
        Vocabulary(**{"column": "x", "capacity": 3, **settings})
