"""What the gates let pass waits for a person: approved, rejected, overridden, or not answered in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from stand_in import ADA, BOB, W1, W2, W3, W4, Place

from ckpt_ops import promotion as serving
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtMost, EvaluatedRows, Verdict
from ckpt_ops.intake.decisions import taint, withdraw
from ckpt_ops.lineage import ModelLog, VersionStatus
from ckpt_ops.lineage.records import Approved, Promoted, Rejected, UpdateDeferred, acting_as
from ckpt_ops.pipeline import Approval, Otherwise, Pipeline
from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops.policies import Rows
from ckpt_ops.promotion import answer, reject, rollback
from ckpt_ops.promotion.waiting import overdue
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.runs.approve import approve
from ckpt_ops.runs.evaluate import read_evaluation

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Own:
    """A user's gate, over a number that only it can make."""

    metric: str = "profit"
    name: str = "Own"
    absolute: bool = True

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        return Verdict(gate=f"Own(metric={self.metric!r})", passed=True, message="it pays")


def asking(place: Place, **settings: Any) -> Pipeline:
    """The place's pipeline, with a person in it."""
    return replace(place.pipeline, approval=Approval(**settings))


def run(place: Place, pipeline: Pipeline, key: str) -> Any:
    """What a run of an accepted slice comes to."""
    decided = steps.decide(pipeline, place.store, key)
    if not decided.train:
        return SimpleNamespace(decision="not trained", **to_json(decided))
    trained = steps.train(pipeline, place.store, key, lambda line: None)
    if trained.outcome != "trained":
        return SimpleNamespace(decision=trained.outcome, **to_json(trained))
    steps.evaluate(pipeline, place.store, trained.version)
    return steps.promote(pipeline, place.store, trained.version)


@pytest.fixture
def waits(place: Place) -> Place:
    """Version 1 is in production, version 2 waits for a person, one more slice is there."""
    place.take_in(W1, (ADA, 1))
    place.learn(W1)
    place.take_in(W2, (BOB, 2))
    assert run(place, asking(place), W2).decision == "waiting"
    place.take_in(W3, (ADA, 4))
    return place


@pytest.fixture
def refused(place: Place) -> Place:
    """Version 1 is in production, and the gates refused version 2."""
    place.take_in(W1, (ADA, 1))
    place.learn(W1)
    place.take_in(W2, (BOB, 2))
    place.good = False
    assert run(place, asking(place), W2).decision == "rejected"
    place.good = True
    return place


def cards(place: Place, version: int) -> list[dict[str, Any]]:
    """The version's cards, first to last."""
    names = [entry.name for entry in place.store.list(f"models/people/v{version}/card-")]
    return [json.loads(place.store.get(name)) for name in names if name.endswith(".json")]


class TestWaiting:
    def test_it_is_not_in_production_and_repeating_the_run_says_the_same(self, waits: Place) -> None:
        before = waits.state()
        assert before.head == 1
        assert before.versions[2].status is VersionStatus.EVALUATED
        again = run(waits, asking(waits), W2)
        assert (again.decision, again.version) == ("waiting", 2)
        assert "ckpt-ops promote people 2 --approve --why TEXT" in again.why
        assert waits.state() == before
        assert not cards(waits, 2)

    def test_nothing_is_trained_beside_it_and_the_next_slice_stays_pending_until_it_is_decided_on(
        self, waits: Place
    ) -> None:
        for _ in range(2):
            found = run(waits, asking(waits), W3)
            assert found.decision == "not trained"
            assert "version 2 waits for approval" in found.why
        state = waits.state()
        assert sorted(state.versions) == [1, 2]
        assert [ref.key for ref in state.pending()] == [W2, W3]
        assert state.deferred[W3].numbers == {"waits_for": 2.0}
        skipped = steps.train(asking(waits), waits.store, W3, lambda line: None)
        assert (skipped.outcome, skipped.version) == ("skip", None)
        assert "version 2 waits" in skipped.why

        approve(asking(waits), waits.store, 2, "looks right")
        found = run(waits, asking(waits), W3)
        assert (found.decision, found.version) == ("waiting", 3)
        assert [ref.key for ref in waits.state().versions[3].slices] == [W3]

    def test_a_slice_that_waited_for_the_answer_and_then_for_rows_says_that_it_waits_for_rows(
        self, waits: Place
    ) -> None:
        run(waits, asking(waits), W3)
        assert "version 2 waits for approval" in waits.state().deferred[W3].reason
        approve(asking(waits), waits.store, 2, "looks right")
        patient = replace(asking(waits), update_when=Rows(at_least=1000))
        for _ in range(2):
            found = run(waits, patient, W3)
            assert "1,000" in found.why
            assert waits.state().deferred[W3].reason in found.why
        said = [one for one in ModelLog(waits.store, "people").records() if isinstance(one, UpdateDeferred)]
        assert len(said) == 2, "once per reason"

    def test_what_could_not_be_promoted_any_more_holds_up_nobody(self, waits: Place) -> None:
        withdraw(waits.store, "people", W2, "it is wrong")
        assert run(waits, asking(waits), W3).decision == "waiting"
        assert sorted(waits.state().versions) == [1, 2, 3]

    def test_without_an_approval_in_the_pipeline_nobody_is_waited_for(self, waits: Place) -> None:
        assert steps.promote(waits.pipeline, waits.store, 2).decision == "promoted"

    def test_judged_again_by_tighter_gates_it_says_what_was_recorded(self, waits: Place) -> None:
        before = waits.state()
        recorded = before.versions[2].evaluated
        assert recorded is not None
        tighter = replace(asking(waits), gates=[AtMost("rmse", -1.0)])
        again = steps.evaluate(tighter, waits.store, 2)
        said = (again.passed, again.message, again.report)
        assert said == (True, recorded.reason, recorded.report)
        assert waits.state() == before

    def test_a_metric_of_a_users_own_gate_that_nobody_else_knows_is_left_to_the_gate(
        self, waits: Place
    ) -> None:
        with_own = replace(asking(waits), gates=[Own(), *waits.pipeline.gates])
        approve(with_own, waits.store, 2, "looks right")
        assert run(waits, with_own, W3).decision == "waiting"
        evaluated = waits.state().versions[3].evaluated
        assert evaluated is not None
        assert evaluated.verdicts[0] == "Own(metric='profit'): it pays"
        assert read_evaluation(waits.store, evaluated.report)["metric"] == "auc"

    def test_the_gates_refusal_asks_nobody(self, refused: Place) -> None:
        assert refused.state().versions[2].status is VersionStatus.REJECTED


class TestApproving:
    def test_it_is_promoted_in_the_name_and_for_the_reason_of_who_approved(
        self, waits: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CKPT_OPS_ACTOR", "ada")
        done = approve(asking(waits), waits.store, 2, "the deltas are fine")
        assert done.decision == "promoted"
        version = waits.state().versions[2]
        assert waits.state().head == 2
        assert version.approved is not None
        assert (version.approved.actor, version.approved.despite_gates) == ("ada", False)
        assert done.why.endswith("approved by ada: the deltas are fine")
        assert "models/people/serving/2/saved_model.pb" in [e.name for e in waits.store.list("models/")]

        before = waits.state()
        assert approve(asking(waits), waits.store, 2, "again").decision == "promoted"
        assert waits.state() == before, "a second call changes nothing"

    def test_killed_after_the_word_the_next_run_finishes_it(self, waits: Place) -> None:
        serving.approve(waits.store, "people", 2, "yes")
        assert waits.state().head == 1
        assert run(waits, asking(waits), W3).version == 3
        assert waits.state().versions[3].parent == 2

    @pytest.mark.parametrize("spoil", ["tainted", "withdrawn", "corrected", "head"])
    def test_what_cannot_be_promoted_any_more_is_refused_as_superseded(
        self, waits: Place, spoil: str
    ) -> None:
        match spoil:
            case "tainted":
                taint(waits.store, "people", W2, "poisoned")
            case "withdrawn":
                withdraw(waits.store, "people", W2, "wrong")
            case "corrected":
                waits.take_in(W2, (BOB, 3))
            case "head":
                waits.learn(W3)
        assert approve(asking(waits), waits.store, 2, "yes").decision == "superseded"
        version = waits.state().versions[2]
        assert version.approved is None
        assert not waits.state().rejections

    @pytest.mark.parametrize("why", ["", "  "])
    def test_there_is_no_decision_without_a_reason(self, waits: Place, why: str) -> None:
        before = waits.state()
        for say in (serving.approve, reject):
            with pytest.raises(BadInput, match="a reason"):
                say(waits.store, "people", 2, why)
        assert waits.state() == before

    def test_what_is_not_judged_or_was_in_production_is_not_approved(self, waits: Place) -> None:
        with pytest.raises(
            BadInput, match="a version that waits for approval or was rejected; it is promoted"
        ):
            serving.approve(waits.store, "people", 1, "yes")
        approve(asking(waits), waits.store, 2, "yes")
        steps.train(waits.pipeline, waits.store, W3, lambda line: None)
        with pytest.raises(BadInput, match="an evaluated version; it is trained"):
            serving.approve(waits.store, "people", 3, "yes")


class TestOverriding:
    def test_a_refusal_of_the_gates_is_overridden_only_when_that_is_said(self, refused: Place) -> None:
        before = refused.state()
        with pytest.raises(BadInput, match="the gates let pass") as caught:
            approve(refused.pipeline, refused.store, 2, "we need it")
        assert "--despite-gates" in caught.value.next
        assert refused.state() == before

        done = approve(refused.pipeline, refused.store, 2, "we need it", despite_gates=True)
        assert (done.decision, refused.state().head) == ("promoted", 2)
        version = refused.state().versions[2]
        assert version.approved is not None
        assert version.approved.despite_gates
        assert "promoted despite the gates by" in done.why
        assert "rejected by AtLeast" in done.why
        assert [one["decision"]["how"] for one in cards(refused, 2)] == ["gates", "override"]

        refused.take_in(W3, (ADA, 4))
        refused.learn(W3)
        assert refused.knows() == (3, 7), "training goes on from it"

    @pytest.mark.parametrize("spoil", ["tainted", "withdrawn", "head"])
    def test_not_when_it_could_not_take_its_champions_place(self, refused: Place, spoil: str) -> None:
        if spoil == "tainted":
            taint(refused.store, "people", W2, "poisoned")
        elif spoil == "withdrawn":
            withdraw(refused.store, "people", W2, "wrong")
        else:
            refused.take_in(W3, (ADA, 4))
            refused.learn(W3)
        before = refused.state()
        with pytest.raises(BadInput, match="can still take its champion's place"):
            approve(refused.pipeline, refused.store, 2, "we need it", despite_gates=True)
        assert refused.state() == before

    def test_not_when_its_checkpoint_went_meanwhile(self, refused: Place) -> None:
        remove_garbage(refused.store, find_garbage(refused.store, grace=0))
        before = refused.state()
        with pytest.raises(BadInput, match="whose checkpoint is kept"):
            approve(refused.pipeline, refused.store, 2, "we need it", despite_gates=True)
        assert refused.state() == before

    def test_it_is_the_way_out_for_a_rebase_whose_result_the_gates_refuse(self, history: Place) -> None:
        withdraw(history.store, "people", W2, "it is wrong")
        history.good = False
        done = rebasing.rebase(history.pipeline, history.store, lambda line: None)
        assert done.settled.decision == "rejected"
        result, head = done.settled.version, history.state().head
        assert history.state().versions[result].started.replaces == head

        with pytest.raises(BadInput, match="the gates let pass"):
            approve(history.pipeline, history.store, result, "rows must go")
        approve(history.pipeline, history.store, result, "rows must go", despite_gates=True)
        state = history.state()
        assert state.head == result
        assert history.knows() == (4, 303), "the withdrawn week is not known any more"
        assert state.versions[head].status is VersionStatus.REPLACED
        history.good = True
        history.learn(W4)
        assert history.knows() == (6, 3303)


class TestRebases:
    def test_its_result_waits_too_and_holds_up_what_is_newer(self, history: Place) -> None:
        pipeline = asking(history)
        withdraw(history.store, "people", W2, "it is wrong")
        for _ in range(2):  # a second call finds it
            done = rebasing.rebase(pipeline, history.store, lambda line: None)
            assert (done.settled.decision, history.state().head) == ("waiting", 3)
        assert "waits for approval" in run(history, pipeline, W4).why
        assert approve(pipeline, history.store, done.settled.version, "yes").decision == "promoted"
        assert history.knows() == (4, 303)


class TestRejecting:
    def test_it_counts_as_a_refusal_and_its_slice_is_pending_again(self, waits: Place) -> None:
        reject(waits.store, "people", 2, "the segment AA is off")
        state = waits.state()
        assert state.versions[2].status is VersionStatus.REJECTED
        assert isinstance(state.versions[2].decided, Rejected)
        assert state.versions[2].decided.by_person
        assert [ref.key for ref in state.pending()] == [W2, W3]
        assert set(state.rejections.values()) == {1}
        assert steps.promote(asking(waits), waits.store, 2).decision == "rejected"
        assert run(waits, asking(waits), W3).version == 3
        assert [one["decision"]["how"] for one in cards(waits, 2)] == ["person"]

    def test_what_is_merely_trained_is_not_judged_afterwards_into_production(self, waits: Place) -> None:
        reject(waits.store, "people", 2, "no")
        steps.train(waits.pipeline, waits.store, W3, lambda line: None)
        reject(waits.store, "people", 3, "trained by mistake")
        steps.evaluate(waits.pipeline, waits.store, 3)
        assert steps.promote(waits.pipeline, waits.store, 3).decision == "rejected"
        assert waits.state().head == 1

    def test_a_person_may_take_it_back_while_nothing_has_changed(self, waits: Place) -> None:
        reject(waits.store, "people", 2, "no")
        assert approve(asking(waits), waits.store, 2, "on second thoughts").decision == "promoted"
        assert [one["decision"]["how"] for one in cards(waits, 2)] == ["person", "approved"]

    def test_what_is_in_production_or_was_rejected_is_not_rejected(self, refused: Place) -> None:
        for version, status in ((1, "promoted"), (2, "rejected")):
            with pytest.raises(BadInput, match=f"not decided on; it is {status}"):
                reject(refused.store, "people", version, "no")


class TestExpiring:
    @pytest.mark.parametrize(
        ("otherwise", "record", "head"),
        [(Otherwise.REJECT, Rejected, 1), (Otherwise.PROMOTE, Promoted, 2)],
        ids=["reject", "promote"],
    )
    def test_after_the_deadline_the_next_run_does_what_the_pipeline_says_and_goes_on(
        self, waits: Place, otherwise: Otherwise, record: type, head: int
    ) -> None:
        patient = asking(waits, within=DAY, otherwise=otherwise)
        assert run(waits, patient, W3).decision == "not trained", "there is time left"
        hasty = asking(waits, within=timedelta(microseconds=1), otherwise=otherwise)
        steps.decide(hasty, waits.store, W3)
        state = waits.state()
        assert (state.head, type(state.versions[2].decided)) == (head, record)
        said = state.versions[2].approved or state.versions[2].decided
        assert getattr(said, "expired", False)
        assert "nobody answered within" in said.reason
        assert [one["decision"]["how"] for one in cards(waits, 2)] == ["expiry"]
        assert run(waits, patient, W3).version == 3

    def test_a_person_may_still_promote_what_was_rejected_for_want_of_an_answer(self, waits: Place) -> None:
        steps.decide(asking(waits, within=timedelta(microseconds=1)), waits.store, W3)
        assert approve(asking(waits), waits.store, 2, "I was asleep").decision == "promoted"
        approved = waits.state().versions[2].approved
        assert approved is not None
        assert not approved.expired

    def test_one_whose_champion_was_put_back_has_the_whole_time_again(self, place: Place) -> None:
        patient = asking(place, within=DAY, otherwise=Otherwise.PROMOTE)
        days_ago = [(datetime.now(UTC) - n * DAY).isoformat(timespec="milliseconds") for n in range(4)]
        place.take_in(W1, (ADA, 1))
        steps.train(place.pipeline, place.store, W1, lambda line: None)
        steps.evaluate(place.pipeline, place.store, 1)
        place.say(Promoted(version=1, champion=None, time=days_ago[3]))
        place.take_in(W2, (BOB, 2))
        assert run(place, patient, W2).decision == "waiting"
        evaluated = place.state().versions[2].evaluated
        assert evaluated is not None
        place.say(replace(evaluated, time=days_ago[2], nonce="long ago"))
        place.take_in(W3, (ADA, 4))
        place.learn(W3)
        assert place.state().head == 3
        rollback(place.store, "people", 1, "a mistake")

        assert steps.decide(patient, place.store, W3).train is False
        state = place.state()
        assert (state.head, state.versions[2].approved) == (1, None)
        late = overdue(patient, state, now=datetime.now(UTC) + 2 * DAY)
        assert late is not None
        assert late.version == 2


class TestLateAnswers:
    """The question was asked elsewhere, and somebody has decided meanwhile."""

    @pytest.mark.parametrize("approved", [True, False])
    @pytest.mark.parametrize(
        "meanwhile",
        [
            lambda place: approve(asking(place), place.store, 2, "by hand"),
            lambda place: reject(place.store, "people", 2, "by hand"),
            lambda place: serving.approve(place.store, "people", 2, "by hand"),
            lambda place: withdraw(place.store, "people", W2, "wrong"),
        ],
        ids=["promoted", "rejected", "approved", "void"],
    )
    def test_what_was_decided_stands(
        self, waits: Place, meanwhile: Callable[[Place], object], approved: bool
    ) -> None:
        meanwhile(waits)
        before = waits.state()
        answer(waits.store, "people", 2, approved=approved, why="late")
        assert waits.state() == before

    def test_one_in_time_is_recorded_in_the_name_of_who_answered_once(self, waits: Place) -> None:
        for _ in range(2):
            with acting_as("bob"):
                answer(waits.store, "people", 2, approved=True, why="fine")
        said = waits.state().versions[2].approved
        assert said is not None
        assert (said.actor, said.reason, said.expired) == ("bob", "fine", False)
        assert steps.promote(asking(waits), waits.store, 2).decision == "promoted"
        assert sum(isinstance(one, Approved) for one in ModelLog(waits.store, "people").records()) == 1


def test_a_rollback_and_a_superseded_version_keep_their_cards(waits: Place) -> None:
    approve(asking(waits), waits.store, 2, "yes")
    before = cards(waits, 2)
    rollback(waits.store, "people", 1, "complaints")
    serving.settle(waits.store, "people", 2)
    assert cards(waits, 2) == before
    assert before[0]["lineage"] == {
        "parent": 1,
        "champion": 1,
        "replaces": None,
        "retrained": None,
        "without": [],
        "ancestors": [1],
        "generation": 2,
        "why": "newer than everything consumed",
    }
