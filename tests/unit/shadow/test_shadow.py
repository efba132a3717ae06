"""A candidate in shadow, step by step: what a run says, which rows decide, and what may not go meanwhile.

Training is a sum and predictions are made up (`stand_in`), all else is real.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from stand_in import BOB, EVE, W1, W2, W3, W4, W5, Place, objects

from ckpt_ops.checkpoints import EveryVersions, Keep
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.checkpoints.verify import Condition, verify
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Basis, EvaluatedRows
from ckpt_ops.forget.forget import forget
from ckpt_ops.forget.purge import purge
from ckpt_ops.forget.request import Asked
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import LineageState, VersionStatus
from ckpt_ops.lineage.records import SliceQuarantined, SliceRef
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.pipeline import Approval, Otherwise, Pipeline, Shadow
from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops.promotion import approve as say_approved
from ckpt_ops.promotion import rollback
from ckpt_ops.promotion.question import question
from ckpt_ops.runs import steps
from ckpt_ops.runs.approve import approve
from ckpt_ops.runs.prune import prune
from ckpt_ops.shadow import predictions, scoring
from ckpt_ops.shadow.deciding_rows import evaluated_slices, rows_in_shadow
from ckpt_ops.store import Store

W6, W7, W8 = "2013-02-03", "2013-02-10", "2013-02-17"
ZOE = "p-99"


@pytest.fixture
def shadowed(history: Place) -> Place:
    """Version 3 is the champion; the next candidate is evaluated on two slices."""
    history.pipeline = replace(history.pipeline, shadow=Shadow(slices=2))
    return history


def run(place: Place, key: str, *rows: tuple[str, int]) -> Any:
    """A run of the slice after its validation."""
    if rows:
        place.take_in(key, *rows)
    decided = steps.decide(place.pipeline, place.store, key)
    if not decided.train:
        return SimpleNamespace(**to_json(decided), decision=decided.action)
    trained = steps.train(place.pipeline, place.store, key, lambda line: None)
    if trained.outcome != "trained":
        return SimpleNamespace(**to_json(trained), decision=trained.outcome)
    evaluated = steps.evaluate(place.pipeline, place.store, trained.version)
    settled = steps.promote(place.pipeline, place.store, trained.version)
    return SimpleNamespace(**{**to_json(evaluated), **to_json(settled)})


def waits(place: Place) -> list[str]:
    """Keys of the slices that are scored so far."""
    found = in_shadow(place.state())
    assert found is not None
    return [ref.key for ref in found.counted]


def test_the_runs_say_what_they_wait_for_and_the_last_one_settles(shadowed: Place) -> None:
    first = run(shadowed, W4)
    assert (first.decision, first.version) == ("shadow", 4)
    assert first.why == "version 4 is evaluated on the next 2 slices, 0 of 2 scored"
    assert shadowed.state().versions[4].status is VersionStatus.TRAINED
    assert shadowed.state().head == 3
    assert run(shadowed, W5, (BOB, 1), (EVE, 2)).decision == "shadow"
    last = run(shadowed, W6, (BOB, 3), (EVE, 4), (EVE, 5))
    assert (last.decision, last.version) == ("promoted", 4)
    state = shadowed.state()
    assert sorted(state.consumed) == [W1, W2, W3, W4]
    assert [ref.key for ref in state.pending()] == [W5, W6], "scored is not consumed"
    assert run(shadowed, W7, (BOB, 6), (EVE, 7)).decision == "shadow"
    assert [ref.key for ref in shadowed.state().versions[5].slices] == [W5, W6, W7]


def test_it_is_judged_on_every_row_of_the_slices_and_the_report_says_so(shadowed: Place) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    verdict = run(shadowed, W6, (BOB, 3), (EVE, 4), (EVE, 5))
    assert verdict.rows == f"all rows of slices {W5}, {W6}, which neither model has trained on"
    assert (verdict.count, verdict.slice_key) == (5, W6)
    evaluated = shadowed.state().versions[4].evaluated
    assert evaluated is not None
    assert [ref.key for ref in evaluated.slices] == [W5, W6]
    names = [name for name in objects(shadowed.store) if "/shadow/" in name]
    assert [name.rpartition("/")[0] for name in names] == [
        f"models/people/v4/shadow/{W5}",
        f"models/people/v4/shadow/{W6}",
    ]
    again = steps.evaluate(shadowed.pipeline, shadowed.store, 4)
    assert to_json(again).items() <= vars(verdict).items(), "asked later, it is the same"


def test_what_a_model_read_by_a_former_name_is_said_of_all_slices_together(
    shadowed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    read = predictions.read

    def of_kept_code(store: Store, name: str) -> EvaluatedRows:
        who = "champion" if f"/{W5}/" in name else "candidate"
        return replace(read(store, name), former={who: {"was": "n"}})

    monkeypatch.setattr(predictions, "read", of_kept_code)
    run(shadowed, W6, (BOB, 3), (EVE, 4), (EVE, 5))
    evaluated = shadowed.state().versions[4].evaluated
    assert evaluated is not None
    for who in ("champion", "candidate"):
        assert f"The {who}'s own code was given column n as was" in evaluated.reason


def test_the_verdict_on_the_slices_decides_whatever_the_holdout_says(shadowed: Place) -> None:
    run(shadowed, W4)
    shadowed.good = False
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "rejected"
    state = shadowed.state()
    assert state.rejections == {ref.id: 1 for ref in state.versions[4].slices}
    shadowed.good = True
    run(shadowed, W7, (BOB, 5), (EVE, 6))
    assert [ref.key for ref in shadowed.state().versions[5].slices] == [W4, W5, W6, W7]
    assert shadowed.state().versions[5].parent == 3


def test_a_first_version_is_judged_at_once(place: Place) -> None:
    place.pipeline = replace(place.pipeline, shadow=Shadow(slices=2))
    assert run(place, W1, (BOB, 1), (EVE, 2)).decision == "promoted"
    assert run(place, W2, (BOB, 3), (EVE, 4)).decision == "shadow"


def test_what_was_opened_with_a_number_of_slices_keeps_it(shadowed: Place) -> None:
    run(shadowed, W4)
    shadowed.pipeline = replace(shadowed.pipeline, shadow=None)
    assert run(shadowed, W5, (BOB, 1), (EVE, 2)).decision == "shadow"
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "promoted"
    assert run(shadowed, W7, (BOB, 5), (EVE, 6)).decision == "promoted", "the next is evaluated at once"


def test_the_slice_it_learned_can_be_run_again_and_a_later_run_makes_up_for_one_that_failed(
    shadowed: Place,
) -> None:
    run(shadowed, W4)
    again = run(shadowed, W4)
    assert (again.decision, again.train) == ("shadow", False)
    retried = steps.train(shadowed.pipeline, shadowed.store, W4, lambda line: None)
    assert (retried.outcome, retried.version) == ("shadow", 4)
    shadowed.take_in(W5, (BOB, 1), (EVE, 2))  # its run never came so far
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "promoted"


def test_a_run_whose_promotion_failed_is_made_up_for_by_the_next(shadowed: Place) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    shadowed.take_in(W6, (BOB, 3), (EVE, 4))
    assert steps.train(shadowed.pipeline, shadowed.store, W6, lambda line: None).outcome == "trained"
    steps.evaluate(shadowed.pipeline, shadowed.store, 4)
    settled = run(shadowed, W7, (BOB, 5), (EVE, 6))
    assert (settled.version, settled.decision) == (4, "promoted")
    evaluated = shadowed.state().versions[4].evaluated
    assert evaluated is not None
    assert [ref.key for ref in evaluated.slices] == [W5, W6]


def test_a_slice_older_than_what_it_learned_waits_and_is_no_shadow_slice(shadowed: Place) -> None:
    shadowed.take_in(W5, (BOB, 1), (EVE, 2))
    withdraw(shadowed.store, "people", W4, "not yet")
    assert run(shadowed, W5).decision == "shadow"
    late = run(shadowed, W4, (BOB, 7), (EVE, 8))
    assert (late.decision, late.train) == ("shadow", False)
    assert waits(shadowed) == []
    run(shadowed, W6, (BOB, 3), (EVE, 4))
    assert run(shadowed, W7, (BOB, 5), (EVE, 6)).decision == "promoted"
    run(shadowed, W8, (BOB, 7), (EVE, 8))
    assert [ref.key for ref in shadowed.state().versions[5].slices] == [W4, W6, W7, W8]


# --- what is true of a slice changes ------------------------------------------------------------


def test_a_corrected_slice_is_scored_again_and_a_quarantined_one_does_not_count(shadowed: Place) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    assert waits(shadowed) == [W5]
    assert run(shadowed, W5, (BOB, 1), (EVE, 2), (EVE, 3)).decision == "shadow"
    assert waits(shadowed) == [W5]
    shadowed.say(SliceQuarantined(slice=SliceRef(key=W5, revision="f" * 16, rows=1), report=""))
    assert waits(shadowed) == []
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "shadow"
    assert run(shadowed, W7, (BOB, 5), (EVE, 6)).decision == "promoted"
    evaluated = shadowed.state().versions[4].evaluated
    assert evaluated is not None
    assert [ref.key for ref in evaluated.slices] == [W6, W7]


@pytest.mark.parametrize("after_verdict", [False, True], ids=["before its verdict", "before it is settled"])
def test_a_slice_withdrawn_between_two_steps_takes_the_verdict_with_it(
    shadowed: Place, after_verdict: bool
) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    shadowed.take_in(W6, (BOB, 3), (EVE, 4))
    assert steps.train(shadowed.pipeline, shadowed.store, W6, lambda line: None).outcome == "trained"
    if after_verdict:
        assert steps.evaluate(shadowed.pipeline, shadowed.store, 4).passed
    withdraw(shadowed.store, "people", W5, "the wrong week")
    if not after_verdict:
        assert steps.evaluate(shadowed.pipeline, shadowed.store, 4).passed is None
    assert steps.promote(shadowed.pipeline, shadowed.store, 4).decision == "shadow"
    assert shadowed.state().head == 3
    assert run(shadowed, W7, (BOB, 5), (EVE, 6)).decision == "promoted"
    evaluated = shadowed.state().versions[4].evaluated
    assert evaluated is not None
    assert [ref.key for ref in evaluated.slices] == [W6, W7]


def learned_corrected(place: Place) -> None:
    place.take_in(W4, (BOB, 5000))


def learned_withdrawn(place: Place) -> None:
    withdraw(place.store, "people", W4, "wrong")


def moved_back_and_forth(place: Place) -> None:
    rollback(place.store, "people", 2, "complaints")
    rollback(place.store, "people", 3, "about something else")


def moved_back(place: Place) -> None:
    rollback(place.store, "people", 2, "complaints")


@pytest.mark.parametrize("what", [learned_corrected, learned_withdrawn, moved_back, moved_back_and_forth])
def test_one_that_may_not_be_promoted_any_more_is_let_go_at_the_next_run(shadowed: Place, what: Any) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    what(shadowed)
    after = run(shadowed, W6, (BOB, 3), (EVE, 4))
    assert (after.version, after.decision) == (5, "shadow"), "another is trained at once"
    state = shadowed.state()
    assert not state.versions[4].open
    assert not state.rejections
    assert state.versions[5].parent == state.head
    assert {W5, W6} <= {ref.key for ref in state.versions[5].slices}


def test_one_that_is_superseded_while_its_last_slice_is_scored_is_not_promoted(shadowed: Place) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    shadowed.take_in(W6, (BOB, 3), (EVE, 4))
    steps.train(shadowed.pipeline, shadowed.store, W6, lambda line: None)
    steps.evaluate(shadowed.pipeline, shadowed.store, 4)
    learned_corrected(shadowed)
    assert steps.promote(shadowed.pipeline, shadowed.store, 4).decision == "superseded"
    assert steps.promote(shadowed.pipeline, shadowed.store, 4).decision == "superseded", "asked again"


def test_one_that_is_superseded_before_it_is_judged_is_settled_all_the_same(shadowed: Place) -> None:
    run(shadowed, W4)
    learned_corrected(shadowed)
    for _ in range(2):
        assert steps.promote(shadowed.pipeline, shadowed.store, 4).decision == "superseded"


# --- a person is asked, too -------------------------------------------------------------------------


@pytest.fixture
def asked_about(shadowed: Place) -> Place:
    """The gates let version 4 pass on two slices, and it waits for a person."""
    shadowed.pipeline = replace(shadowed.pipeline, approval=Approval())
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "waiting"
    return shadowed


CORRECTED = tuple((person, n) for n in range(3) for person in (BOB, EVE))
"""Enough rows of W6 to outweigh those of W5, whose predictions are good in any case."""


def is_asked(place: Place) -> bool:
    """Whether a person is asked about version 4."""
    until = datetime.now(UTC) + timedelta(days=1)
    return question(place.pipeline, place.store, 4, until=until, page="x") is not None


def test_nobody_is_asked_about_a_verdict_on_a_slice_that_was_corrected_and_the_new_one_decides(
    asked_about: Place,
) -> None:
    assert is_asked(asked_about)
    asked_about.take_in(W6, *CORRECTED)
    assert not is_asked(asked_about)
    before = asked_about.state()
    with pytest.raises(BadInput, match="a version whose verdict stands"):
        approve(asked_about.pipeline, asked_about.store, 4, "looks right")
    assert asked_about.state() == before

    asked_about.good = False
    assert run(asked_about, W6).decision == "rejected"
    state = asked_about.state()
    assert (state.head, state.versions[4].status) == (3, VersionStatus.REJECTED)
    evaluated = state.versions[4].evaluated
    assert evaluated is not None
    assert [(ref.key, ref.rows) for ref in evaluated.slices] == [(W5, 2), (W6, 6)]


def test_one_judged_anew_that_passes_again_is_asked_about_again(asked_about: Place) -> None:
    asked_about.take_in(W6, *CORRECTED)
    assert run(asked_about, W6).decision == "waiting"
    assert is_asked(asked_about)
    assert approve(asked_about.pipeline, asked_about.store, 4, "looks right").decision == "promoted"


@pytest.mark.parametrize("good", [False, True], ids=["it fails then", "it passes again"])
def test_the_deadline_of_a_verdict_on_a_slice_that_was_corrected_promotes_nothing(
    asked_about: Place, good: bool
) -> None:
    asked_about.take_in(W6, *CORRECTED)
    over = Approval(within=timedelta(microseconds=1), otherwise=Otherwise.PROMOTE)
    asked_about.pipeline = replace(asked_about.pipeline, approval=over)
    asked_about.good = good
    assert run(asked_about, W6).decision == ("waiting" if good else "rejected")
    state = asked_about.state()
    assert state.head == 3
    assert state.versions[4].approved is None


def test_an_approval_does_not_outlive_the_verdict_that_it_was_said_of(asked_about: Place) -> None:
    say_approved(asked_about.store, "people", 4, "looks right")  # and killed before the promotion
    assert asked_about.state().versions[4].approved is not None
    asked_about.take_in(W6, *CORRECTED)
    assert run(asked_about, W6).decision == "waiting", "it is another verdict"
    state = asked_about.state()
    assert (state.head, state.versions[4].approved) == (3, None)
    assert is_asked(asked_about)


# --- killed, and twice ---------------------------------------------------------------------------


def test_what_a_process_predicted_before_its_run_was_killed_is_not_predicted_again(
    shadowed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shadowed, W4)
    shadowed.take_in(W5, (BOB, 1), (EVE, 2))
    scoring.run_shadow_process(shadowed.pipeline, shadowed.store, 4, W5, lambda line: None)

    def nobody(*arguments: object) -> list[str]:
        raise AssertionError("no process is needed")

    monkeypatch.setattr(scoring, "run_shadow_process", nobody)
    assert run(shadowed, W5).decision == "shadow"
    assert waits(shadowed) == [W5]


def test_two_runs_at_once_say_a_slice_once(shadowed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run(shadowed, W4)
    shadowed.take_in(W5, (BOB, 1), (EVE, 2))
    alone = scoring.run_shadow_process

    def beside(pipeline: Pipeline, store: Any, version: int, key: str, report: Any) -> list[str]:
        monkeypatch.setattr(scoring, "run_shadow_process", alone)
        steps.train(pipeline, store, key, report)
        return []

    monkeypatch.setattr(scoring, "run_shadow_process", beside)
    assert run(shadowed, W5).decision == "shadow"
    said = [record for record in shadowed.records() if type(record).__name__ == "ShadowScored"]
    assert len(said) == 1


# --- what may not go, and what must --------------------------------------------------------------


def test_its_checkpoint_stays_while_it_waits_and_goes_when_it_was_let_go(shadowed: Place) -> None:
    bounded = replace(shadowed.pipeline, keep=Keep(anchors=EveryVersions(versions=9)))
    run(shadowed, W4)
    prune(bounded, shadowed.store)
    remove_garbage(shadowed.store, find_garbage(shadowed.store, grace=0.0))

    def condition() -> Condition:
        state = shadowed.state()
        (found,) = verify(shadowed.store, state, [4])
        return found.condition

    assert condition() is Condition.OK
    learned_corrected(shadowed)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    remove_garbage(shadowed.store, find_garbage(shadowed.store, grace=0.0))
    assert condition() is Condition.PRUNED


def test_predictions_of_a_forgotten_person_go_and_the_slice_is_scored_without(shadowed: Place) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (ZOE, 2), (EVE, 3))
    assert ZOE in shadowed.people()
    asked = Asked(model="people", rows=f"person == '{ZOE}'")
    forget(shadowed.pipeline, shadowed.store, asked, why="asked", grace_hours=0.0, report=lambda line: None)
    later = datetime.now(UTC) + timedelta(days=1)
    certificate = purge(shadowed.pipeline, shadowed.store, asked.request, now=later)
    assert certificate is not None
    assert ZOE not in shadowed.people()
    assert {BOB, EVE} <= shadowed.people()
    assert waits(shadowed) == []
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "promoted"
    evaluated = shadowed.state().versions[4].evaluated
    assert evaluated is not None
    assert [ref.rows for ref in evaluated.slices] == [2, 2]


def test_no_report_names_a_forgotten_person_whose_rows_a_version_was_judged_on(shadowed: Place) -> None:
    def reports() -> list[str]:
        """Of all versions, those that say her name."""
        names = [name for name in objects(shadowed.store) if "/evaluation/" in name]
        return [name for name in names if ZOE.encode() in shadowed.store.get(name)]

    run(shadowed, W4)
    run(shadowed, W5, *[(ZOE, n) for n in range(60)], (EVE, 2))
    assert run(shadowed, W6, (BOB, 3), (EVE, 4)).decision == "promoted"
    assert {name.split("/")[2] for name in reports()} == {"v4"}
    assert W5 not in shadowed.state().consumed, "it never learned the slice"
    asked = Asked(model="people", rows=f"person == '{ZOE}'")
    forget(shadowed.pipeline, shadowed.store, asked, why="asked", grace_hours=0.0, report=lambda line: None)
    later = datetime.now(UTC) + timedelta(days=1)
    assert purge(shadowed.pipeline, shadowed.store, asked.request, now=later) is not None
    assert reports() == []
    assert shadowed.state().head == 4


def test_what_another_model_was_scored_on_goes_too_and_what_it_learned_stays(shadowed: Place) -> None:
    other = replace(shadowed.described("others"), shadow=Shadow(slices=1))
    for key, rows in ((W1, [(BOB, 1), (EVE, 2)]), (W2, [(BOB, 3), (EVE, 4)]), (W5, [(ZOE, 5), (EVE, 6)])):
        shadowed.take_in(key, *rows, pipeline=other)
    shadowed.learn(W1, other)
    assert steps.train(other, shadowed.store, W2, lambda line: None).outcome == "shadow"
    assert steps.train(other, shadowed.store, W5, lambda line: None).outcome == "trained"
    run(shadowed, W4)
    run(shadowed, W5, (ZOE, 5), (EVE, 6))
    asked = Asked(model="people", rows=f"person == '{ZOE}'")

    def forget_and_purge(pipeline: Pipeline) -> list[str]:
        request = replace(asked, model=pipeline.name)
        forget(pipeline, shadowed.store, request, why="asked", grace_hours=0.0, report=lambda line: None)
        later = datetime.now(UTC) + timedelta(days=1)
        assert purge(pipeline, shadowed.store, request.request, now=later) is not None
        return [name.split("/")[1] for name in objects(shadowed.store) if f"/shadow/{W5}/" in name]

    assert forget_and_purge(shadowed.pipeline) == ["others"], "it has the slice, and is asked itself"
    assert forget_and_purge(other) == []
    assert ZOE not in shadowed.people()


# --- the rows ------------------------------------------------------------------------------------


def test_what_training_found_stays_and_the_rows_are_put_together(shadowed: Place) -> None:
    run(shadowed, W4)
    run(shadowed, W5, (BOB, 1), (EVE, 2))
    run(shadowed, W6, (BOB, 3), (EVE, 4), (EVE, 5))
    state: LineageState = shadowed.state()
    version = state.versions[4]
    slices = evaluated_slices(state, version)
    assert slices is not None
    held_out = EvaluatedRows(
        label=np.array([0.0]), candidate=np.array([0.5]), slice_key=W4, rows="x", groups=np.array(["q"])
    )
    evaluated = rows_in_shadow(shadowed.store, state, version, held_out, slices)
    assert evaluated.basis is Basis.SHADOW
    assert evaluated.label.tolist() == [0, 1, 0, 1, 0]
    assert evaluated.segments["person"].tolist() == [BOB, EVE, BOB, EVE, EVE]
    assert evaluated.groups is None
    assert rows_in_shadow(shadowed.store, state, version, held_out, ()) is held_out


@pytest.mark.parametrize("slices", [0, -1, True, 1.5, None])
def test_a_number_of_slices_that_is_none_is_refused(slices: Any) -> None:
    with pytest.raises(BadInput, match="shadow"):
        Shadow(slices=slices)
