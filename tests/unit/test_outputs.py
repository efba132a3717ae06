"""Several outputs are one array of rows, from which each is taken by name."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.outputs import (
    NAMED,
    as_given,
    check_name,
    check_output,
    each,
    form,
    formed,
    joined,
    keyed,
    names_of,
    numbers,
    of_key,
    of_output,
    together,
)

CLICK, STARS, TAGS = np.array([0, 1, 1]), np.array([[3.5], [1.0], [2.0]], np.float32), np.eye(3)
SEVERAL = numbers(together({"stars": STARS, "click": CLICK, "tags": TAGS}))


def test_outputs_lie_beside_each_other_in_one_order_whatever_the_order_they_came_in() -> None:
    assert names_of(SEVERAL) == ("click", "stars", "tags")
    assert form(SEVERAL) == {"click": (), "stars": (), "tags": (3,)}
    assert formed(SEVERAL) == "click (1 number), stars (1 number), tags (3 numbers)"
    assert SEVERAL.dtype == numbers(together({"tags": TAGS, "click": CLICK, "stars": STARS})).dtype
    assert {one.dtype for one in each(SEVERAL).values()} == {np.dtype(np.float64)}


def test_an_output_of_fewer_rows_is_not_spread_over_all() -> None:
    with pytest.raises(BadInput, match="expected as many rows of each"):
        together({"click": CLICK, "stars": np.zeros(1)})


def test_they_are_cut_and_joined_as_one_output_is() -> None:
    again = joined([SEVERAL[:1], SEVERAL[1:]])
    for name, one in each(SEVERAL).items():
        assert (again[name] == one).all()
    assert as_given(SEVERAL)["click"].tolist() == [0, 1, 1]
    assert joined([]).size == 0


def test_one_output_stays_the_plain_array_that_it_is() -> None:
    for given in (CLICK, STARS, TAGS):
        assert names_of(numbers(given)) == ()
        assert numbers(given).dtype == np.float64
        assert as_given(given) is given
    assert numbers(STARS).shape == (3,)
    assert numbers(together({"click": CLICK})).tolist() == [0, 1, 1]  # a name that nobody needs
    assert of_output(TAGS, None) is TAGS


@pytest.mark.parametrize(
    ("array", "output", "found"),
    [
        (SEVERAL, "click", CLICK),
        (SEVERAL, "stars", STARS[:, 0]),
        (SEVERAL, "tags", TAGS),
        (SEVERAL, "tags:2", TAGS[:, 2]),
        (TAGS, "label:0", TAGS[:, 0]),
    ],
)
def test_an_output_or_one_of_its_labels_is_taken_by_name(
    array: np.ndarray, output: str, found: np.ndarray
) -> None:
    assert of_output(array, output).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("array", "output", "message"),
    [
        (SEVERAL, None, "one of the model's outputs: 'click', 'stars', 'tags'; one of its labels: 'tags:0'"),
        (SEVERAL, "clicks", "one of the model's outputs: 'click', 'stars', 'tags'"),
        (SEVERAL, "click:0", "one of the model's outputs"),
        (SEVERAL, "tags:3", "'tags:0', 'tags:1', 'tags:2'$"),
        (SEVERAL, "tags:00", "one of its labels"),
        (CLICK, "click", "None: the model has one output$"),
        (CLICK, "label:0", "None: the model has one output$"),
        (
            TAGS,
            "label:3",
            "None: the model has one output; one of its labels: 'label:0', 'label:1', 'label:2'$",
        ),
        (np.zeros((3, NAMED + 1)), f"label:{NAMED}", "None: the model has one output"),
    ],
)
def test_a_name_that_the_model_does_not_have_is_refused(
    array: np.ndarray, output: str | None, message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check_output(array, output, field="AtLeast.output")
    assert refused.value.what.startswith(f"AtLeast.output={output!r} is not allowed: expected ")
    assert re.search(message, refused.value.allowed)
    with pytest.raises(BadInput):
        of_output(array, output)


def test_k_labels_together_are_refused_where_one_is_wanted() -> None:
    check_output(TAGS, "label:1", one_label=True)
    check_output(SEVERAL, "click", one_label=True)
    with pytest.raises(BadInput, match="expected one of its labels: 'label:0', 'label:1', 'label:2'"):
        check_output(TAGS, None, one_label=True)
    with pytest.raises(
        BadInput, match="one of the model's outputs: 'click', 'stars'; one of its labels: 'tags:0'"
    ):
        check_output(SEVERAL, "tags", one_label=True)


def test_metrics_have_keys_of_which_an_output_finds_its_own() -> None:
    found = {keyed("auc", "click"): 0.7, keyed("rmse", "stars"): 1.0, keyed("auc", "tags:1"): 0.6}
    found |= {keyed("auc", "tags"): 0.5, keyed("auc", None): 0.9}
    assert set(found) == {"click:auc", "stars:rmse", "tags:1:auc", "tags:auc", "auc"}
    assert of_key(found, "tags") == {"auc": 0.5}
    assert of_key(found, "tags:1") == {"auc": 0.6}
    assert of_key(found, None) == found


def test_names_can_be_told_from_labels() -> None:
    assert check_name("minutes late")
    assert not any(check_name(name) for name in ("", "a:b", 3, None, "a\nb"))
