"""Between two steps of a run or a rebase: nothing is promoted that should not be, nothing is stuck.

The log moves while somebody trains: slices are withdrawn, corrected, tainted, forgotten; heads roll back;
garbage is collected. Training is a sum (`stand_in`), all else is real.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from stand_in import BOB, EVE, W1, W2, W3, W4, W5, Place

from ckpt_ops.candidates.opening import open_candidate, proposed
from ckpt_ops.checkpoints import EveryVersions, Keep
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.errors import BadInput, ModelOnHold
from ckpt_ops.forget.forget import forget
from ckpt_ops.forget.request import Asked
from ckpt_ops.intake.decisions import lift_taint, taint, withdraw
from ckpt_ops.lineage import ModelLog, VersionStatus
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import SliceAccepted, SliceQuarantined, SliceRef
from ckpt_ops.promotion import rollback
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.runs.prune import prune


def quiet(line: str) -> None:
    pass


def rebase(place: Place) -> str:
    return str(rebasing.rebase(place.pipeline, place.store, quiet).settled.decision)


def trained(place: Place, key: str) -> int:
    return int(steps.train(place.pipeline, place.store, key, quiet).version)


def promoted(place: Place, version: int) -> str:
    steps.evaluate(place.pipeline, place.store, version)
    return str(steps.promote(place.pipeline, place.store, version).decision)


def corrected(place: Place) -> None:
    place.take_in(W2, (BOB, 20), (EVE, 41))


# --- between training and promotion -------------------------------------------------------------


def test_a_slice_withdrawn_meanwhile_is_not_promoted(history: Place) -> None:
    version = trained(history, W4)
    withdraw(history.store, "people", W4, "it was a test")
    assert promoted(history, version) == "superseded"
    assert W4 not in history.state().consumed


def test_a_slice_corrected_meanwhile_is_learned_as_it_stands(history: Place) -> None:
    version = trained(history, W4)
    history.take_in(W4, (BOB, 5000))
    assert promoted(history, version) == "superseded"
    assert promoted(history, trained(history, W4)) == "promoted"
    assert history.state().consumed[W4] == history.state().slices[W4].ref


def test_what_is_forgotten_meanwhile_is_not_promoted(history: Place) -> None:
    version = trained(history, W4)
    asked = Asked(model="people", keys=(W4,))
    forget(history.pipeline, history.store, asked, why="she asked", grace_hours=24.0, report=quiet)
    assert promoted(history, version) == "superseded"
    assert W4 not in history.state().consumed


def test_a_step_of_a_rebase_whose_slice_was_withdrawn_meanwhile_is_not_promoted(history: Place) -> None:
    corrected(history)
    result = rebasing.replay(history.pipeline, history.store, quiet).version
    withdraw(history.store, "people", W2, "wrong after all")
    assert rebasing.conclude(history.pipeline, history.store, result).settled.decision == "superseded"
    assert rebase(history) == "promoted"
    assert sorted(history.state().consumed) == [W1, W3]


# --- a head that moves to and fro ---------------------------------------------------------------


def test_a_result_superseded_once_is_judged_anew_when_its_champion_is_back(history: Place) -> None:
    corrected(history)
    result = rebasing.replay(history.pipeline, history.store, quiet).version
    history.learn(W4)
    assert rebasing.conclude(history.pipeline, history.store, result).settled.decision == "superseded"
    rollback(history.store, "people", 3, "that week was bad")
    withdraw(history.store, "people", W4, "that week was bad")
    assert rebase(history) == "promoted"


def test_a_result_refused_for_a_taint_is_judged_anew_when_the_taint_is_lifted(history: Place) -> None:
    corrected(history)
    result = rebasing.replay(history.pipeline, history.store, quiet).version
    taint(history.store, "people", W1, "is it?")
    assert rebasing.conclude(history.pipeline, history.store, result).settled.decision == "superseded"
    lift_taint(history.store, "people", W1, "it is not")
    assert rebase(history) == "promoted"


def test_steps_that_garbage_collection_may_take_are_not_counted_on(history: Place) -> None:
    corrected(history)
    result = rebasing.replay(history.pipeline, history.store, quiet).version
    history.learn(W4)
    assert rebasing.conclude(history.pipeline, history.store, result).settled.decision == "superseded"
    remove_garbage(history.store, find_garbage(history.store, grace=0.0))
    assert rebase(history) == "promoted"
    assert sorted(history.state().consumed) == [W1, W2, W3, W4]


@pytest.mark.parametrize("far", ["opened", "trained"])
def test_a_run_in_flight_survives_a_rebase_that_is_taken_back(history: Place, far: str) -> None:
    propose = partial(proposed, history.pipeline, key=W4)
    log = ModelLog(history.store, "people")
    if far == "opened":
        wanted = propose(log.state())
        assert wanted is not None
        number = open_candidate(log, wanted, propose).version
    else:
        number = trained(history, W4)
    corrected(history)
    assert rebase(history) == "promoted"
    assert history.state().versions[number].status is VersionStatus.REPLACED
    rollback(history.store, "people", 3, "the correction was wrong")

    history.learn(W4)

    assert W4 in history.state().consumed


def test_a_run_in_flight_survives_a_rollback_that_is_taken_back(history: Place) -> None:
    trained(history, W4)
    rollback(history.store, "people", 2, "complaints")
    rollback(history.store, "people", 3, "about something else")
    history.learn(W4)
    assert W4 in history.state().consumed


# --- taint --------------------------------------------------------------------------------------


def test_a_taint_does_not_bring_back_what_was_taken_away(history: Place) -> None:
    withdraw(history.store, "people", W4, "a test")
    with pytest.raises(BadInput, match="it is withdrawn"):
        taint(history.store, "people", W4, "poison")

    taint(history.store, "people", W3, "poison")
    withdraw(history.store, "people", W3, "for good")
    lift_taint(history.store, "people", W3, "no poison")
    assert history.state().slices[W3].status.value == "withdrawn"
    assert not history.state().tainted
    assert plan_rebase(history.state()) is not None


def test_both_revisions_of_a_slice_can_be_tainted_and_lifted(history: Place) -> None:
    corrected(history)
    taint(history.store, "people", W2, "poison")
    taint(history.store, "people", W2, "the correction, too")
    assert len(history.state().tainted) == 2
    with pytest.raises(BadInput, match="it is tainted"):
        taint(history.store, "people", W2, "once more")
    lift_taint(history.store, "people", W2, "neither")
    assert not history.state().tainted
    assert rebase(history) == "promoted"


def test_when_all_that_was_learned_is_tainted_the_next_slice_begins_a_new_history(place: Place) -> None:
    place.take_in(W1, (BOB, 1), (EVE, 2))
    place.learn(W1)
    taint(place.store, "people", W1, "poison")
    with pytest.raises(BadInput, match="a slice left to train on"):
        rebase(place)
    place.take_in(W2, (BOB, 4), (EVE, 8))
    with pytest.raises(ModelOnHold, match="tainted"):
        steps.decide(place.pipeline, place.store, W2)
    place.take_in(W5, (BOB, 16))

    assert rebase(place) == "promoted"

    assert place.knows() == (3, 28)
    assert [version.parent for version in place.state().ancestry(place.state().head)] == [None, 2]
    assert not place.state().pending()


# --- withdrawn ----------------------------------------------------------------------------------


def test_what_was_withdrawn_while_a_newer_revision_was_in_quarantine_stays_away(history: Place) -> None:
    consumed = history.state().consumed[W2]
    newer = SliceRef(key=W2, revision="f" * 16, rows=1)
    history.say(SliceQuarantined(slice=newer, report=""))
    withdraw(history.store, "people", W2, "that week is lost")
    state = history.state()
    assert {consumed.id, newer.id} <= set(state.settled)
    assert state.slices[W2].ref == newer
    before = state.sequence
    withdraw(history.store, "people", W2, "said twice")
    assert history.state().sequence == before


def test_a_rebase_that_is_done_says_so(history: Place) -> None:
    corrected(history)
    assert rebase(history) == "promoted"
    head = history.state().head
    again = rebasing.rebase(history.pipeline, history.store, quiet)
    assert (again.settled.decision, again.settled.version, again.replayed.trained) == ("promoted", head, ())
    history.say(SliceAccepted(slice=history.state().slices[W2].ref))
    assert rebase(history) == "promoted"


# --- what is left behind ------------------------------------------------------------------------


def test_lines_that_a_rebase_left_behind_let_go_once_three_promotions_have_followed(history: Place) -> None:
    bounded = replace(history.pipeline, keep=Keep(anchors=EveryVersions(versions=1)))
    history.learn(W4)
    corrected(history)
    assert rebase(history) == "promoted"
    assert prune(bounded, history.store) == (), "somebody may want them back"
    line = [version.version for version in history.state().ancestry(history.state().head)]
    assert line == [1, 5, 6, 7]
    assert prune(bounded, history.store) == ()
    for at, key in enumerate((W5, "2013-02-03")):
        history.take_in(key, (BOB, at))
        history.learn(key)
    assert prune(bounded, history.store) == (2, 3, 4)
    assert history.state().restorable == (1, 7, 8)
    history.take_in(W5, (BOB, 99))
    assert rebase(history) == "promoted"


def test_a_rebase_under_way_keeps_its_steps(history: Place) -> None:
    bounded = replace(history.pipeline, keep=Keep(anchors=EveryVersions(versions=1)))
    corrected(history)
    rebasing.replay(history.pipeline, history.store, quiet)
    for at, key in enumerate((W4, W5, "2013-02-03", "2013-02-10")):
        history.take_in(key, (BOB, at))
        history.learn(key)
    assert prune(bounded, history.store) == ()
    withdraw(history.store, "people", W2, "then another rebase is due")
    assert prune(bounded, history.store) == (4, 5)
