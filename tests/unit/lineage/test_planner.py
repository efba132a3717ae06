"""The planner's table, row by row, and what holds for every plan."""

from __future__ import annotations

import pytest
from histories import KEYS, accepted, histories, promoted, ref, rejected, started, state_after
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.lineage import Action, fold, plan, repeated
from ckpt_ops.lineage.records import Held, Record, Released, RolledBack, SliceQuarantined, SliceWithdrawn

W1, W2, W3, W4, W5 = KEYS[:5]
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

# three promoted versions that consumed the weeks 2, 3 and 4
PROMOTED = [*promoted(1, ref(W2)), *promoted(2, ref(W3), champion=1), *promoted(3, ref(W4), champion=2)]


@pytest.mark.parametrize(
    ("records", "key", "late_within", "action", "slices"),
    [
        pytest.param([], W1, 2, Action.SKIP, [], id="never validated: skip"),
        pytest.param(
            [SliceQuarantined(slice=ref(W1), report="r")], W1, 2, Action.SKIP, [], id="quarantined: skip"
        ),
        pytest.param(
            [accepted(W1), SliceWithdrawn(slice=ref(W1))], W1, 2, Action.SKIP, [], id="withdrawn: skip"
        ),
        pytest.param([accepted(W1)], W1, 0, Action.APPEND, [W1], id="the first of all: append"),
        pytest.param([*PROMOTED, accepted(W5)], W5, 0, Action.APPEND, [W5], id="newer than the head: append"),
        pytest.param(
            [*PROMOTED, accepted(W1)], W1, 3, Action.LATE, [W1], id="older, within late_slices: append, late"
        ),
        pytest.param([*PROMOTED, accepted(W1)], W1, 2, Action.HOLD, [], id="older, beyond it: hold"),
        pytest.param([*PROMOTED, accepted(W1)], W1, 0, Action.HOLD, [], id="older, none allowed: hold"),
        pytest.param(PROMOTED, W3, 2, Action.SKIP, [], id="consumed, unchanged: skip"),
        pytest.param([*PROMOTED, accepted(W3)], W3, 2, Action.SKIP, [], id="consumed, said again: skip"),
        pytest.param([*PROMOTED, accepted(W3, 2)], W3, 2, Action.FORK, [], id="consumed, corrected: fork"),
        pytest.param(
            [*PROMOTED, SliceWithdrawn(slice=ref(W3))], W3, 2, Action.FORK, [], id="consumed, withdrawn: fork"
        ),
        pytest.param(
            [*PROMOTED, accepted(W3, 2), accepted(W3, 1)],
            W3,
            2,
            Action.SKIP,
            [],
            id="corrected and corrected back: skip",
        ),
        pytest.param(
            [*PROMOTED, RolledBack(version=2, champion=3)],
            W4,
            0,
            Action.APPEND,
            [W4],
            id="consumed by a version rolled back: append",
        ),
        pytest.param([accepted(W1), Held(reason="wait")], W1, 2, Action.HOLD, [], id="a held model: hold"),
        pytest.param(
            [*PROMOTED, Held(reason="wait")], W3, 2, Action.SKIP, [], id="held, but nothing to do: skip"
        ),
    ],
)
def test_the_table(
    records: list[Record], key: str, late_within: int, action: Action, slices: list[str]
) -> None:
    decision = plan(state_after(records), key, late_within=late_within)
    assert decision.action is action, decision.why
    assert [each.key for each in decision.slices] == slices
    assert decision.key == key
    assert decision.why


def test_skipping_says_which_version_has_it() -> None:
    assert "version 2" in plan(state_after(PROMOTED), W3, late_within=2).why


def test_a_fork_says_which_revision_became_which() -> None:
    why = plan(state_after(PROMOTED, accepted(W3, 2)), W3, late_within=2).why
    assert ref(W3, 1).revision in why
    assert ref(W3, 2).revision in why


def test_everything_pending_up_to_the_slice_is_consumed_with_it_in_order() -> None:
    decision = plan(state_after(accepted(W3), accepted(W1), accepted(W2), accepted(W4)), W3, late_within=0)
    assert [each.key for each in decision.slices] == [W1, W2, W3]
    assert decision.rows == 30


def test_a_slice_too_late_for_itself_is_not_taken_along_by_a_newer_one() -> None:
    state = state_after(PROMOTED, accepted(W1), accepted(W5))
    assert [each.key for each in plan(state, W5, late_within=2).slices] == [W5]
    assert [each.key for each in plan(state, W5, late_within=3).slices] == [W1, W5]


# --- refused again and again --------------------------------------------------------------------


def test_after_max_rejections_the_model_is_held_and_the_slice_named() -> None:
    refused: list[Record] = [accepted(W1)]
    for version in (1, 2, 3):
        assert plan(state_after(refused), W1, late_within=0, max_rejections=3).action is Action.APPEND
        refused += rejected(version, ref(W1))
    decision = plan(state_after(refused), W1, late_within=0, max_rejections=3)
    assert decision.action is Action.HOLD
    assert W1 in decision.why


def test_a_newer_slice_does_not_lead_around_the_hold() -> None:
    state = state_after(accepted(W1), rejected(1, ref(W1)), rejected(2, ref(W1)), accepted(W2))
    assert plan(state, W2, late_within=0, max_rejections=2).action is Action.HOLD


def test_a_corrected_revision_begins_with_no_rejections() -> None:
    state = state_after(accepted(W1), rejected(1, ref(W1)), rejected(2, ref(W1)), accepted(W1, 2))
    assert plan(state, W1, late_within=0, max_rejections=2).action is Action.APPEND


def test_a_release_lets_it_be_tried_again() -> None:
    state = state_after(accepted(W1), rejected(1, ref(W1)), rejected(2, ref(W1)), Released(reason="retry"))
    assert plan(state, W1, late_within=0, max_rejections=2).action is Action.APPEND


# --- tried before -------------------------------------------------------------------------------


def test_what_was_rolled_back_is_planned_again_and_said_to_have_been_tried() -> None:
    state = state_after(PROMOTED, RolledBack(version=2, champion=3))
    tried = repeated(state, plan(state, W4, late_within=0))
    assert tried is not None
    assert tried.message.startswith("version 3 with the same parent and slices was rolled back")
    assert repeated(state, plan(state, W4, late_within=0), candidate="c3") == tried
    assert repeated(state, plan(state, W4, late_within=0), candidate="of changed code") is None


def test_another_parent_other_slices_or_an_open_try_are_no_repetition() -> None:
    back = [*PROMOTED, RolledBack(version=2, champion=3)]
    for more in ([accepted(W5)], [accepted(W4, 2)], [started(4, ref(W4), parent=2)]):
        state = state_after(back, more)
        assert repeated(state, plan(state, max(state.slices), late_within=0)) is None
    state = state_after(back, RolledBack(version=1, champion=2), started(4, ref(W3), parent=1))
    assert repeated(state, plan(state, W4, late_within=0)) is None
    consumed = state_after(PROMOTED)
    assert repeated(consumed, plan(consumed, W4, late_within=0)) is None


# --- properties of any plan ---------------------------------------------------------------------


@many
@given(histories(), st.sampled_from(KEYS), st.integers(0, 4), st.integers(1, 3))
def test_a_plan_trains_only_on_accepted_unconsumed_slices_in_order(
    records: list[Record], key: str, late_within: int, max_rejections: int
) -> None:
    state = fold("model", records)
    decision = plan(state, key, late_within=late_within, max_rejections=max_rejections)
    trains = decision.action in (Action.APPEND, Action.LATE)
    keys = [each.key for each in decision.slices]
    assert bool(keys) == trains
    assert keys == sorted(set(keys))
    assert set(decision.slices) <= set(state.pending(up_to=key))
    if trains:
        assert keys[-1] == key
        assert state.held is None
        for each in decision.slices:
            assert sum(other > each.key for other in state.consumed) <= late_within
            assert state.rejections.get(each.id, 0) < max_rejections


@many
@given(histories(), st.sampled_from(KEYS), st.integers(0, 4))
def test_a_plan_is_a_function_of_the_state(records: list[Record], key: str, late_within: int) -> None:
    first, again = (plan(fold("model", records), key, late_within=late_within) for _ in range(2))
    assert first == again
