"""What a model's records add up to: consumed once, rejected is pending again, a rollback moves the head."""

from __future__ import annotations

from collections import Counter

import pytest
from histories import (
    KEYS,
    accepted,
    evaluated,
    histories,
    promoted,
    ref,
    rejected,
    started,
    state_after,
    trained,
)
from hypothesis import HealthCheck, given, settings

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import Action, LineageState, SliceState, VersionStatus, fold, plan
from ckpt_ops.lineage.records import (
    Held,
    Promoted,
    Record,
    Released,
    RolledBack,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceWithdrawn,
    UpdateDeferred,
)
from ckpt_ops.lineage.state import SliceStatus

W1, W2, W3, W4 = KEYS[:4]


# --- properties of any history: one is drawn for all of them, as drawing it is what takes time ---


def consumed_is_what_the_ancestry_of_the_head_learned_from_each_slice_once(state: LineageState) -> None:
    """A retraining from the champion sees slices again, in the revisions that were consumed."""
    line = state.ancestry(state.head)
    consumed = {each for version in line for each in version.slices}
    assert state.consumed == {each.key: each for each in consumed}
    assert len(state.consumed) == len(consumed), "one revision of each"
    again = [one for one in line if one.started.again is not None and one.parent is not None]
    once = Counter(each.key for version in line if version not in again for each in version.slices)
    twice = [key for key, times in once.items() if times > 1]
    assert not twice, f"consumed twice along the ancestry of v{state.head}: {twice}"


def an_accepted_slice_is_either_consumed_or_passed_over_or_pending(state: LineageState) -> None:
    pending = {each.key for each in state.pending()}
    for key, entry in state.slices.items():
        places = [key in pending, key in state.consumed, key in state.passed_over]
        assert sum(places) <= 1
        if entry.status is SliceStatus.ACCEPTED:
            assert any(places)
        else:
            assert key not in pending


def the_head_was_promoted_and_its_ancestors_were_too_or_replayed(state: LineageState) -> None:
    line = state.ancestry(state.head)
    assert all(version.status in (VersionStatus.PROMOTED, VersionStatus.REPLAYED) for version in line)
    assert not line or line[-1].promoted


def no_rejected_or_rolled_back_version_is_in_production(state: LineageState) -> None:
    out = {VersionStatus.REJECTED, VersionStatus.ROLLED_BACK, VersionStatus.REPLACED}
    assert not [version for version in state.ancestry(state.head) if version.status in out]


def what_hangs_on_a_rolled_back_version_is_marked_too(state: LineageState) -> None:
    for version in state.versions.values():
        parent = state.versions.get(version.parent or 0)
        if parent is not None and parent.status is VersionStatus.ROLLED_BACK:
            assert version.status in (VersionStatus.ROLLED_BACK, VersionStatus.REJECTED)


def folded(records: list[Record]) -> LineageState:
    state = fold("model", records)
    assert state.sequence == len(records), "every record counts"
    return state


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(histories())
def test_whatever_happened_this_holds_of_the_state(records: list[Record]) -> None:
    state = folded(records)
    consumed_is_what_the_ancestry_of_the_head_learned_from_each_slice_once(state)
    an_accepted_slice_is_either_consumed_or_passed_over_or_pending(state)
    the_head_was_promoted_and_its_ancestors_were_too_or_replayed(state)
    no_rejected_or_rolled_back_version_is_in_production(state)
    what_hangs_on_a_rolled_back_version_is_marked_too(state)


# --- slices -------------------------------------------------------------------------------------


def test_the_newest_word_on_a_slice_counts() -> None:
    state = state_after(
        accepted(W1), SliceQuarantined(slice=ref(W1, 2), report="r", reason="nulls", time="t")
    )
    assert state.slices[W1] == SliceState(
        ref=ref(W1, 2), status=SliceStatus.QUARANTINED, reason="nulls", time="t", report="r"
    )
    assert state.pending() == ()


def test_what_is_in_quarantine_is_so_until_a_person_decides() -> None:
    whole = state_after(SliceQuarantined(slice=ref(W1), report="r"))
    assert whole.slices[W1].in_quarantine == 10
    given_up = state_after(
        SliceQuarantined(slice=ref(W1), report="r"), SliceDiscarded(slice=ref(W1), reason="nobody needs it")
    )
    assert (given_up.slices[W1].status, given_up.slices[W1].in_quarantine) == (SliceStatus.DISCARDED, 0)
    assert given_up.pending() == ()

    some = SliceAccepted(slice=ref(W1, 2), origin="pulled", set_aside=3, report="r")
    state = state_after(some)
    assert (state.slices[W1].in_quarantine, state.slices[W1].pulled) == (3, "pulled")
    state = state_after(some, SliceDiscarded(slice=ref(W1, 2)))
    assert (state.slices[W1].in_quarantine, state.pending()) == (0, (ref(W1, 2),))
    state = state_after(some, SliceAccepted(slice=ref(W1, 3), origin="pulled", released=True))
    assert (state.slices[W1].in_quarantine, state.pending()) == (0, (ref(W1, 3),))


def test_pending_slices_are_in_key_order_whatever_order_they_came_in() -> None:
    state = state_after(accepted(W3), accepted(W1), accepted(W2))
    assert [each.key for each in state.pending()] == [W1, W2, W3]
    assert [each.key for each in state.pending(up_to=W2)] == [W1, W2]


def test_a_deferred_slice_stays_pending_and_its_numbers_are_kept() -> None:
    state = state_after(accepted(W1), UpdateDeferred(slice=ref(W1), numbers={"psi": 0.01}))
    assert state.pending() == (ref(W1),)
    assert state.deferred[W1].numbers == {"psi": 0.01}


def test_the_slices_of_a_rejected_candidate_are_pending_again() -> None:
    state = state_after(promoted(1, ref(W1)), accepted(W2), rejected(2, ref(W2), champion=1))
    assert state.head == 1
    assert state.pending() == (ref(W2),)
    assert state.versions[2].status is VersionStatus.REJECTED
    assert plan(state, W2, late_within=0).slices == (ref(W2),)


def test_a_slice_is_not_consumed_by_a_candidate_before_its_promotion() -> None:
    before = [accepted(W1), started(1, ref(W1)), trained(1), evaluated(1, champion=None, passed=True)]
    assert state_after(before).consumed == {}
    assert state_after(before, Promoted(version=1, champion=None)).consumed == {W1: ref(W1)}


# --- rollback -----------------------------------------------------------------------------------


def test_a_rollback_moves_the_head_and_makes_later_slices_pending() -> None:
    state = state_after(
        promoted(1, ref(W1)),
        promoted(2, ref(W2), champion=1),
        promoted(3, ref(W3), champion=2),
        RolledBack(version=1, champion=3, reason="worse in the north"),
    )
    assert state.head == 1
    assert [version.version for version in state.ancestry(state.head)] == [1]
    assert {n: version.status for n, version in state.versions.items()} == {
        1: VersionStatus.PROMOTED,
        2: VersionStatus.ROLLED_BACK,
        3: VersionStatus.ROLLED_BACK,
    }
    assert [each.key for each in state.pending()] == [W2, W3]
    assert plan(state, W3, late_within=0).action is Action.APPEND


def test_a_rollback_marks_candidates_in_the_making_that_were_built_on_what_it_took_back() -> None:
    in_the_making = [
        promoted(1, ref(W1)),
        promoted(2, ref(W2), champion=1),
        accepted(W3),
        started(3, ref(W3), parent=2),
        started(4, ref(W3), parent=1),
        RolledBack(version=1, champion=2),
    ]
    assert state_after(*in_the_making).versions[3].status is VersionStatus.ROLLED_BACK
    assert state_after(*in_the_making).versions[4].status is VersionStatus.STARTED
    late_word = state_after(*in_the_making, trained(3), evaluated(3, champion=2, passed=True))
    assert late_word.versions[3].status is VersionStatus.ROLLED_BACK
    assert late_word.versions[3].evaluated is not None


def test_a_rollback_can_itself_be_taken_back() -> None:
    state = state_after(
        promoted(1, ref(W1)),
        promoted(2, ref(W2), champion=1),
        RolledBack(version=1, champion=2),
        RolledBack(version=2, champion=1),
    )
    assert state.head == 2
    assert state.pending() == ()
    assert state.versions[2].status is VersionStatus.PROMOTED


def test_a_rollback_may_go_to_what_was_promoted_before_whichever_way_and_to_nothing_else() -> None:
    state = state_after(
        promoted(1, ref(W1)),
        promoted(2, ref(W2), champion=1),
        promoted(3, ref(W3), champion=2),
        rejected(4, ref(W4), champion=3),
        started(5, ref(W4), parent=3),
        RolledBack(version=1, champion=3),
    )
    assert state.versions[5].status is VersionStatus.ROLLED_BACK
    assert state.restorable == (2, 3), "never the head, a refused one or one that was never in production"


def test_a_version_that_was_rejected_before_a_rollback_stays_rejected() -> None:
    state = state_after(
        promoted(1, ref(W1)),
        promoted(2, ref(W2), champion=1),
        rejected(3, ref(W3), champion=2),
        RolledBack(version=1, champion=2),
    )
    assert state.versions[3].status is VersionStatus.REJECTED


# --- holds --------------------------------------------------------------------------------------


def test_a_hold_lasts_until_it_is_released() -> None:
    assert state_after(Held(reason="look")).held == "look"
    assert state_after(Held(reason="look"), Released(reason="seen")).held is None


def test_a_release_forgives_earlier_rejections() -> None:
    refused = [accepted(W1), *rejected(1, ref(W1)), *rejected(2, ref(W1))]
    assert state_after(refused).rejections == {ref(W1).id: 2}
    assert state_after(refused, Released(reason="the gate was wrong")).rejections == {}


# --- asking -------------------------------------------------------------------------------------


def test_a_fork_is_the_ancestry_of_its_own_parent() -> None:
    state = state_after(
        promoted(1, ref(W1)),
        promoted(2, ref(W2), champion=1),
        accepted(W2, 2),
        started(3, ref(W2, 2), parent=1),
        Promoted(version=3, champion=2),
    )
    assert [version.version for version in state.ancestry(state.head)] == [1, 3]
    assert state.consumed[W2] == ref(W2, 2)
    assert state.consumed_by(W2) == 3
    assert state.newest_consumed == W2


def test_an_unknown_version_is_refused_with_those_that_exist() -> None:
    with pytest.raises(BadInput, match=r"version=9 .* 1, 2"):
        state_after(promoted(1, ref(W1)), promoted(2, ref(W2), champion=1)).version(9)
    with pytest.raises(BadInput, match="none yet"):
        state_after().version(1)


def test_a_candidate_is_found_by_its_id() -> None:
    state = state_after(promoted(1, ref(W1)))
    found = state.by_candidate("c1", parent=None)
    assert found is not None
    assert found.version == 1
    assert state.by_candidate("c1", parent=1) is None, (
        "built on another version: another place in the history"
    )
    assert state.by_candidate("c2", parent=None) is None


def test_a_withdrawn_slice_that_nothing_consumed_is_just_not_pending() -> None:
    assert state_after(accepted(W1), SliceWithdrawn(slice=ref(W1))).pending() == ()
