"""What is drawn, when it stops, what is held out, when it is saved: pure values, no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.checkpoints import EverySeconds, EverySteps, FirstOf, SinceSave
from ckpt_ops.errors import BadInput
from ckpt_ops.training import (
    BatchOrder,
    Budget,
    NoReplay,
    Reservoir,
    Spent,
    StopReason,
    TailAverage,
    holdout_mask,
    holdout_mask_by,
)
from ckpt_ops.training.keyed_permutation import KeyedPermutation
from ckpt_ops.training.replay import draw

quick = settings(max_examples=60, deadline=None)
orders = st.builds(
    BatchOrder, rows=st.integers(1, 300), batch_size=st.integers(1, 64), seed=st.integers(0, 2**32)
)


# --- order --------------------------------------------------------------------------------------


@quick
@given(orders, st.integers(0, 5))
def test_an_epoch_repeats_no_row_and_leaves_out_less_than_a_batch(order: BatchOrder, epoch: int) -> None:
    first = epoch * order.steps_per_epoch
    batches = [order.indices(first + position) for position in range(order.steps_per_epoch)]
    rows = np.concatenate(batches)
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(range(order.rows))
    assert {len(batch) for batch in batches} == {min(order.batch_size, order.rows)}
    assert order.rows - len(rows) < order.batch_size


@quick
@given(orders, st.integers(0, 1000))
def test_a_batch_is_a_function_of_the_step_alone(order: BatchOrder, step: int) -> None:
    alone = order.indices(step).copy()
    for other in (0, step + 1, step // 2, step + order.steps_per_epoch):
        order.indices(other)
    np.testing.assert_array_equal(order.indices(step), alone)


def test_a_batch_cannot_be_written_into() -> None:
    batch = BatchOrder(rows=10, batch_size=4, seed=1).indices(0)
    with pytest.raises(ValueError, match="read-only"):
        batch[0] = 99


def test_epochs_and_seeds_differ() -> None:
    order, other = (BatchOrder(rows=100, batch_size=100, seed=seed) for seed in (1, 2))
    assert not np.array_equal(order.indices(0), order.indices(1))
    assert not np.array_equal(order.indices(0), other.indices(0))


@quick
@given(orders, st.integers(0, 1000))
def test_the_cursor_tells_where_the_next_batch_is(order: BatchOrder, step: int) -> None:
    cursor = order.cursor(step)
    assert cursor["epoch"] * order.steps_per_epoch + cursor["offset"] // order.batch_size == step
    assert 0 <= cursor["offset"] < order.steps_per_epoch * order.batch_size
    assert (cursor["seed"], cursor["rows"], cursor["batch_size"]) == (
        order.seed,
        order.rows,
        order.batch_size,
    )


# --- budget -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "seconds", "expected"),
    [
        (19, 1.0, None),
        (20, 1.0, StopReason.EPOCHS),
        (30, 1.0, StopReason.STEPS),
        (5, 60.0, StopReason.SECONDS),
        (30, 60.0, StopReason.STEPS),
    ],
)
def test_the_bound_that_is_met_is_named(steps: int, seconds: float, expected: StopReason | None) -> None:
    budget = Budget(max_steps=30, max_seconds=60.0, max_epochs=2)
    assert budget.stop(Spent(steps=steps, seconds=seconds, steps_per_epoch=10)) is expected


@quick
@given(st.integers(1, 200), st.none() | st.integers(1, 10), st.integers(1, 50), st.floats(0, 1))
def test_training_stops_at_the_last_step_and_not_before(
    steps: int, epochs: int | None, per: int, least: float
) -> None:
    at_least = 1 + int(least * (steps - 1))
    budget = Budget(max_steps=steps, max_seconds=1e9, max_epochs=epochs, min_steps=at_least)
    last = budget.last_step(steps_per_epoch=per)
    assert budget.stop(Spent(steps=last - 1, seconds=0.0, steps_per_epoch=per)) is None
    assert budget.stop(Spent(steps=last, seconds=0.0, steps_per_epoch=per)) is not None
    assert at_least <= last <= steps


# --- averaging ----------------------------------------------------------------------------------


@quick
@given(st.floats(0.01, 1.0), st.integers(1, 40), st.integers(1, 500))
def test_an_average_has_distinct_points_in_the_last_part_only_and_ends_with_the_last_step(
    share: float, points: int, last: int
) -> None:
    average = TailAverage(share=share, points=points)
    taken = [average.taken(step, last=last) for step in range(last + 1)]
    tail = max(1, round(share * last))
    assert taken[last] == min(points, tail)
    assert taken[last - tail] == 0
    assert set(np.diff(taken)) <= {0, 1}, "no two at one step"
    assert taken[last] > taken[last - 1]


# --- held out, replayed -------------------------------------------------------------------------

revisions = st.text("0123456789abcdef", min_size=16, max_size=32)


@quick
@given(revisions, st.integers(0, 500), st.floats(0.0, 1.0))
def test_the_same_rows_of_a_revision_are_held_out_for_ever(revision: str, rows: int, share: float) -> None:
    mask = holdout_mask(revision=revision, rows=rows, share=share)
    np.testing.assert_array_equal(mask, holdout_mask(revision=revision, rows=rows, share=share))
    assert mask.shape == (rows,)


def test_the_share_is_met_and_the_choice_is_pinned() -> None:
    mask = holdout_mask(revision="0123456789abcdef", rows=100_000, share=0.2)
    assert mask.mean() == pytest.approx(0.2, abs=0.005)
    assert not np.array_equal(mask, holdout_mask(revision="f123456789abcdef", rows=100_000, share=0.2))


values = st.lists(st.none() | st.integers(-3, 12) | st.integers(10**6, 10**7), max_size=60)


@quick
@given(values, values, st.floats(0.0, 1.0))
def test_rows_that_share_a_value_share_their_fate_in_every_slice(
    one: list[int | None], other: list[int | None], share: float
) -> None:
    fate: dict[int | None, bool] = {}
    for slice_values in (one, other):
        mask = holdout_mask_by(pa.array(slice_values, pa.int64()), share=share)
        assert mask.shape == (len(slice_values),)
        for value, held in zip(slice_values, mask.tolist(), strict=True):
            assert fate.setdefault(value, held) is held


def test_the_share_of_values_is_met_and_the_choice_is_pinned() -> None:
    mask = holdout_mask_by(pa.array([f"query {number}" for number in range(20_000)]), share=0.2)
    assert mask.mean() == pytest.approx(0.2, abs=0.01)
    assert np.flatnonzero(mask)[:4].tolist() == [7, 8, 11, 18]


@quick
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(0, 50), max_size=6),
    st.floats(0.0, 1.0),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_a_draw_has_exactly_the_rows_asked_for_without_repeats(
    sizes: dict[str, int], share: float, seed: int, by_slice: bool
) -> None:
    rows = int(share * sum(sizes.values()))
    drawn = {
        key: each.among(0, sizes[key])
        for key, each in draw(sizes=sizes, rows=rows, seed=seed, by_slice=by_slice).items()
    }
    assert sum(len(each) for each in drawn.values()) == rows
    for key, each in drawn.items():
        assert len(each)
        assert (np.diff(each) > 0).all()
        assert 0 <= each[0] <= each[-1] < sizes[key]
    again = draw(sizes=dict(reversed(sizes.items())), rows=rows, seed=seed, by_slice=by_slice)
    for key, one in again.items():
        halves = (one.among(0, sizes[key] // 2), one.among(sizes[key] // 2, sizes[key]))
        assert np.concatenate(halves).tolist() == drawn[key].tolist()


@pytest.mark.parametrize("by_slice", [False, True])
def test_a_draw_takes_every_row_alike_and_every_slice_by_its_size(by_slice: bool) -> None:
    """1,500 draws of 30 of 60 rows: a row comes in half of them, a slice has its share, give or take what
    the multivariate hypergeometric distribution gives."""
    sizes, draws, rows = {"a": 10, "b": 49, "c": 1}, 1_500, 30
    taken = {key: np.zeros(size) for key, size in sizes.items()}
    of_a = []
    for seed in range(draws):
        drawn = draw(sizes=sizes, rows=rows, seed=seed, by_slice=by_slice)
        for key, one in drawn.items():
            taken[key][one.among(0, sizes[key])] += 1
        of_a.append(len(drawn["a"].among(0, 10)) if "a" in drawn else 0)
    spread = np.sqrt(draws * 0.25)
    assert max(np.abs(one - draws / 2).max() for one in taken.values()) < 4.5 * spread
    expected = 30 * (10 / 60) * (50 / 60) * (30 / 59)
    assert np.var(of_a) == pytest.approx(expected, rel=0.15)
    assert np.mean(of_a) == pytest.approx(5, abs=4 * np.sqrt(expected / draws))


def test_a_draw_by_slice_from_any_history_takes_no_array_of_it() -> None:
    """Six billion rows consumed, 400 million drawn: more than numpy's own draw takes, or memory holds."""
    sizes = {f"{number:03}": 300_000_000 + number for number in range(20)}
    drawn = draw(sizes=sizes, rows=400_000_000, seed=3, by_slice=True)
    assert sum(one.rows for one in drawn.values()) == 400_000_000  # type: ignore[attr-defined]
    part = drawn["007"].among(5_000_000, 6_000_000)
    assert 5_000_000 <= part[0] <= part[-1] < 6_000_000
    assert len(part) == pytest.approx(1_000_000 * 400 / 6000, rel=0.05)


@given(st.integers(1, 3_000), st.integers(0, 2**32), st.integers(1, 100))
def test_a_keyed_permutation_has_each_number_once_however_it_is_read(
    rows: int, seed: int, together: int
) -> None:
    permutation = KeyedPermutation(rows, (seed, 0))
    whole = permutation[0:rows]
    assert sorted(whole.tolist()) == list(range(rows))
    parts = [permutation[start : start + together] for start in range(0, rows, together)]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_a_keyed_permutation_puts_rows_anywhere_and_is_pinned() -> None:
    """Its numbers are part of what a candidate's id stands for: they may never change."""
    assert KeyedPermutation(10**9, (7, 0))[0:4].tolist() == [937279931, 915004738, 187366251, 769586485]
    rows, draws = 1_000, 500
    first = np.array([KeyedPermutation(rows, (seed, 1))[0:20] for seed in range(draws)])
    assert first.mean() == pytest.approx((rows - 1) / 2, abs=4 * rows / np.sqrt(12 * first.size))
    neighbours = np.corrcoef(first[:, :-1].ravel(), first[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(first.size)


def test_a_keyed_order_draws_each_row_once_an_epoch() -> None:
    order = BatchOrder(rows=1_003, batch_size=10, seed=5, keyed=True)
    epoch = np.concatenate([order.indices(step) for step in range(order.steps_per_epoch)])
    assert len(epoch) == len(set(epoch.tolist())) == 1_000
    assert order.indices(order.steps_per_epoch).tolist() != order.indices(0).tolist()


@given(st.floats(0.01, 100), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_replay_never_asks_for_more_than_there_is(share: float, new: int, consumed: int) -> None:
    assert 0 <= Reservoir(share=share).rows(new=new, consumed=consumed) <= consumed
    assert NoReplay().rows(new=new, consumed=consumed) == 0


# --- saving -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "seconds", "due"), [(9, 59.0, False), (10, 0.0, True), (0, 60.0, True), (10, 60.0, True)]
)
def test_the_first_trigger_that_is_due_saves(steps: int, seconds: float, due: bool) -> None:
    trigger = FirstOf(EverySteps(10), EverySeconds(60.0))
    assert trigger.due(SinceSave(steps=steps, seconds=seconds)) is due


@pytest.mark.parametrize(
    "make",
    [
        lambda: EverySteps(0),
        lambda: EverySeconds(0),
        lambda: FirstOf(),
        lambda: Budget(max_steps=0, max_seconds=1),
        lambda: Budget(max_steps=1, max_seconds=0),
        lambda: Budget(max_steps=1, max_seconds=1, max_epochs=0),
        lambda: Budget(max_steps=1, max_seconds=1, min_steps=2),
        lambda: TailAverage(share=0),
        lambda: TailAverage(points=0),
        lambda: BatchOrder(rows=0, batch_size=1, seed=0),
        lambda: BatchOrder(rows=1, batch_size=0, seed=0),
        lambda: Reservoir(share=0),
    ],
)
def test_values_that_mean_nothing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(BadInput):
        make()
