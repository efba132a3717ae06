"""Examples put together part by part are what one concatenation would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.training import Collected, Examples


def part(rows: list[tuple[int, str]], dtype: str = "float32", *, weighted: bool = False) -> Examples:
    numbers = np.array([[n, n + 1] for n, _ in rows], dtype).reshape(len(rows), 2)
    message = np.array([word for _, word in rows], np.str_)
    labels = np.array([n % 2 for n, _ in rows], np.float32)
    beside = {"weights": np.array([n % 3 for n, _ in rows], dtype), "groups": message} if weighted else {}
    inputs = {"numbers": numbers, "words": message}
    return Examples(inputs=inputs, labels=labels, segments={"word": message}, **beside)


PARTS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(-9, 9), st.text("aé", min_size=1, max_size=4)), max_size=4),
        st.sampled_from(["int64", "float32"]),
    ),
    min_size=1,
    max_size=5,
)


@given(PARTS, st.integers(0, 30), st.booleans())
def test_parts_add_up_whatever_was_expected(
    given_parts: list[tuple[list[tuple[int, str]], str]], expected: int, weighted: bool
) -> None:
    parts = [part(rows, dtype, weighted=weighted) for rows, dtype in given_parts]
    collected = Collected(expected)
    for one in parts:
        collected.add(one)
    whole = collected.examples()
    for name in ("numbers", "words"):
        wanted = np.concatenate([one.inputs[name] for one in parts])
        np.testing.assert_array_equal(whole.inputs[name], wanted)
    np.testing.assert_array_equal(whole.labels, np.concatenate([one.labels for one in parts]))
    np.testing.assert_array_equal(
        whole.segments["word"], np.concatenate([one.segments["word"] for one in parts])
    )
    if not weighted:
        assert whole.weights is whole.groups is None
        return
    assert whole.weights is not None
    assert whole.groups is not None
    assert whole.weights.dtype == np.float32
    np.testing.assert_array_equal(whole.weights, np.concatenate([one.weights for one in parts]))
    np.testing.assert_array_equal(whole.groups, np.concatenate([one.groups for one in parts]))
    some = whole.take(np.arange(whole.rows)[::2])
    np.testing.assert_array_equal(some.weights, whole.weights[::2])
    np.testing.assert_array_equal(some.groups, whole.groups[::2])


def test_other_columns_for_other_rows_are_refused() -> None:
    collected = Collected(2)
    collected.add(part([(1, "a")]))
    with pytest.raises(ModelCodeError, match=r"columns inputs\['numbers'\] for some rows"):
        collected.add(Examples(inputs={"numbers": np.zeros((1, 2))}, labels=np.zeros(1)))


def test_another_shape_for_other_rows_is_refused() -> None:
    collected = Collected(4)
    for width, refused in ((3, False), (1, True)):
        wide = Examples(inputs={"hot": np.ones((2, width))}, labels=np.zeros(2))
        if refused:
            with pytest.raises(
                ModelCodeError, match=r"inputs hot of shape \(1,\) a row for some rows and \(3,\)"
            ):
                collected.add(wide)
        else:
            collected.add(wide)


def test_a_view_of_a_range_shares_its_memory() -> None:
    whole = part([(n, "a") for n in range(6)])
    assert np.shares_memory(whole.take(slice(1, 3)).inputs["numbers"], whole.inputs["numbers"])
    assert whole.take(slice(1, 3)).inputs["numbers"][:, 0].tolist() == [1, 2]


def test_a_part_with_weights_and_one_without_are_refused() -> None:
    collected = Collected(2)
    collected.add(part([(1, "a")], weighted=True))
    with pytest.raises(ModelCodeError, match=r"\['word'\] for some rows and .*weights, groups for others"):
        collected.add(part([(1, "a")]))


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ({"weights": [1.0, -0.5]}, "1 of 2 weights are negative or not finite"),
        ({"weights": [np.nan, 1.0]}, "1 of 2 weights are negative or not finite"),
        ({"weights": [1.0]}, r"weights has shape \(1,\) and dtype float64, labels has 2 rows"),
        ({"weights": [[1.0], [2.0]]}, r"weights has shape \(2, 1\)"),
        ({"weights": ["1", "2"]}, "dtype <U1"),
        ({"groups": ["q"]}, r"groups has shape \(1,\)"),
        ({"groups": [0.5, 1.5]}, "dtype float64"),
        ({"groups": np.array(["q", None], object)}, "groups has missing values"),
    ],
)
def test_weights_and_groups_that_mean_nothing_are_refused(beside: dict[str, object], message: str) -> None:
    with pytest.raises(ModelCodeError, match=message):
        Examples(inputs={"x": np.zeros(2)}, labels=np.zeros(2), **beside)
