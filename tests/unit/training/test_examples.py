"""Examples put together part by part are what one concatenation would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.training import Collected, Examples


def part(rows: list[tuple[int, str]], dtype: str = "float32") -> Examples:
    numbers = np.array([[n, n + 1] for n, _ in rows], dtype).reshape(len(rows), 2)
    words = np.array([word for _, word in rows], np.str_)
    labels = np.array([n % 2 for n, _ in rows], np.float32)
    return Examples(inputs={"numbers": numbers, "words": words}, labels=labels, segments={"word": words})


PARTS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(-9, 9), st.text("aé", min_size=1, max_size=4)), max_size=4),
        st.sampled_from(["int64", "float32"]),
    ),
    min_size=1,
    max_size=5,
)


@given(PARTS, st.integers(0, 30))
def test_parts_add_up_whatever_was_expected(
    given_parts: list[tuple[list[tuple[int, str]], str]], expected: int
) -> None:
    parts = [part(rows, dtype) for rows, dtype in given_parts]
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
