"""Lists of unequal length: padded by their batch alone, or refused with column and row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops import Examples, Lists
from ckpt_ops.errors import BadInput, ModelCodeError
from ckpt_ops.lists import ListColumn, dense, flat_cells, lengths_of
from ckpt_ops.training import BatchOrder, Collected
from ckpt_ops.training.batches import maker

ROWS = st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=12)


def of(values: Any, **beside: Any) -> Examples:
    rows = len(values.values) if isinstance(values, Lists) else len(values)
    return Examples(inputs={"films": values}, labels=np.zeros(rows), **beside)


def arrays(*lists: Any) -> np.ndarray[Any, Any]:
    found = np.empty(len(lists), object)
    for row, one in enumerate(lists):
        found[row] = np.array(one)
    return found


@given(ROWS, st.integers(-99, 99))
def test_a_batch_holds_its_lists_and_what_stands_behind_their_ends(rows: list[list[int]], pad: int) -> None:
    column = of(Lists(rows, pad=pad)).inputs["films"]
    padded = dense(column)
    width = max(1, *map(len, rows))
    assert padded.tolist() == [[*one, *[pad] * (width - len(one))] for one in rows]
    # any rows, in any order, more than once
    chosen = np.array([len(rows) - 1, 0, len(rows) - 1])
    width = max(1, len(rows[0]), len(rows[-1]))
    assert dense(column[chosen]).tolist() == [
        [*rows[row], *[pad] * (width - len(rows[row]))] for row in chosen
    ]


@given(ROWS, ROWS)
def test_parts_add_up(first: list[list[int]], second: list[list[int]]) -> None:
    collected = Collected(3)
    for part in (first, second):
        lists = pa.array(part, pa.list_(pa.int64()))
        collected.add(Examples(inputs={"films": lists}, labels=lists))
    whole = collected.examples()
    films = whole.inputs["films"]
    assert isinstance(films, ListColumn)
    assert films.dtype == np.int64
    assert films.lengths.tolist() == [len(one) for one in first + second]
    assert films.flat().tolist() == [value for one in first + second for value in one]
    assert [one.tolist() for one in whole.labels] == first + second


def test_every_form_of_lists_is_the_same_column() -> None:
    rows = [[3, 1], [], [2]]
    table = pa.table({"films": pa.chunked_array([rows[:1], rows[1:]], pa.list_(pa.int64()))})
    forms = [
        table["films"],
        table["films"].combine_chunks(),
        pa.array(rows, pa.large_list(pa.int64())),
        table["films"].to_numpy(),
        arrays(*rows),
        Lists(rows),
        Lists([np.array(one, np.int64) for one in rows]),
    ]
    for form in forms:
        column = of(form).inputs["films"]
        assert isinstance(column, ListColumn)
        assert dense(column).tolist() == [[3, 1], [0, 0], [2, 0]]
        assert column.shape == (3, None)


def test_text_and_rows_of_numbers_may_be_in_lists() -> None:
    words = of(pa.array([["an", "elm"], []])).inputs["films"]
    assert dense(words).tolist() == [["an", "elm"], ["", ""]]
    places = of(pa.array([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], pa.list_(pa.list_(pa.float32(), 2))))
    assert places.inputs["films"].shape == (2, None, 2)
    assert dense(places.inputs["films"])[0].tolist() == [[1.0, 2.0], [0.0, 0.0]]


@pytest.mark.parametrize(("keep", "kept"), [("first", [1, 2]), ("last", [2, 3])])
def test_a_length_pads_all_batches_alike_and_says_what_is_kept(keep: str, kept: list[int]) -> None:
    column = of(Lists([[1, 2, 3], [4]], length=2, keep=keep, pad=-1)).inputs["films"]
    assert dense(column).tolist() == [kept, [4, -1]]
    assert dense(column[1:]).tolist() == [[4, -1]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([[1], None, None]), r"has no list \(null\) in 2 rows, the first of them row 1"),
        (
            pa.array([[1], [2, None], [3]]),
            r"no value in its list \(null\) in 1 rows, the first of them row 1",
        ),
        (pa.array([[[1]], [[2]], [[3]]]), "is nested deeper than a list a row: its lists hold list"),
        (pa.array([[{"a": 1}]] * 3), "nested deeper than a list a row"),
        (pa.array([[1.5], [], [np.nan]]), "not finite in 1 rows, the first of them row 2"),
        (Lists([[1], None, [2]]), r"has no list \(null\) in 1 rows, the first of them row 1"),
        (Lists([[1], [None], [2]]), r"no value in its list \(null\) in 1 rows, the first of them row 1"),
        (Lists([[1], [2], 3]), "has a int in row 2, not a list"),
        (Lists([[1], [[2], [3, 4]], [2]]), "is nested deeper than a list a row in row 1"),
        (Lists([[1], ["elm"], [2]]), "has text in row 1 and int64 in row 0"),
        (Lists([[1], [1.5], [2]]), "has float64 in row 1 and int64 in row 0"),
        (Lists([[1], [2, "elm"], [2]]), "has int, str in one list, in row 1"),
        (
            Lists([[1], [2, 3, 4], [5]], length=2),
            "has 1 lists longer than length=2, the first in row 1 with 3",
        ),
        (Lists([[1], [2], [3]], pad=0.5), "is int64, and pad=0.5 is no such value"),
        (Lists([[1], [2], [3]], pad="elm"), "is int64, and pad='elm' is no such value"),
        (Lists([["a"], ["b"], ["c"]], pad=0), "is text, and pad=0 is no such value"),
        (Lists(pa.array([1, 2, 3])), "is of type int64, which holds no lists"),
        ([[1], [2, 3], [4]], r"is ragged.*Lists\(...\)"),
    ],
)
def test_lists_that_no_model_could_take_are_named(values: Any, message: str) -> None:
    with pytest.raises(ModelCodeError, match=rf"(?s)inputs\['films'\] .*{message}") as refused:
        Examples(inputs={"films": values}, labels=np.zeros(3))
    assert refused.value.safe == "nothing was trained"
    assert refused.value.next


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"length": 0}, "Lists.length"),
        ({"keep": "middle", "length": 3}, "Lists.keep"),
        ({"keep": "last"}, "Lists.keep"),
        ({"pad": [0]}, "Lists.pad"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        Lists([[1]], **settings)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Lists([[1], [1, 0]]), r"labels has 1 labels in row 0, inputs\['films'\] has 2 positions there"),
        (pa.array([["a", "b"], ["c"]]), "labels has lists of object"),
        (pa.array([[1, 0], None]), r"labels has no list \(null\) in 1 rows, the first of them row 1"),
    ],
)
def test_labels_are_those_of_the_positions_of_an_input(labels: Any, message: str) -> None:
    with pytest.raises(ModelCodeError, match=message):
        Examples(inputs={"films": Lists([[1, 2], [3]])}, labels=labels)


def test_labels_of_positions_without_lists_need_a_length() -> None:
    with pytest.raises(ModelCodeError, match=r"labels has lists, and no input has"):
        Examples(inputs={"x": np.zeros(2)}, labels=Lists([[1], [1, 0]]))
    found = Examples(inputs={"x": np.zeros(2)}, labels=Lists([[1], [1, 0]], length=3))
    assert found.follows == {"": ""}
    _, labels, weights = maker(found)(np.array([0, 1]))
    assert labels.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert weights.tolist() == [[1, 0, 0], [1, 1, 0]]


@given(ROWS.map(lambda rows: [one for one in rows if one] or [[1]]), st.integers(0, 2**31))
def test_padded_positions_weigh_nothing_and_a_batch_follows_from_its_rows(
    rows: list[list[int]], seed: int
) -> None:
    examples = Examples(
        inputs={"films": Lists(rows)},
        labels={"liked": Lists([[abs(one) for one in row] for row in rows]), "all": np.arange(len(rows))},
        weights=np.arange(len(rows)) + 1.0,
    )
    order = BatchOrder(rows=len(rows), batch_size=min(3, len(rows)), seed=seed)
    batch = order.indices(0)
    inputs, labels, weights = maker(examples)(batch)
    for at, row in enumerate(batch):
        length = len(rows[row])
        assert labels["liked"][at, :length].tolist() == [abs(one) for one in rows[row]]
        assert (weights["liked"][at, :length] == row + 1).all()
        assert not weights["liked"][at, length:].any()
    assert labels["liked"].shape == inputs["films"].shape == weights["liked"].shape
    assert weights["all"].tolist() == [row + 1 for row in batch]
    again = maker(examples.take(np.arange(len(rows))))(batch)
    assert again[0]["films"].tolist() == inputs["films"].tolist()
    assert lengths_of(examples.labels["liked"]).sum() == len(flat_cells(examples.labels["liked"]))
