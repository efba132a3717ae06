"""A bisect finds where a line went wrong, and trains no more than whoever knew it beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.lineage.bisect import Bounds, Probe, bounds, next_probe

LINES = st.lists(st.booleans(), min_size=1, max_size=24)
"""By position, whether it is at hand."""


@dataclass
class Done:
    """What whoever follows the probes has done."""

    measured: dict[int, bool]
    trained: list[int]


def follow(at_hand: Sequence[bool], wrong: Sequence[bool]) -> Done:
    """Measure what is asked for, as a process does that keeps one trained model: the last that is right."""
    done = Done(measured={}, trained=[])
    stands_at, held = None, None
    while (probe := next_probe(at_hand, done.measured)) is not None:
        at = probe.at
        assert at not in done.measured, "measured twice"
        if probe.train:
            there = at == 0 or at_hand[at - 1] or at - 1 in (stands_at, held)
            assert there, f"{at} is to be trained, and {at - 1} is neither at hand nor held"
            done.trained.append(at)
        else:
            assert at_hand[at]
        stands_at = at
        done.measured[at] = wrong[at]
        if probe.train and not wrong[at]:
            held = at
    return done


def way(at_hand: Sequence[bool], at: int) -> set[int]:
    """What has to be trained to measure position `at`; nothing for one before the line."""
    trained: set[int] = set()
    while at >= 0 and not at_hand[at]:
        trained.add(at)
        at -= 1
    return trained


@given(at_hand=LINES, data=st.data())
def test_the_first_wrong_position_is_found_with_as_little_training_as_it_takes_to_prove_it(
    at_hand: list[bool], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(at_hand) - 1))
    last = len(at_hand) - 1

    done = follow(at_hand, [at >= first for at in range(len(at_hand))])

    assert bounds(done.measured) == Bounds(right=first - 1, wrong=first)
    assert first in done.measured
    assert first == 0 or first - 1 in done.measured
    assert sorted(done.trained) == sorted(
        way(at_hand, last) | way(at_hand, first) | way(at_hand, first - 1)
    ), "each once, and none that the proof could do without"


@given(at_hand=st.lists(st.booleans(), min_size=2, max_size=24), data=st.data())
def test_what_is_at_hand_is_measured_as_rarely_as_a_binary_search_does(
    at_hand: list[bool], data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, len(at_hand) - 1))

    done = follow(at_hand, [at >= first for at in range(len(at_hand))])

    assert len(done.measured) - len(done.trained) <= 1 + math.ceil(math.log2(sum(at_hand) + 1))


@given(line=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=24))
def test_in_a_line_that_goes_to_and_fro_it_ends_where_wrong_follows_right(
    line: list[tuple[bool, bool]],
) -> None:
    at_hand, wrong = [at for at, _ in line], [is_wrong for _, is_wrong in line]

    done = follow(at_hand, wrong)

    if wrong[-1]:
        found = bounds(done.measured)
        assert found.found
        assert wrong[found.wrong]
        assert found.wrong == 0 or not wrong[found.right]
        if found.wrong == 0:
            assert all(wrong[at] for at, there in enumerate(at_hand) if there), "one at hand is right"
    else:
        assert set(done.measured) == way(at_hand, len(line) - 1) | {len(line) - 1}, "no more than the last"


@given(data=st.data())
def test_a_young_model_that_is_wrong_hides_nothing_as_long_as_one_that_was_right_is_at_hand(
    data: st.DataObject,
) -> None:
    young, right, broken = (data.draw(st.integers(least, 8)) for least in (0, 1, 1))
    wrong = [True] * young + [False] * right + [True] * broken
    at_hand = data.draw(st.lists(st.booleans(), min_size=len(wrong), max_size=len(wrong)))
    at_hand[data.draw(st.integers(young, young + right - 1))] = True

    done = follow(at_hand, wrong)

    assert bounds(done.measured) == Bounds(right=young + right - 1, wrong=young + right)


def test_what_is_known_to_be_right_before_the_line_ends_it_at_once() -> None:
    assert next_probe([True] * 3, {2: True, 0: True}) == Probe(at=1, train=False)
    assert next_probe([True] * 3, {2: True, 0: True}, right_before=True) is None


def test_the_last_position_is_measured_first() -> None:
    assert next_probe([True, True, True], {}) == Probe(at=2, train=False)
    assert next_probe([True, False, False], {}) == Probe(at=1, train=True)
    assert next_probe([True, True, True], {2: False}) is None


def test_a_gap_is_walked_from_the_last_that_is_right() -> None:
    at_hand = [True, False, False, False, True]
    assert next_probe(at_hand, {4: True}) == Probe(at=0, train=False)
    assert next_probe(at_hand, {4: True, 0: False}) == Probe(at=1, train=True)
    assert next_probe(at_hand, {4: True, 0: False, 1: False}) == Probe(at=2, train=True)
    assert next_probe(at_hand, {4: True, 0: False, 1: False, 2: True}) is None
