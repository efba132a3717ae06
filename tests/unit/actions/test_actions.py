"""What a person may do: said beforehand, done once, refused with its reason, recorded under a name."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from stand_in import ADA, BOB, W1, W2, W3, W4, Place

from ckpt_ops.actions import ACTIONS, Asked, carry_out, preview
from ckpt_ops.actions.registry import NotPossible
from ckpt_ops.checkpoints.requests import waiting_requests
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    Held,
    SliceAccepted,
    SliceRef,
    acting_as,
)
from ckpt_ops.pipeline import Approval
from ckpt_ops.promotion import reject
from ckpt_ops.runs import steps
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome

MODEL, NEWEST = "people", "2013-02-03"


def trained(place: Place, key: str, *, good: bool = True, ask: bool = False) -> int:
    """A version that was evaluated, and settled as far as the pipeline lets it."""
    pipeline = replace(place.pipeline, approval=Approval()) if ask else place.pipeline
    place.good = good
    made = steps.train(pipeline, place.store, key, lambda line: None)
    assert made.version is not None
    steps.evaluate(pipeline, place.store, made.version)
    steps.promote(pipeline, place.store, made.version)
    place.good = True
    return made.version


@pytest.fixture
def model(place: Place) -> Place:
    """Versions 1 and 2 are in production after each other; 3 waits for a person; a late slice came after."""
    for number, key in enumerate((W1, W3), start=1):
        place.take_in(key, (ADA, number))
        place.learn(key)
    place.take_in(W4, (BOB, 4))
    assert trained(place, W4, ask=True) == 3
    place.take_in(W2, (BOB, 8))
    return place


def quarantined(place: Place) -> None:
    """The newest slice did not pass validation."""
    place.quarantine(NEWEST, (ADA, 3), why="odd")


def set_aside(place: Place) -> None:
    """One row of the newest slice was set aside."""
    ref = place.take_in(NEWEST, (ADA, 3), (BOB, 5))
    rest, report = SliceRef(key=NEWEST, revision="0" * 16, rows=1), place.verdict(ref, Outcome.SET_ASIDE)
    place.say(SliceAccepted(slice=rest, origin=ref.revision, set_aside=1, report=report))


def nothing(place: Place) -> None:
    """As the model stands."""


def tainted(place: Place) -> None:
    carry_out(place.store, MODEL, "taint", Asked(key=W3, why="poison"))


def closed(place: Place) -> None:
    """The next slice will not come, and a person said so."""
    carry_out(place.store, MODEL, "acknowledge-missing", Asked(key=NEWEST, why="a holiday"))


def on_hold(place: Place) -> None:
    place.say(Held(reason="three candidates were rejected"))


def rejected_by_gates(place: Place) -> None:
    """Version 4 was rejected by its gates."""
    reject(place.store, MODEL, 3, "no")
    place.take_in(NEWEST, (ADA, 9))
    assert trained(place, NEWEST, good=False) == 4


def training(place: Place) -> None:
    """Version 4 is being trained."""
    reject(place.store, MODEL, 3, "no")
    ref = place.take_in(NEWEST, (ADA, 9))
    place.say(CandidateStarted(version=4, candidate="c", parent=2, slices=(ref,)))
    place.store.put("models/people/v4/log/000001.json", b'{"type": "AttemptStarted", "nonce": "n"}')


CASES = {
    "append": (nothing, "resolve", Asked(key=W2, how="append"), "after what was consumed"),
    "fork": (nothing, "resolve", Asked(key=W2, how="fork"), "again on the 1 consumed slice after it"),
    "release": (quarantined, "release-slice", Asked(key=NEWEST), "whatever validation found"),
    "rows back": (set_aside, "release-slice", Asked(key=NEWEST), "What was set aside, 1 row, comes back"),
    "discard": (quarantined, "discard-slice", Asked(key=NEWEST), "Nothing trains on its 1 row"),
    "keep out": (set_aside, "discard-slice", Asked(key=NEWEST), "the rest is accepted"),
    "withdraw": (nothing, "withdraw", Asked(key=W3), "Version 2 was trained on it. Version 2 serves on."),
    "taint": (nothing, "taint", Asked(key=W3), "That is true of versions 2, 3."),
    "lift": (tainted, "lift-taint", Asked(key=W3), "poison"),
    "closed": (nothing, "acknowledge-missing", Asked(key=NEWEST), "stays listed as missing"),
    "open": (closed, "lift-acknowledgement", Asked(key=NEWEST), "a holiday"),
    "approve": (nothing, "approve", Asked(version=3), "goes into production in place of version 2."),
    "reject": (nothing, "reject", Asked(version=3), f"slice {W4}: pending again"),
    "override": (rejected_by_gates, "promote-despite-gates", Asked(version=4), "Overridden: "),
    "back": (nothing, "rollback", Asked(version=1), f"Pending again: slice {W3}."),
    "end hold": (on_hold, "release-hold", Asked(), "three candidates were rejected"),
    "save": (training, "save-now", Asked(what="both", at_step=7), "Version 4 saves"),
}


def test_every_action_is_among_the_cases() -> None:
    assert {case[1] for case in CASES.values()} == ACTIONS.keys()


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_it_will_do_does_it_once_and_records_who(model: Place, case: str) -> None:
    before, name, asked, message = CASES[case]
    before(model)
    log = ModelLog(model.store, MODEL)
    seen = preview(log.state(), name, asked)
    assert seen.possible, seen.why_not
    assert message in " ".join(seen.will)
    assert seen.title.endswith("?")
    known = log.state().sequence
    with acting_as("jo"):
        done = carry_out(model.store, MODEL, name, replace(asked, why="because\nof it"))
    assert done.changed
    written = log.records()[known:]
    if name != "save-now":
        assert [(one.actor, one.reason) for one in written[:1]] == [("jo", written[0].reason)]
        assert "because of it" in written[0].reason
    else:
        assert [one.at_step for one in waiting_requests(model.store, MODEL)] == [7]
    now = log.state().sequence
    again = carry_out(model.store, MODEL, name, replace(asked, why="again"))
    assert log.state().sequence == now
    assert again.changed is (name == "save-now")
    assert len(waiting_requests(model.store, MODEL)) == (name == "save-now")


REFUSED = {
    "no late slice": (nothing, "resolve", Asked(key=W3, how="fork"), "version 2 was trained on it"),
    "nothing there": (nothing, "release-slice", Asked(key=W3), "Nothing of it is in quarantine"),
    "pending": (nothing, "discard-slice", Asked(key=W4), "Nothing of it is in quarantine: it is accepted"),
    "in quarantine": (quarantined, "taint", Asked(key=NEWEST), "neither accepted nor consumed"),
    "gates said no": (rejected_by_gates, "approve", Asked(version=4), "The gates did not let it pass"),
    "never evaluated": (training, "approve", Asked(version=4), "it is started"),
    "in training": (training, "reject", Asked(version=4), "It is started"),
    "gates said so": (rejected_by_gates, "reject", Asked(version=4), "It is rejected, by "),
    "never served": (nothing, "rollback", Asked(version=3), "It was never in production"),
    "poisoned": (tainted, "approve", Asked(version=3), "It can no longer take its champion's place"),
    "it came": (nothing, "acknowledge-missing", Asked(key=W3), "it has come, and is accepted"),
    "no such week": (nothing, "acknowledge-missing", Asked(key="2013-02-04"), "there is none between them"),
    "said by nobody": (quarantined, "lift-acknowledgement", Asked(key=NEWEST), "Nobody has acknowledged"),
    "nothing trains": (nothing, "save-now", Asked(), "Nothing of it is being trained"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_said_and_refused_in_the_same_sentence(model: Place, case: str) -> None:
    before, name, asked, why_not = REFUSED[case]
    before(model)
    state = model.state()
    seen = preview(state, name, asked)
    assert not seen.possible
    assert why_not in seen.why_not
    assert not seen.already
    with pytest.raises(NotPossible) as refused:
        carry_out(model.store, MODEL, name, replace(asked, why="all the same"))
    assert refused.value.what == seen.why_not
    assert model.state() == state


WRONG: dict[str, tuple[str, Asked, type[Exception]]] = {
    "no such action": ("explode", Asked(), BadInput),
    "no slice": ("withdraw", Asked(why="x"), BadInput),
    "no key": ("withdraw", Asked(key="../x", why="x"), BadInput),
    "unknown slice": ("withdraw", Asked(key="2030-01-01", why="x"), ObjectNotFound),
    "no version": ("approve", Asked(why="x"), BadInput),
    "unknown version": ("approve", Asked(version=99, why="x"), ObjectNotFound),
    "no reason": ("withdraw", Asked(key=W3, why=" \n"), BadInput),
    "long reason": ("withdraw", Asked(key=W3, why="x" * 2_001), BadInput),
    "hidden reason": ("withdraw", Asked(key=W3, why="a\0b"), BadInput),
    "no such way": ("resolve", Asked(key=W2, how="both", why="x"), BadInput),
    "no way": ("resolve", Asked(key=W2, why="x"), BadInput),
    "no such save": ("save-now", Asked(what="all"), BadInput),
    "no such step": ("save-now", Asked(at_step=-1), BadInput),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused_before_anything_is_written(model: Place, case: str) -> None:
    name, asked, kind = WRONG[case]
    training(model)
    state = model.state()
    with pytest.raises(kind):
        carry_out(model.store, MODEL, name, asked)
    assert model.state() == state
    assert waiting_requests(model.store, MODEL) == []


def test_a_decision_that_was_made_meanwhile_is_not_made_again(
    model: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the act somebody else acts."""

    def first(store: Store, name: str, asked: Asked) -> str:
        reject(model.store, MODEL, 3, "no")
        return ACTIONS["reject"].do(store, name, asked)

    done = carry_out(model.store, MODEL, "reject", Asked(version=3, why="no"), do=first)
    assert not done.changed


def test_production_is_only_what_the_settled_log_says(model: Place) -> None:
    carry_out(model.store, MODEL, "approve", Asked(version=3, why="yes"))
    assert model.state().head == 3
    assert model.knows() == (3, 7)
    carry_out(model.store, MODEL, "rollback", Asked(version=1, why="complaints"))
    assert model.knows() == (1, 1)


def test_nothing_of_it_loads_a_library_that_trains() -> None:
    code = (
        "import sys, ckpt_ops.actions; print({'tensorflow', 'keras', 'pandas', 'airflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_who_asks_for_a_save_of_what_has_not_begun_learns_of_no_other_model(model: Place) -> None:
    secret = SliceRef(key=W1, revision="r", rows=1)
    fresh = CandidateStarted(version=1, candidate="c", parent=None, slices=(secret,), reason="")
    log = ModelLog(model.store, "fresh")
    log.append(fresh, after=log.state())
    with pytest.raises(NotPossible) as refused:
        carry_out(model.store, "fresh", "save-now", Asked())
    assert "has begun" in str(refused.value)
    assert MODEL not in str(refused.value)


def test_nothing_is_done_but_what_was_shown(model: Place) -> None:
    back = Asked(version=1, why="complaints")
    shown = preview(model.state(), "rollback", back)
    carry_out(model.store, MODEL, "approve", Asked(version=3, why="checked"))
    before = model.state().sequence
    with pytest.raises(NotPossible, match="Version 1 serves in place of version 3") as refused:
        carry_out(model.store, MODEL, "rollback", replace(back, seen=shown.digest))
    assert (refused.value.safe, model.state().sequence) == ("nothing was written", before)
    now = preview(model.state(), "rollback", back)
    assert carry_out(model.store, MODEL, "rollback", replace(back, seen=now.digest)).changed
    again = carry_out(model.store, MODEL, "rollback", replace(back, seen=now.digest))
    assert not again.changed, "a second click is answered as before"
