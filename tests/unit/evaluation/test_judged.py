"""What is judged survives its way through Parquet, and what cannot be judged is refused at the door."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Judged, ServableCheck


def judged(**changes: object) -> Judged:
    fields: dict[str, object] = {
        "label": np.array([0, 1, 1]),
        "candidate": np.array([0.1, 0.7, 0.4], dtype=np.float32),
        "champion": np.array([0.2, 0.6, 0.5]),
        "segments": {"carrier": np.array(["AA", "UA", "AA"])},
        "slice_key": "2013-01-06",
        "rows": "holdout of slice 2013-01-06",
    }
    return Judged(**(fields | changes))


def through_parquet(table: pa.Table) -> pa.Table:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return pq.read_table(pa.BufferReader(sink.getvalue()))


def assert_same(one: Judged, other: Judged) -> None:
    np.testing.assert_array_equal(one.label, other.label)
    np.testing.assert_array_equal(one.candidate, other.candidate)
    assert (one.champion is None) == (other.champion is None)
    if one.champion is not None:
        np.testing.assert_array_equal(one.champion, other.champion)
    assert list(one.segments) == list(other.segments)
    for name in one.segments:
        assert one.segments[name].tolist() == other.segments[name].tolist()
    assert (one.slice_key, one.rows, one.servable) == (other.slice_key, other.rows, other.servable)


numbers = st.floats(width=64, allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(0, 8))
def test_a_table_gives_back_what_was_written(data, size):
    def column(values):
        return st.lists(values, min_size=size, max_size=size)

    words = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)
    names = data.draw(st.lists(words, max_size=2, unique=True))
    check = st.builds(
        ServableCheck,
        max_abs_difference=st.none() | st.floats(0, 1),
        rows=st.integers(0, 9),
        error=st.none() | words,
    )
    champion = data.draw(st.none() | column(st.floats()))
    original = Judged(
        label=np.array(data.draw(column(numbers)), dtype=float),
        candidate=np.array(data.draw(column(st.floats())), dtype=float),
        champion=None if champion is None else np.array(champion, dtype=float),
        segments={name: np.array(data.draw(column(words)), dtype=object) for name in names},
        slice_key=data.draw(words),
        rows=data.draw(words),
        servable=data.draw(st.none() | check),
    )
    assert_same(Judged.from_table(through_parquet(original.to_table())), original)


def test_the_table_has_the_columns_people_will_query():
    assert judged().to_table().column_names == ["label", "candidate", "champion", "segment:carrier"]
    assert judged(champion=None, segments={}).to_table().column_names == ["label", "candidate"]


def test_other_columns_are_left_alone():
    table = judged().to_table().append_column("flight", pa.array(["a", "b", "c"]))
    assert_same(Judged.from_table(table), judged())


def test_arrays_are_copied_and_read_only():
    mine = np.array([0.1, 0.7, 0.4])
    kept = judged(candidate=mine)
    mine[0] = 9
    assert kept.candidate[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        kept.label[0] = 1


def test_segments_of_any_kind_become_text_and_missing_ones_are_named():
    kept = judged(
        segments={"month": np.array([1, 2, 12]), "gate": np.array(["B", None, float("nan")], object)}
    )
    assert kept.segments["month"].tolist() == ["1", "2", "12"]
    assert kept.segments["gate"].tolist() == ["B", "(missing)", "(missing)"]


def test_nan_predictions_are_kept_as_the_record_of_what_a_model_said():
    assert np.isnan(judged(candidate=[np.nan, 0.5, 0.5]).candidate[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"candidate": np.zeros(2)}, "candidate='2 rows'.*as many rows as label has: 3"),
        ({"champion": np.zeros(4)}, "champion='4 rows'"),
        ({"segments": {"carrier": np.array(["AA"])}}, "segment:carrier='1 rows'"),
        ({"candidate": np.zeros((3, 1))}, r"candidate='shape \(3, 1\)'[\s\S]*flatten"),
        ({"candidate": np.array(["a", "b", "c"])}, "expected numbers"),
        ({"label": np.array([0, np.nan, 1])}, "1 of 3 NaN or infinite"),
        ({"slice_key": ""}, "slice_key=''"),
        ({"rows": ""}, "rows=''"),
    ],
)
def test_what_cannot_be_judged_is_refused_by_name(changes, said):
    with pytest.raises(BadInput, match=said):
        judged(**changes)


def test_a_table_of_someone_else_is_refused():
    table = judged().to_table()
    with pytest.raises(BadInput, match=r"written by Judged\.to_table"):
        Judged.from_table(table.replace_schema_metadata({}))
    with pytest.raises(BadInput, match="a column 'candidate'"):
        Judged.from_table(table.drop_columns(["candidate"]))
    with pytest.raises(BadInput, match="slice_key and rows"):
        Judged.from_table(table.replace_schema_metadata({"ckpt_ops.judged": "[]"}))
    with pytest.raises(BadInput, match="label='1 nulls in 1 rows'"):
        Judged.from_table(
            pa.table({"label": pa.array([None], pa.float64()), "candidate": [0.5]}).replace_schema_metadata(
                table.schema.metadata
            )
        )
