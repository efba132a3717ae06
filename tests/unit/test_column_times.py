"""When a column exists: which slice has it, and what stands in the others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ckpt_ops.column_times import (
    Since,
    Time,
    Until,
    absent,
    as_text,
    asked_of,
    check_times,
    columns_at,
    default_of,
    described,
    filled,
    filled_schema,
    from_text,
)
from ckpt_ops.errors import BadInput

W1, W2, W3, W4 = "2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27"
SCHEMA = pa.schema([("n", pa.int64()), ("weather", pa.string()), ("tail", pa.string()), ("x", pa.float64())])


def any_key(field: str, value: str) -> None:
    """Every text is a key."""


@pytest.mark.parametrize(
    ("time", "having"),
    [
        (Since(W3, default="none"), [W3, W4]),
        (Until(W3, default=None), [W1, W2]),
        (Since(W2, until=W4, default="none"), [W2, W3]),
        (Since("2013-01-14", default="none"), [W3, W4]),  # a day between two weeks
    ],
)
def test_a_slice_has_a_column_from_its_first_key_up_to_but_without_its_last(
    time: Time, having: list[str]
) -> None:
    keys = [key for key in (W1, W2, W3, W4) if columns_at(SCHEMA, {"weather": time}, key)["weather"].here]
    assert keys == having


def test_a_slice_without_a_column_has_its_default_in_every_row() -> None:
    times = {"weather": Since(W3, default="none"), "tail": Until(W3, default=None)}
    older = pa.record_batch({"n": [1, 2], "tail": ["a", None]})
    seen = filled(older, columns_at(SCHEMA, times, W1))
    assert seen.to_pydict() == {"n": [1, 2], "tail": ["a", None], "weather": ["none", "none"]}
    newer = pa.record_batch({"n": [1, 2], "weather": ["rain", None]})
    seen = filled(newer, columns_at(SCHEMA, times, W3), ["tail", "weather"])
    assert seen.to_pydict() == {"tail": [None, None], "weather": ["rain", None]}
    assert seen.schema.field("tail").type == pa.string()


def test_the_time_decides_and_not_what_the_slice_holds() -> None:
    early = pa.record_batch({"weather": [7, 8], "n": [1, 2]})
    seen = filled(early, columns_at(SCHEMA, {"weather": Since(W3, default="none")}, W1))
    assert seen.to_pydict() == {"weather": ["none", "none"], "n": [1, 2]}


def test_what_a_slice_lacks_within_its_time_is_not_made_up() -> None:
    columns = columns_at(SCHEMA, {"weather": Since(W3, default="none")}, W4)
    assert filled_schema(pa.schema([("n", pa.int64())]), columns).names == ["n"]


HELD: list[tuple[pa.DataType, Any]] = [
    (pa.int8(), -7),
    (pa.float32(), 0.1),
    (pa.float64(), float("nan")),
    (pa.float64(), 3),
    (pa.bool_(), False),
    (pa.large_string(), "none"),
    (pa.dictionary(pa.int32(), pa.string()), "none"),
    (pa.binary(), b"x"),
    (pa.date32(), date(2013, 1, 6)),
    (pa.timestamp("ns", "UTC"), datetime(2013, 1, 6, tzinfo=UTC)),
    (pa.timestamp("us"), datetime(2013, 1, 6, 1)),
    (pa.duration("s"), timedelta(minutes=1)),
    (pa.decimal128(5, 2), Decimal("1.20")),
    (pa.list_(pa.float32()), [0.1, None]),
    (pa.struct([("a", pa.int64())]), {"a": 1}),
]


@pytest.mark.parametrize(("kind", "value"), HELD, ids=[str(kind) for kind, _ in HELD])
def test_a_default_is_a_value_of_the_columns_type(kind: pa.DataType, value: Any) -> None:
    schema = pa.schema([("n", pa.int64()), ("c", kind)])
    for default in (value, None):
        columns = columns_at(schema, {"c": Since(W3, default=default)}, W1)
        seen = filled(pa.record_batch({"n": [1, 2, 3]}), columns)
        assert seen.schema.field("c").type == kind
        assert seen.column("c").null_count == (0 if default is not None else 3)
        assert str(seen.column("c")[2].as_py()) == str(columns["c"].default.as_py())
        sent = from_text(as_text(columns))
        again = filled(pa.record_batch({"n": [1, 2, 3]}), sent)
        assert repr(again.to_pylist()) == repr(seen.to_pylist())
        assert filled_schema(pa.schema([]), sent) == filled_schema(pa.schema([]), columns)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int64(), "1"),
        (pa.int64(), 1.5),
        (pa.int64(), True),
        (pa.int8(), 300),
        (pa.string(), 1),
        (pa.string(), b"x"),
        (pa.float32(), 1e300),
        (pa.float64(), "0"),
        (pa.date32(), datetime(2013, 1, 6, 5)),
        (pa.timestamp("s"), 1),
        (pa.timestamp("s"), datetime(2013, 1, 6, 0, 0, 0, 5)),
        (pa.timestamp("us"), datetime(2013, 1, 6, tzinfo=UTC)),
        (pa.decimal128(5, 2), Decimal("1.234")),
        (pa.struct([("a", pa.int64())]), {"b": 1}),
        (pa.list_(pa.int8()), [300]),
    ],
    ids=str,
)
def test_a_default_that_the_type_cannot_hold_is_refused(kind: pa.DataType, value: Any) -> None:
    with pytest.raises(BadInput, match=r"column_times\['c'\]\.default") as refused:
        default_of(pa.field("c", kind), Since(W3, default=value))
    assert f"a value of {kind}, or None for null" in refused.value.allowed


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"wether": Since(W3, default=None)}, "columns of source s: n, weather, tail, x"),
        ({"weather": W3}, "Since"),
        ([("weather", W3)], "a mapping of columns to times"),
        ({name: Since(W3, default=None) for name in SCHEMA.names}, "not all columns of source s"),
    ],
    ids=["no such column", "no time", "no mapping", "all columns"],
)
def test_times_that_nothing_could_be_read_by_are_refused(times: Any, said: str) -> None:
    with pytest.raises(BadInput, match="column_times") as refused:
        check_times(SCHEMA, times, source="s", key=any_key)
    assert said in refused.value.allowed


def test_a_time_that_ends_before_it_begins_is_refused() -> None:
    for until in (W2, W3):
        with pytest.raises(BadInput, match="no slice would have the column"):
            Since(W3, until=until, default=None)


def test_null_is_no_default_of_a_column_without_nulls() -> None:
    with pytest.raises(BadInput, match="nullable=False"):
        default_of(pa.field("c", pa.int64(), nullable=False), Until(W3, default=None))


def test_a_setting_in_ids_tells_defaults_of_one_text_apart() -> None:
    def of(kind: pa.DataType, default: Any) -> dict[str, Any]:
        return described(pa.schema([("n", pa.int64()), ("c", kind)]), {"c": Since(W3, default=default)})

    found = [of(pa.string(), "1"), of(pa.int64(), 1), of(pa.string(), "None"), of(pa.string(), None)]
    assert len({str(one) for one in found}) == 4
    assert of(pa.float64(), float("nan"))["c"]["default"] == "nan"


KEYS = some.integers(0, 9).map(lambda at: f"2013-01-{at:02}")


@some.composite
def declared(draw: Any) -> dict[str, Time]:
    """Times of some columns, but `n`."""
    times: dict[str, Time] = {}
    for name in draw(some.sets(some.sampled_from(SCHEMA.names[1:]))):
        default = draw(some.sampled_from([None, 1.5] if name == "x" else [None, "", "none"]))
        first, second = sorted(draw(some.tuples(KEYS, KEYS)))
        how = draw(some.sampled_from(["since", "until", "both"] if first < second else ["since", "until"]))
        until = second if how == "both" else None
        times[name] = (
            Until(first, default=default) if how == "until" else Since(first, until=until, default=default)
        )
    return times


@given(times=declared(), key=KEYS, rows=some.integers(0, 3), data=some.data())
def test_whatever_is_declared_readers_see_every_column(
    times: dict[str, Time], key: str, rows: int, data: Any
) -> None:
    check_times(SCHEMA, times, source="s", key=any_key)
    columns = columns_at(SCHEMA, times, key)
    asked = asked_of(SCHEMA, columns)
    assert {*asked.names} | {*absent(columns)} == {*SCHEMA.names}
    assert not {*asked.names} & {*absent(columns)}
    for name, time in times.items():
        since, until = (time.key, time.until) if isinstance(time, Since) else ("", time.key)
        assert (name in asked.names) is (since <= key and (until is None or key < until))

    # what has the columns of its time, in any order, and perhaps others before theirs
    names = data.draw(some.permutations(asked.names))
    names += data.draw(some.lists(some.sampled_from([*absent(columns), "other"]), unique=True))
    stored = pa.record_batch({name: pa.array(range(rows), pa.int64()) for name in names})
    seen = filled(stored, columns)
    assert seen.num_rows == rows
    assert {*SCHEMA.names} <= {*seen.schema.names}
    assert seen.schema == filled_schema(stored.schema, columns)
    for name in seen.schema.names:
        if name in absent(columns):
            assert seen.schema.field(name).type == SCHEMA.field(name).type
            assert seen.column(name).to_pylist() == [times[name].default] * rows
        else:
            assert seen.column(name) == stored.column(name)
    wanted = data.draw(some.lists(some.sampled_from(seen.schema.names), unique=True, min_size=1))
    assert filled(stored, columns, wanted) == seen.select(wanted)
    # nothing is left to fill in
    assert filled(seen, columns) == seen
