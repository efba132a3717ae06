"""What `examples()` returns is taken as arrays, or refused in one sentence that names the column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.training import Collected, Examples

X, Y = np.arange(6.0).reshape(3, 2), np.zeros(3)


def texts(*values: Any) -> np.ndarray[Any, Any]:
    column = np.empty(len(values), object)
    column[:] = values
    return column


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 4, 2)), r"labels has shape \(rows, 4, 2\); an output has one label a row, or k"),
        ({}, "labels is empty"),
        ({"a:b": Y}, "labels has an output 'a:b'"),
        ({"a": Y, "b": np.zeros(2)}, r"labels\['b'\] has 2 rows, labels\['a'\] has 3"),
        (
            {"a": Y, "b": np.array([1.0, np.nan, 2.0])},
            r"labels\['b'\] has values that are not finite in 1 of 3",
        ),
        ({"a": texts("yes", "no", "no")}, r"labels\['a'\] has dtype object"),
        ([[1.0], [1.0, 2.0], [3.0]], "labels is ragged"),
        (texts("yes", "no", "yes"), "labels has dtype object"),
        (np.array([1.0, np.nan, np.inf]), "labels has values that are not finite in 2 of 3 rows"),
        (1.0, "labels is one float, not a column"),
    ],
)
def test_labels_are_numbers_of_each_row(labels: Any, message: str) -> None:
    with pytest.raises(ModelCodeError, match=message) as refused:
        Examples(inputs={"x": X}, labels=labels)
    assert refused.value.next


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.array([1, np.nan, np.inf], np.float32), "not finite in 2 of 3 rows"),
        (np.array([[3e38, 3e38], [3e38, 3e38], [np.nan, 0]], np.float32), "not finite in 1 of 3 rows"),
        (texts("oak", None, "elm"), r"has no value \(null\) in 1 of 3 rows"),
        (texts("oak", float("nan"), None), r"has no value \(null\) in 2 of 3 rows"),
        (texts([1], [1, 2], [3]), "is ragged: 3 rows hold sequences"),
        ([[1], [1, 2], [3]], "is ragged"),
        (texts(1, 2.5, "oak"), "is an array of objects that holds float, int"),
        (np.array(["2013-01-06"] * 3, "datetime64[D]"), r"has dtype datetime64\[D\]"),
        (np.zeros(2), "has 2 rows, labels has 3"),
    ],
)
def test_an_input_that_no_model_could_take_is_named(column: Any, message: str) -> None:
    with pytest.raises(ModelCodeError, match=rf"inputs\['odd'\] .*{message}") as refused:
        Examples(inputs={"x": X, "odd": column}, labels=Y)
    assert "\n" not in refused.value.what


def test_numbers_that_only_add_up_to_too_much_are_taken() -> None:
    large = np.full((3, 2), 3e38, np.float32)
    assert Examples(inputs={"x": large}, labels=Y).rows == 3


def test_what_can_become_an_array_does() -> None:
    table = pa.table({"n": [1.5, 2.5], "word": ["oak", "elm"]})
    found = Examples(inputs={"n": table["n"], "word": table["word"]}, labels=[0, 1])
    assert found.inputs["n"].tolist() == [1.5, 2.5]
    assert found.take(np.array([1])).inputs["word"].tolist() == ["elm"]


def test_labels_of_several_outputs_stay_together_through_parts_and_choices() -> None:
    tags = np.array([[0, 1], [1, 1], [0, 0]])
    found = Examples(inputs={"x": X}, labels={"stars": Y + 3, "tags": tags, "click": [1, 0, 1]})
    collected = Collected(2)
    for part in (found, found.take(np.array([False, True, False])), found.take(slice(0, 0))):
        collected.add(part)
    whole = collected.examples()
    assert whole.rows == 4
    assert whole.labels["stars"].tolist() == [3, 3, 3, 3]
    assert whole.labels["tags"].tolist() == [[0, 1], [1, 1], [0, 0], [1, 1]]
    assert whole.labels["click"].tolist() == [1, 0, 1, 0]
    assert whole.labels["click"].dtype == np.int64
    with pytest.raises(ModelCodeError, match=r"returned columns .*labels\['click'\].* for others"):
        collected.add(Examples(inputs={"x": X}, labels={"click": Y}))


def test_a_model_that_knows_what_is_missing_is_given_it() -> None:
    gaps = np.array([1.0, np.nan, 2.0])
    found = Examples(inputs={"x": X, "gaps": gaps}, labels=Y, missing=("gaps",))
    collected = Collected(6)
    collected.add(found)
    collected.add(found.take(slice(1, 3)))
    np.testing.assert_array_equal(collected.examples().inputs["gaps"], [1, np.nan, 2, np.nan, 2])
    with pytest.raises(ModelCodeError, match=r"inputs\['gaps'\] has values that are infinite in 1 of 3 rows"):
        Examples(inputs={"gaps": np.array([1.0, np.nan, np.inf])}, labels=Y, missing=("gaps",))
    with pytest.raises(ModelCodeError, match="missing names hole, which inputs does not have"):
        Examples(inputs={"x": X}, labels=Y, missing=("hole",))
