"""A revision stands for rows in order, however they are packed."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.slices import Column, DataFile, check_key, check_revision, revision_of
from ckpt_ops.slices.content import ContentHash

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("word", pa.string()),
        ("flag", pa.bool_()),
        ("many", pa.list_(pa.int32())),
        ("both", pa.struct([("x", pa.float64()), ("y", pa.string())])),
    ]
)
ROW = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**40), 2**40),
        "word": st.none() | st.text("aé", max_size=3),
        "flag": st.none() | st.booleans(),
        "many": st.none() | st.lists(st.none() | st.integers(-9, 9), max_size=3),
        "both": st.none()
        | st.fixed_dictionaries({"x": st.none() | st.just(1.5), "y": st.none() | st.text("aé", max_size=2)}),
    }
)


def content(*batches: pa.RecordBatch) -> str:
    hashed = ContentHash()
    for batch in batches:
        hashed.update(batch)
    return hashed.hexdigest()


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


@given(st.lists(ROW, max_size=8), st.integers(0, 8))
def test_content_does_not_depend_on_where_batches_are_cut(rows: list[dict[str, object]], cut: int) -> None:
    whole = batch(rows)
    assert content(whole) == content(whole.slice(0, cut), whole.slice(cut))
    assert content(whole) == content(batch(rows[:cut]), batch(rows[cut:]))


@given(st.lists(ROW, max_size=4), st.lists(ROW, max_size=4))
def test_content_tells_different_rows_apart(
    left: list[dict[str, object]], right: list[dict[str, object]]
) -> None:
    assert (content(batch(left)) == content(batch(right))) == (left == right)


def test_content_of_a_dictionary_encoded_column_is_that_of_its_values() -> None:
    plain = pa.array(["EWR", None, "JFK", "EWR"])
    assert content(pa.record_batch({"o": plain})) == content(
        pa.record_batch({"o": plain.dictionary_encode()})
    )


def test_rows_in_another_order_are_another_revision() -> None:
    rows = pa.record_batch({"n": [1, 2, 3]})
    assert content(rows) != content(rows.take(pa.array([0, 2, 1])))


def files(*contents: str) -> list[DataFile]:
    return [DataFile(name=f"n{c}", rows=3, size=9, blake3="ff", content=c) for c in contents]


def columns(name: str = "n", type: pa.DataType | None = None) -> tuple[Column, ...]:
    return Column.of_schema(pa.schema([(name, type or pa.int64())], metadata={"written": "later"}))


def test_a_revision_hangs_on_names_types_content_order_and_rows_but_not_on_bytes_or_metadata() -> None:
    revision = revision_of(columns(), files("aa", "bb"))
    assert check_revision(revision) == revision
    packed = [replace(file, name="other", size=1, blake3="00") for file in files("aa", "bb")]
    assert revision == revision_of(columns(), packed)
    others = [
        revision_of(columns("m"), files("aa", "bb")),
        revision_of(columns(type=pa.int32()), files("aa", "bb")),
        revision_of(columns(), files("aa")),
        revision_of(columns(), files("bb", "aa")),
        revision_of(columns(), [replace(file, rows=4) for file in files("aa", "bb")]),
        revision_of(columns(), files("aa", "bb"), mark="released"),
    ]
    assert revision not in others
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("key", ["2013-01-06", "2013-W01", "batch_000042", "v1.2", "a" * 64])
def test_keys(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", ".hidden", "a..b", "a/b", "2013 01", "a\n", "a" * 65, "ключ", None])
def test_a_key_of_wrong_form_is_refused_with_an_example(key: str) -> None:
    with pytest.raises(BadInput, match="such as '2013-01-06'"):
        check_key(key)
