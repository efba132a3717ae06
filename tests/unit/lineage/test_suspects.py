"""A slice that a refusal is laid to: nothing trains on it, no other is held up by it, a person decides."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from histories import KEYS, accepted, promoted, ref, rejected, started, state_after, trained

from ckpt_ops.lineage import Action, LineageState, plan
from ckpt_ops.lineage.encoding import decode, to_payload
from ckpt_ops.lineage.production import below_floor
from ckpt_ops.lineage.records import (
    Approved,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
)
from ckpt_ops.lineage.scores import usual_scores
from ckpt_ops.lineage.suspects import commands, suspects

W1, W2, W3, W4, W5 = KEYS[:5]
FIRST = promoted(1, ref(W1))


def refused(version: int, *keys: str, suspect: tuple[str, ...]) -> list[Record]:
    """A candidate on top of version 1 that was refused, and which of its slices that is laid to."""
    records = rejected(version, *(ref(key) for key in keys), champion=1)
    blamed = [
        replace(one, suspects=dict.fromkeys(suspect, "noise")) if isinstance(one, Evaluated) else one
        for one in records
    ]
    return [*(accepted(key) for key in keys), *blamed]


def planned(state: LineageState, key: str) -> tuple[Action, list[str], list[str]]:
    found = plan(state, key, late_within=4)
    return found.action, [one.key for one in found.slices], [one.key for one in found.aside]


def test_the_next_candidate_is_tried_without_it():
    state = state_after(FIRST, refused(2, W2, suspect=(W2,)), accepted(W3))
    assert planned(state, W3) == (Action.APPEND, [W3], [W2])
    assert f"without {W2}, which is suspect" in plan(state, W3, late_within=4).why


@pytest.mark.parametrize("suspect", [W2, W3, W4])
def test_the_others_of_its_group_are_tried_again(suspect):
    state = state_after(FIRST, refused(2, W2, W3, W4, suspect=(suspect,)))
    rest = [key for key in (W2, W3, W4) if key != suspect]
    key = W4 if suspect != W4 else W3
    assert planned(state, key) == (Action.APPEND, rest, [suspect])


def test_a_run_of_it_has_nothing_to_do_and_says_why():
    state = state_after(FIRST, refused(2, W2, suspect=(W2,)))
    found = plan(state, W2, late_within=4)
    assert (found.action, found.why) == (Action.SKIP, "suspect: version 2: noise")


def test_without_blame_it_comes_back_with_the_next():
    state = state_after(FIRST, refused(2, W2, suspect=()), accepted(W3))
    assert planned(state, W3) == (Action.APPEND, [W2, W3], [])


def test_what_was_superseded_blames_nobody():
    blamed = Evaluated(version=2, champion=1, passed=False, metrics={}, verdicts=(), suspects={W2: "noise"})
    gone = Rejected(version=2, champion=1, superseded=True)
    state = state_after(FIRST, accepted(W2), started(2, ref(W2), parent=1), trained(2), blamed, gone)
    assert state.suspect() == ()


@pytest.mark.parametrize(
    "word",
    [
        SliceAccepted(slice=ref(W2), released=True),
        SliceWithdrawn(slice=ref(W2)),
        SliceDiscarded(slice=ref(W2)),
        SliceTainted(slice=ref(W2)),
        SliceQuarantined(slice=ref(W2), report="r"),
        accepted(W2, 2),
        Approved(version=2, despite_gates=True),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_word_on_it_ends_the_suspicion(word):
    state = state_after(FIRST, refused(2, W2, suspect=(W2,)), word)
    assert state.suspect() == ()


def test_validation_that_says_the_same_again_ends_nothing():
    state = state_after(FIRST, refused(2, W2, suspect=(W2,)), accepted(W2))
    assert [one.key for one in state.suspect()] == [W2]


def test_a_released_one_is_trained_on():
    released = SliceAccepted(slice=ref(W2), released=True)
    state = state_after(FIRST, refused(2, W2, suspect=(W2,)), released, accepted(W3))
    assert planned(state, W3) == (Action.APPEND, [W2, W3], [])


def test_after_so_many_the_model_is_on_hold_until_a_person_decides():
    history = [FIRST, *(refused(2 + at, key, suspect=(key,)) for at, key in enumerate((W2, W3, W4)))]
    held = state_after(*history, accepted(W5))
    found = plan(held, W5, late_within=4)
    assert found.action is Action.HOLD
    assert found.why.startswith(f"3 slices are suspect ({W2}, {W3}, {W4})")
    decided = state_after(*history, accepted(W5), SliceWithdrawn(slice=ref(W2)))
    assert planned(decided, W5) == (Action.APPEND, [W5], [W3, W4])


def test_several_in_a_row_look_like_a_change():
    state = state_after(
        FIRST,
        refused(2, W2, suspect=(W2,)),
        accepted(W3),
        refused(3, W4, suspect=(W4,)),
        refused(4, W5, suspect=(W5,)),
    )
    assert [(one.key, one.in_a_row, one.like_a_change) for one in suspects(state)] == [
        (W2, 1, False),
        (W4, 2, True),
        (W5, 2, True),
    ]


def test_each_command_names_the_model_and_the_slice():
    for command in commands("flights", W2).split("; "):
        assert command.startswith("ckpt-ops ")
        assert "flights" in command
        assert W2 in command


def test_what_older_code_wrote_blames_nobody():
    old = Evaluated(version=2, champion=1, passed=False, metrics={}, verdicts=())
    written = {
        name: value
        for name, value in to_payload(old).items()
        if name not in ("waits", "suspects", "below_floor")
    }
    assert decode(json.dumps(written).encode()) == old


# --- what is usual ------------------------------------------------------------------------------


def scored(version: int, key: str, auc: float, *, champion: int | None) -> list[Record]:
    return [
        replace(one, scores={key: {"auc": auc}}) if isinstance(one, CandidateTrained) else one
        for one in promoted(version, ref(key), champion=champion)
    ]


def test_usual_is_what_champions_scored_on_slices_that_were_learned_after():
    state = state_after(
        FIRST,
        scored(2, W2, 0.66, champion=1),
        scored(3, W3, 0.70, champion=2),
        accepted(W4),
        started(4, ref(W4), parent=3),
    )
    assert usual_scores(state, state.versions[4]) == {"auc": [0.66, 0.70]}
    assert usual_scores(state, state.versions[4], last=1) == {"auc": [0.70]}


def test_the_score_on_a_slice_that_was_refused_is_not_usual():
    bad = [
        replace(one, scores={W3: {"auc": 0.5}}) if isinstance(one, CandidateTrained) else one
        for one in refused(3, W3, suspect=(W3,))
    ]
    bad = [replace(one, champion=2) if isinstance(one, Evaluated | Rejected) else one for one in bad]
    state = state_after(
        FIRST, scored(2, W2, 0.66, champion=1), bad, accepted(W4), started(4, ref(W4), parent=2)
    )
    assert usual_scores(state, state.versions[4]) == {"auc": [0.66]}


# --- production below its floor -----------------------------------------------------------------


def said(version: int, beside: int | None, *, passed: bool, **below: str) -> Evaluated:
    metrics = {"candidate": {"auc": 0.59}} | ({"champion": {"auc": 0.57}} if beside else {})
    return Evaluated(
        version=version, champion=beside, passed=passed, metrics=metrics, verdicts=(), below_floor=below
    )


def test_production_below_its_floor_is_what_was_last_said_of_it():
    opened = [accepted(W2), started(2, ref(W2), parent=1), trained(2)]
    both = said(2, 1, passed=True, candidate="auc 0.590 is below 0.600", champion="auc 0.570 is below 0.600")
    assert below_floor(state_after(FIRST)) is None
    assert below_floor(state_after(FIRST, opened, both)) == "auc 0.570 is below 0.600"
    now = state_after(FIRST, opened, both, Promoted(version=2, champion=1))
    assert below_floor(now) == "auc 0.590 is below 0.600"
    after = [accepted(W3), started(3, ref(W3), parent=2), trained(3), said(3, 2, passed=False)]
    assert below_floor(state_after(FIRST, opened, both, Promoted(version=2, champion=1), after)) is None
