"""When two sets of tensors are the same, and from where a version is trained again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ckpt_ops.diagnostics.reproduction import (
    Difference,
    Outcome,
    compare,
    outcome_of,
    refused,
    share_of_the_way,
    way,
)

Tensors = dict[str, npt.NDArray[Any]]

TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.sampled_from([np.float32, np.int64, np.bool_]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, max_side=4))
    ),
    min_size=1,
    max_size=5,
)


def copied(tensors: Mapping[str, npt.NDArray[Any]]) -> Tensors:
    return {name: tensor.copy() for name, tensor in tensors.items()}


@given(tensors=TENSORS)
def test_a_copy_is_equal_whatever_its_values_and_in_whatever_order(tensors: Tensors) -> None:
    found = compare(tensors, dict(reversed(copied(tensors).items())))
    assert found.equal == tuple(tensors)
    assert found.different == ()
    assert found.recorded == found.again


@given(tensors=TENSORS, data=st.data())
def test_one_changed_bit_is_found_in_its_tensor_and_in_no_other(
    tensors: Tensors, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(name for name, tensor in tensors.items())))
    again = copied(tensors)
    octets = bytearray(again[name].tobytes())
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    again[name] = np.frombuffer(bytes(octets), again[name].dtype).reshape(again[name].shape)

    found = compare(tensors, again)

    assert [one.name for one in found.different] == [name]
    assert found.different[0].what == f"differs in 1 of {tensors[name].size:,} values"
    assert set(found.equal) == set(tensors) - {name}
    assert found.recorded != found.again
    assert found.recorded == compare(tensors, tensors).recorded


def test_the_largest_difference_is_given_where_there_is_one() -> None:
    def largest(recorded: list[float], again: list[float]) -> float | None:
        (one,) = compare({"w": np.array(recorded)}, {"w": np.array(again)}).different
        return one.largest

    assert largest([1.0, 2.0, 3.0], [1.5, 2.0, 1.0]) == 2.0
    assert largest([0.0], [-0.0]) == 0.0, "equal as numbers, another sign bit"
    assert largest([1.0, 2.0], [1.0, math.nan]) is None
    assert largest([math.inf], [-math.inf]) is None


@pytest.mark.parametrize(
    ("again", "difference"),
    [
        ({}, Difference(name="w", what="is in the checkpoint only")),
        (
            {"w": np.zeros((2, 3), np.float64)},
            Difference(name="w", what="has dtype float64, the checkpoint has float32"),
        ),
        (
            {"w": np.zeros((3, 2), np.float32)},
            Difference(name="w", what="has shape (3, 2), the checkpoint has (2, 3)"),
        ),
    ],
)
def test_names_dtypes_and_shapes_count_though_the_bytes_may_be_the_same(
    again: Tensors, difference: Difference
) -> None:
    found = compare({"w": np.zeros((2, 3), np.float32)}, again)
    assert found.different == (difference,)
    assert found.equal == ()


def test_a_tensor_that_the_checkpoint_lacks_is_a_difference() -> None:
    one = np.zeros(1, np.float32)
    assert compare({"w": one}, {"w": one, "new": one}).different == (Difference(name="new", what="is new"),)


@given(kept=st.lists(st.booleans(), min_size=1, max_size=10))
def test_it_is_trained_from_the_nearest_kept_ancestor_and_never_from_itself(kept: list[bool]) -> None:
    begin = way(kept, from_scratch=False)
    assert begin == 0 or kept[begin - 1]
    assert begin < len(kept)
    assert not any(kept[begin:-1])
    assert way(kept, from_scratch=True) == 0


def test_a_refusal_says_once_what_several_versions_have_in_common() -> None:
    error = refused("flights", 3, {2: ["the code"], 3: ["the code", "a setting"]})
    assert "\n  version 2, 3: the code\n  version 3: a setting" in error.what
    assert "--anyway" in error.next


# --- where operations are not deterministic ---------------------------------------------------------


def moved(by: float) -> Tensors:
    """A model of one tensor, and what a checkpoint holds beside its weights."""
    return {"model/a": np.full(4, by, np.float32), "optimizer/v": np.full(4, 100 * by, np.float32)}


def test_the_share_of_the_way_is_0_for_equal_weights_and_1_for_untrained_ones() -> None:
    before, recorded = moved(1.0), moved(3.0)
    assert share_of_the_way(recorded, moved(3.0), before) == 0
    assert share_of_the_way(recorded, moved(1.0), before) == pytest.approx(1)
    assert share_of_the_way(recorded, moved(2.9), before) == pytest.approx(0.05, rel=1e-5)


def test_it_has_no_value_where_nothing_moved_or_a_weight_is_no_number() -> None:
    assert share_of_the_way(moved(1.0), moved(2.0), moved(1.0)) is None
    assert share_of_the_way(moved(2.0), moved(math.nan), moved(1.0)) is None


@pytest.mark.parametrize(
    ("again", "deterministic", "apart", "outcome"),
    [
        (3.0, True, None, Outcome.EQUAL),
        (3.0, False, 0.0, Outcome.EQUAL),
        (2.9, True, None, Outcome.DIFFERENT),
        (2.9, False, 0.05, Outcome.UNTOLD),
        (1.0, False, 1.0, Outcome.DIFFERENT),
        (math.inf, False, None, Outcome.DIFFERENT),
    ],
)
def test_other_bits_say_nothing_only_near_the_checkpoint_and_without_determinism(
    again: float, deterministic: bool, apart: float | None, outcome: Outcome
) -> None:
    found = compare(moved(3.0), moved(again))
    assert outcome_of(found, deterministic=deterministic, apart=apart) is outcome


def test_a_tensor_of_another_shape_is_no_rounding() -> None:
    found = compare({"a": np.zeros(3)}, {"a": np.zeros(4)})
    assert outcome_of(found, deterministic=False, apart=0.01) is Outcome.DIFFERENT
