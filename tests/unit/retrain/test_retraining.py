"""A model sees its history again, in the same log: what it then knows, what comes after, what is refused.

Training is a sum (`stand_in`), all else is real: log, planner, gates, promotion, rebase, forget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from forgetting import ROWS, purge_at
from stand_in import ADA, BOB, EVE, W1, W2, W3, W4, W5, Place

from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.candidates.settings import trained_as, training_config
from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.errors import BadInput, CkptOpsError, ModelOnHold, TerminalError
from ckpt_ops.forget.forget import forget
from ckpt_ops.intake.decisions import taint, withdraw
from ckpt_ops.lineage import VersionStatus
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import Again, CandidateStarted, Held
from ckpt_ops.lineage.retraining import Begin, Selection
from ckpt_ops.lineage.scores import usual_scores
from ckpt_ops.pipeline import Approval, Shadow
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.promotion import release, rollback
from ckpt_ops.promotion.approval import approve
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.runs import steps
from ckpt_ops.training import Budget, NoReplay

SCRATCH, CHAMPION = Begin.SCRATCH, Begin.CHAMPION


def quiet(line: str) -> None:
    pass


def asked(begin: Begin = SCRATCH, *, max_steps: int | None = None, why: str = "fresh", **which: Any) -> Asked:
    return Asked(begin=begin, selection=Selection(**which), max_steps=max_steps, why=why)


def retrain(place: Place, *args: Any, **more: Any) -> str:
    return str(retraining.retrain(place.pipeline, place.store, asked(*args, **more), quiet).decision)


def rebase(place: Place) -> str:
    return str(rebasing.rebase(place.pipeline, place.store, quiet).settled.decision)


def corrected(place: Place) -> None:
    place.take_in(W2, (BOB, 20), (EVE, 41))


def pending(place: Place) -> list[str]:
    return [ref.key for ref in place.state().pending()]


def action(place: Place, key: str) -> str:
    return str(steps.decide(place.pipeline, place.store, key).action)


# --- what it knows and what the log says --------------------------------------------------------


def test_from_scratch_it_knows_every_row_once_and_takes_the_heads_place(history: Place) -> None:
    before = history.state()
    assert retrain(history) == "promoted"

    state = history.state()
    head = state.versions[state.head or 0]
    assert (head.version, head.parent, head.champion) == (4, None, 3)
    assert [ref.key for ref in head.slices] == [W1, W2, W3]
    assert history.knows() == (7, 373)
    assert state.consumed == before.consumed
    assert pending(history) == [W4]
    assert [state.versions[number].status for number in (1, 2, 3)] == [VersionStatus.REPLACED] * 3
    assert head.started.again == Again()
    assert plan_rebase(state) is None


def test_from_the_champion_it_sees_the_rows_a_second_time(history: Place) -> None:
    assert retrain(history, CHAMPION, newest=2) == "promoted"

    state = history.state()
    head = state.versions[state.head or 0]
    assert (head.version, head.parent, head.champion, head.started.replaces) == (4, 3, 3, None)
    assert history.knows() == (7 + 5, 373 + 370)
    assert sorted(state.consumed) == [W1, W2, W3]
    assert [state.consumed_by(key) for key in (W1, W2, W3)] == [1, 2, 3], "who consumed them stays known"
    assert pending(history) == [W4]
    assert plan_rebase(state) is None


def test_what_a_fresh_model_did_not_see_is_not_pending_and_no_run_trains_on_it(history: Place) -> None:
    assert retrain(history, newest=2) == "promoted"

    state = history.state()
    assert sorted(state.consumed) == [W2, W3]
    assert state.passed_over == {W1: 4}
    assert history.knows() == (5, 370)
    assert pending(history) == [W4]
    assert action(history, W1) == "skip"
    assert action(history, W4) == "append"
    history.take_in(W1, (BOB, 3))
    assert (action(history, W1), pending(history)) == ("skip", [W4]), "nor on a correction of it"
    assert plan_rebase(history.state()) is None

    assert retrain(history, CHAMPION, first=W1, last=W1, why="it is missed") == "promoted"
    assert (history.state().passed_over, history.knows()) == ({}, (6, 373)), "unless somebody asks"


def test_the_next_slice_goes_on_from_the_retrained_head(history: Place) -> None:
    retrain(history, newest=2)
    history.learn(W4)
    state = history.state()
    assert [one.version for one in state.ancestry(state.head)] == [4, 5]
    assert history.knows() == (7, 3370)
    assert state.passed_over == {W1: 4}


@pytest.mark.parametrize("begin", list(Begin))
def test_a_rollback_to_the_old_version_and_back(history: Place, begin: Begin) -> None:
    before = history.state()
    retrain(history, begin, newest=1)
    rollback(history.store, "people", 3, "complaints")
    state = history.state()
    assert (state.head, state.consumed, state.passed_over) == (3, before.consumed, {})
    assert pending(history) == [W4]
    with pytest.raises(TerminalError, match="version 4 was rolled back"):
        retrain(history, begin, newest=1)
    rollback(history.store, "people", 4, "about something else")
    assert history.state().head == 4
    history.learn(W4)


# --- gates, approval ----------------------------------------------------------------------------


@pytest.mark.parametrize("begin", list(Begin))
def test_it_is_promoted_only_if_the_gates_let_it_pass(history: Place, begin: Begin) -> None:
    history.good = False
    assert retrain(history, begin) == "rejected"
    state = history.state()
    assert (state.head, pending(history)) == (3, [W4])
    assert not state.rejections, "what is in production is not on its way to a hold"
    assert state.versions[4].spent
    with pytest.raises(TerminalError, match="tried before: version 4 was rejected"):
        retrain(history, begin)
    history.good = True
    history.learn(W4)


@pytest.mark.parametrize("begin", list(Begin))
def test_it_waits_for_a_person_where_the_pipeline_asks_for_one(history: Place, begin: Begin) -> None:
    history.pipeline = replace(history.pipeline, approval=Approval(within=timedelta(days=1)))
    assert retrain(history, begin) == "waiting"
    assert retrain(history, begin) == "waiting", "asked again, it is the same version"
    assert history.state().head == 3
    assert not steps.decide(history.pipeline, history.store, W4).train
    with pytest.raises(TerminalError, match="version 4 of people waits for approval"):
        retrain(history, begin, newest=1)
    approve(history.store, "people", 4, "looked at it")
    assert history.state().versions[4].approved
    assert retrain(history, begin) == "promoted"


def test_a_head_that_moved_meanwhile_is_not_replaced(history: Place) -> None:
    version = retraining.train(history.pipeline, history.store, asked(), quiet).version
    history.learn(W4)
    assert retraining.conclude(history.pipeline, history.store, version).settled.decision == "superseded"
    assert history.state().head == 5
    assert retrain(history) == "promoted"
    assert sorted(history.state().consumed) == [W1, W2, W3, W4]


def test_a_slice_withdrawn_meanwhile_is_not_promoted(history: Place) -> None:
    version = retraining.train(history.pipeline, history.store, asked(), quiet).version
    withdraw(history.store, "people", W2, "a test")
    assert retraining.conclude(history.pipeline, history.store, version).settled.decision == "superseded"
    assert history.state().head == 3


def test_asked_again_it_is_done(history: Place) -> None:
    for begin in Begin:
        assert retrain(history, begin, why=f"from {begin}") == "promoted"
        sequence = history.state().sequence
        assert retrain(history, begin, why=f"from {begin}") == "promoted"
        assert history.state().sequence == sequence
    assert retrain(history, CHAMPION, why="once more") == "promoted"
    assert history.state().head == 6


# --- rebase, taint, forget ----------------------------------------------------------------------


@pytest.mark.parametrize("which", [{}, {"newest": 2}], ids=["all", "some"])
@pytest.mark.parametrize("begin", list(Begin))
def test_a_rebase_across_it_gives_what_a_history_without_the_mistake_gives(
    history: Place, begin: Begin, which: dict[str, Any]
) -> None:
    retrain(history, begin, max_steps=7, **which)
    history.learn(W4)
    corrected(history)
    assert rebase(history) == "promoted"
    state = history.state()
    after = state.ancestry(state.head)
    assert len({ref.revision for one in after for ref in one.slices if ref.key == W2}) == 1
    assert state.passed_over.keys() == ({W1} if which and begin is SCRATCH else set())
    assert [one.started.again.max_steps if one.started.again else None for one in after][-2] == 7
    sum_of = {W1: (2, 3), W2: (2, 61), W3: (2, 300), W4: (2, 3000)}
    again = [W2, W3] if which else [W1, W2, W3]
    seen = [*([W1, W2, W3] if begin is CHAMPION else []), *again, W4]
    assert history.knows() == tuple(sum(sum_of[key][at] for key in seen) for at in (0, 1))
    repeated = candidate_of(
        history.pipeline,
        state,
        after[-2].parent,
        after[-2].slices,
        digests=digests_of(history.pipeline),
        again=after[-2].started.again,
    )
    assert repeated == after[-2].candidate, "as if it had been asked for on the corrected slices"
    assert plan_rebase(state) is None


def test_a_corrected_slice_is_seen_from_scratch_as_it_is_now_which_makes_a_rebase_needless(
    history: Place,
) -> None:
    corrected(history)
    assert plan_rebase(history.state()) is not None
    with pytest.raises(BadInput, match="corrected since"):
        retrain(history, CHAMPION)
    assert retrain(history) == "promoted"
    assert plan_rebase(history.state()) is None
    assert history.knows() == (6, 364)


def test_a_poisoned_slice_is_left_behind_by_a_fresh_start_on_others(history: Place) -> None:
    taint(history.store, "people", W3, "labels were shifted")
    with pytest.raises(ModelOnHold, match="is tainted by slice"):
        retrain(history, CHAMPION, newest=None, first=W1, last=W2)
    assert retrain(history, first=W1, last=W2) == "promoted"
    state = history.state()
    assert state.taint(state.head) is None
    assert plan_rebase(state) is None
    history.learn(W4)
    with pytest.raises(BadInput, match=f"{W3} was never consumed|this one is tainted"):
        retrain(history, first=W3, last=W4)
    taint(history.store, "people", W2, "these as well")
    state = history.state()
    assert state.taint(state.head) is not None, "what it was retrained on is known"


@pytest.mark.parametrize("which", [{}, {"newest": 1}], ids=["all", "newest"])
@pytest.mark.parametrize("begin", list(Begin))
def test_who_is_forgotten_is_forgotten_by_a_retrained_model(
    history: Place, begin: Begin, which: dict[str, Any]
) -> None:
    retrain(history, begin, **which)
    forget(history.pipeline, history.store, ROWS, why="she asked", grace_hours=0, report=quiet)
    assert purge_at(history) is not None
    left = {W1: (2, 3), W2: (1, 20), W3: (1, 200)}
    seen = [*(left if begin is CHAMPION else []), *(left if not which else [W3])]
    assert history.knows() == tuple(sum(left[key][at] for key in seen) for at in (0, 1))
    assert ADA not in history.people()
    state = history.state()
    assert state.versions[state.head or 0].started.again is not None
    assert pending(history) == [W4]


def test_garbage_collection_leaves_what_a_retraining_is_made_of(history: Place) -> None:
    retraining.train(history.pipeline, history.store, asked(), quiet)
    remove_garbage(history.store, find_garbage(history.store, grace=0.0))
    assert retrain(history) == "promoted"
    remove_garbage(history.store, find_garbage(history.store, grace=0.0))
    rollback(history.store, "people", 3, "complaints")


# --- settings, ids ------------------------------------------------------------------------------


def test_only_a_retraining_has_the_settings_of_one_in_its_id(place: Place) -> None:
    pipeline = place.pipeline
    assert training_config(pipeline, None) == pipeline.training_config()
    assert trained_as(pipeline, None) is pipeline
    ids = [training_config(pipeline, again) for again in (Again(), Again(max_steps=5), Again(max_steps=6))]
    assert len({str(one) for one in (*ids, pipeline.training_config())}) == 4
    left_out = Again(max_steps=5, without=(place.take_in(W1, (BOB, 1)),))
    assert training_config(pipeline, left_out) == ids[1], "what it does not see shapes no weights"
    dearer = replace(pipeline, budget=Budget(max_steps=99, max_seconds=9))
    assert training_config(dearer, Again(max_steps=5)) == ids[1]
    assert training_config(dearer, Again()) != ids[0]
    settings = trained_as(pipeline, Again(max_steps=15))
    assert (settings.replay, settings.budget.max_steps) == (NoReplay(), 15)


def test_the_usual_scores_of_a_slice_outlive_a_retraining(history: Place) -> None:
    state = history.state()
    scored = {
        number: replace(one, trained=replace(one.trained, scores={one.slices[-1].key: {"auc": number / 10}}))
        for number, one in state.versions.items()
        if one.trained
    }
    before = replace(state, versions={**state.versions, **scored})
    usual = usual_scores(before, replace(scored[3], parent=3))
    assert usual == {"auc": [0.1, 0.2, 0.3]}
    for begin in Begin:
        retrain(history, begin, newest=1, why=str(begin))
    now = history.state()
    now = replace(now, versions={**now.versions, **scored})
    assert usual_scores(now, now.versions[5]) == usual
    history.learn(W4)
    now = history.state()
    now = replace(now, versions={**now.versions, **scored})
    assert usual_scores(now, now.versions[6]) == usual


# --- refused before anything trains -------------------------------------------------------------


def held(place: Place) -> None:
    place.say(Held(reason="three were rejected"))


def in_shadow(place: Place) -> None:
    place.pipeline = replace(place.pipeline, shadow=Shadow(slices=1))
    steps.train(place.pipeline, place.store, W4, quiet)


def waiting(place: Place) -> None:
    place.pipeline = replace(place.pipeline, approval=Approval(within=timedelta(days=1)))
    version = steps.train(place.pipeline, place.store, W4, quiet).version
    steps.evaluate(place.pipeline, place.store, version)


@pytest.mark.parametrize(
    ("before", "how", "error", "message"),
    [
        (None, {"begin": SCRATCH, "first": W1, "last": W4}, BadInput, f"{W4} was never consumed"),
        (None, {"begin": SCRATCH, "first": W5, "last": W3}, BadInput, f"{W5} was never consumed"),
        (None, {"begin": SCRATCH, "first": W3, "last": W1}, BadInput, "the older key first"),
        (None, {"begin": SCRATCH, "newest": 4}, BadInput, "1 to 3"),
        (lambda p: taint(p.store, "people", W2, "x"), {"begin": SCRATCH}, BadInput, "this one is tainted"),
        (lambda p: withdraw(p.store, "people", W2, "x"), {"begin": CHAMPION}, BadInput, "is withdrawn"),
        (None, {"begin": SCRATCH, "why": " "}, BadInput, "a reason"),
        (held, {"begin": SCRATCH}, ModelOnHold, "people is on hold: three were rejected"),
        (in_shadow, {"begin": SCRATCH}, TerminalError, "version 4 of people is in shadow"),
        (waiting, {"begin": CHAMPION}, TerminalError, "version 4 of people waits for approval"),
    ],
)
def test_it_is_refused_before_anything_trains(
    history: Place,
    before: Callable[[Place], None] | None,
    how: dict[str, Any],
    error: type[CkptOpsError],
    message: str,
) -> None:
    if before is not None:
        before(history)
    records = history.records()
    with pytest.raises(error, match=message):
        retrain(history, how.pop("begin"), **how)
    assert history.records() == records
    assert history.state().head == 3


def test_a_hold_that_ended_is_none(history: Place) -> None:
    held(history)
    release(history.store, "people", "looked at")
    assert retrain(history) == "promoted"


def test_steps_that_do_not_see_every_row_once_are_refused_with_the_number_that_would(history: Place) -> None:
    history.pipeline = replace(history.pipeline, batch_size=2)
    records = history.records()
    with pytest.raises(BadInput, match="at least 4: one pass over the 7 rows of 3 slices, 2 rows a step"):
        retrain(history, max_steps=3)
    short = Budget(max_steps=3, max_seconds=60)
    history.pipeline = replace(history.pipeline, budget=short, save=EverySteps(3))
    with pytest.raises(BadInput, match="at least 4"):
        retrain(history)
    assert history.records() == records
    assert retrain(history, newest=2, max_steps=3) == "promoted"


def test_a_model_without_a_head_has_nothing_to_see_again(place: Place) -> None:
    place.take_in(W1, (BOB, 1))
    with pytest.raises(BadInput, match="a version in production"):
        retrain(place)
    assert len(place.records()) == 1


def test_both_a_range_and_a_number_are_refused() -> None:
    with pytest.raises(BadInput, match="one of them"):
        Selection(first=W1, last=W2, newest=1)
    with pytest.raises(BadInput, match="1 or more"):
        Selection(newest=0)
    with pytest.raises(BadInput, match="max_steps"):
        Asked(begin=SCRATCH, max_steps=0)


def test_an_older_log_has_no_retraining() -> None:
    ref = CandidateStarted(version=1, candidate="c", parent=None, slices=())
    assert ref.again is None
