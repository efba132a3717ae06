"""The way to the history that should have been: where it forks, what it replays, what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from histories import (
    KEYS,
    accepted,
    carried_out,
    histories,
    promoted,
    ref,
    rejected,
    retraining,
    started,
    state_after,
    through,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.lineage import Action, VersionStatus, fold, plan
from ckpt_ops.lineage.rebase import RebasePlan, plan_rebase
from ckpt_ops.lineage.records import (
    CandidateTrained,
    CheckpointsDropped,
    LateSliceResolved,
    Promoted,
    Record,
    RolledBack,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
)
from ckpt_ops.lineage.retraining import Begin, Selection, known_slices
from ckpt_ops.lineage.state import SliceStatus

W1, W2, W3, W4, W5, W6 = KEYS[:6]
many = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

# a version for each of the weeks 1, 2, 3 and 5
PROMOTED = [
    *promoted(1, ref(W1)),
    *promoted(2, ref(W2), champion=1),
    *promoted(3, ref(W3), champion=2),
    *promoted(4, ref(W5), champion=3),
]


def planned(*records: Record | list[Record]) -> RebasePlan:
    found = plan_rebase(state_after(*records))
    assert found is not None
    return found


def keys(found: RebasePlan) -> list[list[str]]:
    return [[one.key for one in unit.slices] for unit in found.replay]


def test_nothing_is_due_while_the_head_has_learned_what_it_should_have() -> None:
    assert plan_rebase(state_after()) is None
    assert plan_rebase(state_after(PROMOTED)) is None
    assert plan_rebase(state_after(PROMOTED, accepted(W6), accepted(W4))) is None, "pending is not wrong"


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (SliceWithdrawn(slice=ref(W2), reason="shifted"), "withdrawn"),
        (SliceTainted(slice=ref(W2), reason="poisoned"), "tainted"),
    ],
    ids=["withdrawn", "tainted"],
)
def test_a_lost_slice_forks_before_it_and_replays_what_came_after(record: Record, what: str) -> None:
    found = planned(PROMOTED, [record])
    assert (found.fork, found.nearest) == (1, 1)
    assert keys(found) == [[W3], [W5]]
    assert found.replaced == (2, 3, 4)
    assert [(change.key, change.what, change.why) for change in found.changes] == [(W2, what, record.reason)]


def test_a_corrected_slice_is_learned_in_its_place() -> None:
    found = planned(PROMOTED, accepted(W2, 2))
    assert found.fork == 1
    assert [unit.slices for unit in found.replay] == [(ref(W2, 2),), (ref(W3),), (ref(W5),)]
    (change,) = found.changes
    assert (change.what, change.was, change.now) == ("corrected", ref(W2), ref(W2, 2))


def test_a_newer_revision_in_quarantine_changes_nothing() -> None:
    quarantined = SliceQuarantined(slice=ref(W2, 2), report="r")
    assert plan_rebase(state_after(PROMOTED, [quarantined])) is None
    assert plan_rebase(state_after(PROMOTED, [quarantined, SliceDiscarded(slice=ref(W2, 2))])) is None


def test_what_was_corrected_and_corrected_back_is_no_change() -> None:
    assert plan_rebase(state_after(PROMOTED, accepted(W2, 2), accepted(W2, 1))) is None


def test_a_tainted_revision_that_was_corrected_is_replaced_by_the_correction() -> None:
    found = planned(PROMOTED, accepted(W2, 2), [SliceTainted(slice=ref(W2), reason="poisoned")])
    assert keys(found) == [[W2], [W3], [W5]]
    assert found.changes[0].what == "tainted"
    assert state_after(PROMOTED, accepted(W2, 2), [SliceTainted(slice=ref(W2))]).pending() == ()


def test_a_late_slice_forks_only_when_a_person_chose_so() -> None:
    late = [accepted(W4)]
    state = state_after(PROMOTED, late)
    assert plan(state, W4, late_within=0).action is Action.HOLD
    fork = state_after(PROMOTED, late, [LateSliceResolved(slice=ref(W4), fork=True)])
    assert plan(fork, W4, late_within=0).action is Action.FORK
    found = plan_rebase(fork)
    assert found is not None
    assert (found.fork, keys(found)) == (3, [[W4], [W5]])
    assert found.replay[0].stands_for is None

    append = state_after(PROMOTED, late, [LateSliceResolved(slice=ref(W4), fork=False)])
    assert plan_rebase(append) is None
    assert plan(append, W4, late_within=0).action is Action.LATE
    taken_along = plan(state_after(PROMOTED, late, accepted(W6)), W6, late_within=0).slices
    assert taken_along == (ref(W6),), "a held slice waits for a person"


def test_a_late_slice_joins_the_version_that_learned_before_and_after_it() -> None:
    state = state_after(
        promoted(1, ref(W1)), promoted(2, ref(W2), ref(W4), champion=1), promoted(3, ref(W5), champion=2)
    )
    state = fold("model", [accepted(W3), LateSliceResolved(slice=ref(W3), fork=True)], after=state)
    found = plan_rebase(state)
    assert found is not None
    assert (found.fork, keys(found)) == (1, [[W2, W3, W4], [W5]])


def test_a_version_keeps_what_is_left_of_its_slices() -> None:
    state = state_after(promoted(1, ref(W1)), promoted(2, ref(W2), ref(W3), champion=1))
    found = plan_rebase(fold("model", [SliceWithdrawn(slice=ref(W2))], after=state))
    assert found is not None
    assert (found.fork, keys(found)) == (1, [[W3]])


def test_the_newest_slice_withdrawn_needs_no_training() -> None:
    found = planned(PROMOTED, [SliceWithdrawn(slice=ref(W5))])
    assert (found.fork, found.replay, found.cost.candidates) == (3, (), 0)
    assert not found.empties


def test_everything_withdrawn_leaves_nothing() -> None:
    found = planned(promoted(1, ref(W1)), [SliceWithdrawn(slice=ref(W1))])
    assert found.empties


def test_a_change_in_the_first_version_is_a_full_rebuild() -> None:
    found = planned(PROMOTED, accepted(W1, 2))
    assert (found.fork, found.nearest) == (None, None)
    assert found.cost == found.rebuild
    assert found.replaced == (1, 2, 3, 4)


def test_without_the_nearest_checkpoint_it_goes_back_to_an_older_one_and_says_what_that_costs() -> None:
    gone = [CheckpointsDropped(versions=(2, 3))]
    found = planned(PROMOTED, gone, accepted(W5, 2))
    assert (found.nearest, found.fork) == (3, 1)
    assert keys(found) == [[W2], [W3], [W5]]
    assert found.anchor_cost.candidates == 2
    assert found.cost.candidates == 3

    nothing = planned(PROMOTED, [CheckpointsDropped(versions=(1, 2, 3))], accepted(W5, 2))
    assert (nothing.fork, nothing.cost) == (None, nothing.rebuild)


def test_the_cost_is_that_of_the_versions_recorded() -> None:
    def timed(version: int, stopped_by: str) -> CandidateTrained:
        return CandidateTrained(
            version=version,
            step=100 * version,
            stopped_by=stopped_by,
            checkpoints=1,
            manifest="m",
            artifacts={},
            seconds=10.0 * version,
        )

    history: list[Record] = []
    for record in PROMOTED:
        if isinstance(record, CandidateTrained):
            record = timed(record.version, "max_epochs" if record.version == 4 else "max_steps")
        history.append(record)
    twice = replace(ref(W5, 2), rows=20)
    found = planned(history, [SliceAccepted(slice=twice)])
    assert (found.cost.steps, found.cost.rows) == (800, 20), "epochs follow the rows"
    assert found.cost.seconds == pytest.approx(80)
    assert (found.rebuild.steps, found.rebuild.candidates) == (100 + 200 + 300 + 800, 4)
    bounded = planned(history, accepted(W3, 2))
    assert bounded.cost.steps == 300 + 400, "a bound on steps does not"


def test_after_the_swap_the_old_line_is_replaced_and_the_new_one_may_be_rolled_back_to() -> None:
    swap: list[Record] = [
        SliceWithdrawn(slice=ref(W2)),
        replace(started(5, ref(W3), parent=1), replaces=4),
        replace(started(6, ref(W5), parent=5), replaces=4),
        Promoted(version=6, champion=4),
    ]
    state = state_after(PROMOTED, swap)
    status = {number: version.status for number, version in state.versions.items()}
    assert [status[number] for number in (2, 3, 4)] == [VersionStatus.REPLACED] * 3
    assert (status[1], status[5], status[6]) == (
        VersionStatus.PROMOTED,
        VersionStatus.REPLAYED,
        VersionStatus.PROMOTED,
    )
    assert (state.head, sorted(state.consumed), plan_rebase(state)) == (6, [W1, W3, W5], None)
    assert state.versions[6].champion == 4

    back = fold("model", [RolledBack(version=4, champion=6)], after=state)
    assert back.head == 4
    assert [back.versions[number].status for number in (2, 3, 4)] == [VersionStatus.PROMOTED] * 3
    assert back.versions[6].status is VersionStatus.ROLLED_BACK


def test_a_refused_rebase_does_not_count_against_its_slices() -> None:
    opened, *rest = rejected(5, ref(W3), champion=1)
    replayed = [replace(opened, replaces=4), *rest]
    assert state_after(PROMOTED, replayed).rejections == {}


def test_taint_marks_what_descends_and_a_person_may_lift_it() -> None:
    tainted = [*PROMOTED, SliceTainted(slice=ref(W3), reason="poisoned"), accepted(W6)]
    state = state_after(tainted)
    assert [state.taint(number) is not None for number in (1, 2, 3, 4)] == [False, False, True, True]
    assert state.restorable == (1, 2)
    assert state.consumers_of({ref(W3).id}) == (3, 4)
    stop = plan(state, W6, late_within=4)
    assert (stop.action, "tainted by slice" in stop.why) == (Action.HOLD, True)

    lifted = state_after(tainted, [SliceAccepted(slice=ref(W3), released=True)])
    assert lifted.taint(4) is None
    assert plan(lifted, W6, late_within=4).action is Action.APPEND
    assert plan_rebase(lifted) is None


# --- properties ---------------------------------------------------------------------------------


@many
@given(histories())
def test_whatever_happened_one_rebase_is_enough(records: list[Record]) -> None:
    state = fold("model", records)
    found = plan_rebase(state)
    if found is None or found.empties:
        return
    after = fold("model", carried_out(state, found), after=state)
    assert plan_rebase(after) is None
    for key, consumed in after.consumed.items():
        entry = after.slices[key]
        assert entry.status is not SliceStatus.ACCEPTED or entry.ref == consumed
        assert entry.status is not SliceStatus.WITHDRAWN
        assert consumed.id not in after.tainted
    assert {version.version for version in state.ancestry(found.fork)} <= {
        version.version for version in after.ancestry(after.head)
    }


@many
@given(histories(), st.sampled_from(Begin), st.sampled_from([None, 1, 2]))
def test_a_retraining_leaves_nothing_to_do_but_what_was_there_before(
    records: list[Record], begin: Begin, newest: int | None
) -> None:
    state = fold("model", records)
    opened = retraining(state, begin, Selection(newest=newest))
    if opened is None:
        return
    after = fold("model", through(opened, state.head), after=state)
    assert after.head == opened.version
    assert after.pending() == state.pending()
    assert known_slices(after).keys() == known_slices(state).keys()
    before, now = plan_rebase(state), plan_rebase(after)
    due = {change.key for change in now.changes} if now else set()
    if begin is Begin.SCRATCH:
        assert after.consumed == {each.key: each for each in opened.slices}
        assert due <= {each.key for each in state.pending()}, "a late slice that a person wants in its place"
    else:
        assert after.consumed == {**state.consumed, **{each.key: each for each in opened.slices}}
        assert due >= ({change.key for change in before.changes} if before else set())


@many
@given(histories())
def test_a_plan_forks_where_the_planner_says_so(records: list[Record]) -> None:
    state = fold("model", records)
    forks = {key for key in KEYS if plan(state, key, late_within=9).action is Action.FORK}
    found = plan_rebase(state)
    changed = {change.key for change in found.changes} if found else set()
    assert changed == forks
