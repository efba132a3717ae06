"""What is evaluated survives its way through Parquet, and what cannot be evaluated is refused at the door."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Basis, EvaluatedRows, Latency, Past, ServableCheck


def evaluated(**changes: object) -> EvaluatedRows:
    fields: dict[str, object] = {
        "label": np.array([0, 1, 1]),
        "candidate": np.array([0.1, 0.7, 0.4], dtype=np.float32),
        "champion": np.array([0.2, 0.6, 0.5]),
        "segments": {"carrier": np.array(["AA", "UA", "AA"])},
        "slice_key": "2013-01-06",
        "rows": "holdout of slice 2013-01-06",
    }
    return EvaluatedRows(**(fields | changes))


def through_parquet(table: pa.Table) -> pa.Table:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return pq.read_table(pa.BufferReader(sink.getvalue()))


def assert_same(one: EvaluatedRows, other: EvaluatedRows) -> None:
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

    message = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)
    names = data.draw(st.lists(message, max_size=2, unique=True))
    check = st.builds(
        ServableCheck,
        max_abs_difference=st.none() | st.floats(0, 1),
        rows=st.integers(0, 9),
        error=st.none() | message,
    )
    champion = data.draw(st.none() | column(st.floats()))
    original = EvaluatedRows(
        label=np.array(data.draw(column(numbers)), dtype=float),
        candidate=np.array(data.draw(column(st.floats())), dtype=float),
        champion=None if champion is None else np.array(champion, dtype=float),
        segments={name: np.array(data.draw(column(message)), dtype=object) for name in names},
        slice_key=data.draw(message),
        rows=data.draw(message),
        servable=data.draw(st.none() | check),
    )
    assert_same(EvaluatedRows.from_table(through_parquet(original.to_table())), original)


def test_the_table_has_the_columns_people_will_query():
    assert evaluated().to_table().column_names == ["label", "candidate", "champion", "segment:carrier"]
    assert evaluated(champion=None, segments={}).to_table().column_names == ["label", "candidate"]


def test_other_columns_are_left_alone():
    table = evaluated().to_table().append_column("flight", pa.array(["a", "b", "c"]))
    assert_same(EvaluatedRows.from_table(table), evaluated())


def test_arrays_are_copied_and_read_only():
    mine = np.array([0.1, 0.7, 0.4])
    kept = evaluated(candidate=mine)
    mine[0] = 9
    assert kept.candidate[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        kept.label[0] = 1


def test_segments_of_any_kind_become_text_and_missing_ones_are_named():
    kept = evaluated(
        segments={"month": np.array([1, 2, 12]), "gate": np.array(["B", None, float("nan")], object)}
    )
    assert kept.segments["month"].tolist() == ["1", "2", "12"]
    assert kept.segments["gate"].tolist() == ["B", "(missing)", "(missing)"]


def test_nan_predictions_are_kept_as_the_record_of_what_a_model_said():
    assert np.isnan(evaluated(candidate=[np.nan, 0.5, 0.5]).candidate[0])


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
        evaluated(**changes)


def test_a_table_of_someone_else_is_refused():
    table = evaluated().to_table()
    with pytest.raises(BadInput, match=r"written by EvaluatedRows\.to_table"):
        EvaluatedRows.from_table(table.replace_schema_metadata({}))
    with pytest.raises(BadInput, match="a column 'candidate'"):
        EvaluatedRows.from_table(table.drop_columns(["candidate"]))
    with pytest.raises(BadInput, match="slice_key and rows"):
        EvaluatedRows.from_table(table.replace_schema_metadata({"ckpt_ops.judged": "[]"}))
    with pytest.raises(BadInput, match="label='1 nulls in 1 rows'"):
        EvaluatedRows.from_table(
            pa.table({"label": pa.array([None], pa.float64()), "candidate": [0.5]}).replace_schema_metadata(
                table.schema.metadata
            )
        )


# --- several classes, groups, basis, what is served --------------------------------------------------


def test_class_probabilities_groups_and_basis_survive_parquet():
    three = np.array([[0.1, 0.2, 0.7], [0.5, np.nan, 0.5], [1.0, 0.0, 0.0]])
    check = ServableCheck(
        max_abs_difference=0.0,
        rows=3,
        bytes=1_234,
        latency=Latency(p50_ms=1.5, p95_ms=2.0, p99_ms=9.0, requests=200),
    )
    original = evaluated(
        label=np.array([2, 1, 0]),
        candidate=three,
        champion=three[::-1].astype(np.float32),
        groups=np.array(["q1", "q1", "q2"]),
        basis=Basis.SHADOW,
        servable=check,
    )
    found = EvaluatedRows.from_table(through_parquet(original.to_table()))
    assert_same(found, original)
    assert found.champion.shape == (3, 3)
    assert found.groups.tolist() == ["q1", "q1", "q2"]
    assert (found.basis, found.servable) == (Basis.SHADOW, check)


def test_class_probabilities_of_no_rows_keep_their_classes():
    original = evaluated(label=[], candidate=np.empty((0, 4)), champion=None, segments={})
    table = through_parquet(original.to_table())
    assert EvaluatedRows.from_table(table).candidate.shape == (0, 4)
    assert EvaluatedRows.from_table(pa.concat_tables([table, table])).count == 0


def test_why_there_is_no_champion_survives_parquet():
    original = evaluated(champion=None, champion_missing="version 3 could not be evaluated")
    found = EvaluatedRows.from_table(through_parquet(original.to_table()))
    assert (found.champion, found.champion_missing) == (None, "version 3 could not be evaluated")


def test_a_file_from_before_there_was_a_basis_is_of_held_out_rows():
    about = {
        "slice_key": "k",
        "rows": "r",
        "servable": {"max_abs_difference": 0.5, "rows": 3, "error": None},
    }
    table = evaluated().to_table().replace_schema_metadata({"ckpt_ops.judged": json.dumps(about)})
    found = EvaluatedRows.from_table(table)
    assert found.basis is Basis.HOLDOUT
    assert found.champion_missing == ""
    assert found.servable == ServableCheck(max_abs_difference=0.5, rows=3)
    assert (found.servable.bytes, found.servable.latency, found.past) == (None, None, None)


@pytest.mark.parametrize("champion", [None, [0.5, 0.5, np.nan]])
@pytest.mark.parametrize("groups", [None, ["a", "b", "a"]])
def test_past_rows_have_a_file_of_their_own(champion, groups):
    past = Past(
        slice=["w2", "w1", "w2"],
        label=[0, 1, 1],
        candidate=[0.1, 0.9, 0.4],
        champion=champion,
        groups=groups,
        champion_missing="" if champion else "version 3 could not be evaluated",
    )
    found = Past.from_table(through_parquet(past.to_table()))
    assert found.slices == ("w2", "w1")
    for name in ("slice", "label", "candidate", "champion", "groups", "champion_missing"):
        np.testing.assert_array_equal(getattr(found, name), getattr(past, name))
    assert EvaluatedRows.from_table(evaluated(past=past).to_table()).past is None
    assert EvaluatedRows.from_table(evaluated().to_table(), past=found).past is found


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: evaluated(candidate=np.zeros((3, 2)), champion=np.zeros((3, 4))),
            r"champion='shape \(3, 4\)'.*\(3, 2\)",
        ),
        (lambda: evaluated(groups=["a", None, "b"]), "groups='1 of 3 missing'"),
        (lambda: evaluated(groups=["a"]), "groups='1 rows'"),
        (lambda: evaluated(champion_missing="gone"), "champion_missing='gone'"),
        (lambda: evaluated(basis="shadow"), "basis='shadow'.*Basis.SHADOW"),
        (lambda: Past(slice=["a"], label=[0, 1], candidate=[0, 1]), "slice='1 rows'"),
        (lambda: Past.from_table(evaluated().to_table()), r"written by Past\.to_table"),
        (lambda: Latency(p50_ms=3, p95_ms=2, p99_ms=4, requests=9), "none below the one before"),
        (lambda: Latency(p50_ms=1, p95_ms=2, p99_ms=4, requests=0), "latency.requests=0"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(build, said):
    with pytest.raises(BadInput, match=said):
        build()
