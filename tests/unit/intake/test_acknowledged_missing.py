"""A person says why a slice is missing: it stays missing, needs nobody, and is taken if it comes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from histories import accepted, promoted, ref
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ckpt_ops.actions import Asked, preview
from ckpt_ops.cli.main import app
from ckpt_ops.errors import BadInput
from ckpt_ops.intake.acknowledging import acknowledge, acknowledgement_of, lift, lifting_of
from ckpt_ops.lineage import LineageState, ModelLog, fold, plan
from ckpt_ops.lineage.missing import (
    acknowledged_keys,
    answered_keys,
    may_be_missing,
    missing_keys,
    unanswered_keys,
)
from ckpt_ops.lineage.records import AcknowledgementLifted, MissingAcknowledged, Record, acting_as
from ckpt_ops.lineage.snapshot import Snapshot, decode, encode
from ckpt_ops.store import LocalStore
from ckpt_ops.views import StoreViews
from ckpt_ops.views.building.choices import on_missing
from ckpt_ops.views.shapes import Wants

WEEKS = [f"{date(2013, 1, 6) + timedelta(weeks=week)}" for week in range(8)]
HOLE, LATER, ODD = WEEKS[2], WEEKS[5], "2013-01-22"
WHY = "the shop was closed"


@pytest.fixture
def log(store: LocalStore) -> ModelLog:
    """Weeks 0, 1, 3 and 4 are in production; week 2 is missing, and 5 is the next."""
    log = ModelLog(store, "shop")
    for number, key in enumerate((WEEKS[0], WEEKS[1], WEEKS[3], WEEKS[4]), start=1):
        for record in promoted(number, ref(key), champion=number - 1 or None):
            log.append(record, after=log.state())
    return log


def test_it_needs_nobody_any_more_and_stays_listed_with_who_and_why(store: LocalStore, log: ModelLog) -> None:
    views = StoreViews(store)
    before = views.summary("shop")
    assert (before.missing, [one.what for one in before.attention]) == ((HOLE,), [Wants.MISSING])
    with acting_as("ada"):
        acknowledge(store, "shop", HOLE, WHY)
    found, listed = views.summary("shop"), views.slices("shop")
    assert (found.missing, found.acknowledged, found.attention) == ((), (HOLE,), ())
    assert (dict(found.counts)["missing"], dict(found.counts)["acknowledged"]) == (0, 1)
    assert (listed.missing, listed.missing_in_all) == ((HOLE,), 1), "it is missing still"
    (said,) = listed.acknowledged
    assert (said.key, said.actor, said.reason, said.arrived) == (HOLE, "ada", WHY, False)
    assert views.status("shop").summary.attention == ()


def test_a_run_that_found_none_needs_nobody_once_its_slice_is_acknowledged_or_there(
    store: LocalStore, log: ModelLog
) -> None:
    there = {WEEKS[0], WEEKS[1], WEEKS[3], WEEKS[4]}
    assert answered_keys(log.state()) == there
    acknowledge(store, "shop", HOLE, WHY)
    assert answered_keys(log.state()) == {*there, HOLE}
    lift(store, "shop", HOLE, "it was open after all")
    assert answered_keys(log.state()) == there
    log.append(accepted(HOLE), after=log.state())
    assert answered_keys(log.state()) == {*there, HOLE}, "it came by another run"


def test_it_is_taken_back_and_needs_a_person_again(store: LocalStore, log: ModelLog) -> None:
    acknowledge(store, "shop", HOLE, WHY)
    lift(store, "shop", HOLE, "it was open after all")
    found = StoreViews(store).summary("shop")
    assert (found.missing, found.acknowledged) == ((HOLE,), ())
    assert [type(one) for one in log.records()[-2:]] == [MissingAcknowledged, AcknowledgementLifted]


def test_one_that_comes_all_the_same_is_late_as_any_other_and_its_page_says_so(
    store: LocalStore, log: ModelLog
) -> None:
    without = fold("shop", [accepted(HOLE)], after=log.state())
    acknowledge(store, "shop", HOLE, WHY)
    assert isinstance(StoreViews(store).missing("shop", HOLE), object)
    log.append(accepted(HOLE), after=log.state())
    for within in (1, 2):
        with_, plain = (plan(one, HOLE, late_within=within) for one in (log.state(), without))
        assert (with_.action, with_.why, with_.slices) == (plain.action, plain.why, plain.slices)
    views = StoreViews(store)
    assert views.missing("shop", HOLE) is None
    page = views.slice("shop", HOLE)
    assert page.acknowledged is not None
    assert (page.acknowledged.reason, page.acknowledged.arrived) == (WHY, True)
    assert [one.what for one in page.history] == ["SliceAccepted", "MissingAcknowledged"]
    assert views.slices("shop").acknowledged == ()
    with pytest.raises(BadInput, match="a missing slice that is acknowledged: none"):
        lift(store, "shop", HOLE, "too late")


def test_the_page_of_a_missing_slice_says_what_is_around_it(store: LocalStore, log: ModelLog) -> None:
    found = StoreViews(store).missing("shop", HOLE)
    assert found is not None
    assert (found.after, found.before, found.newer) == (WEEKS[1], WEEKS[3], 2)
    assert (found.acknowledged, found.history) == (None, ())
    assert [name for name, one in found.may.items() if one.possible] == ["acknowledge-missing"]
    acknowledge(store, "shop", HOLE, WHY)
    found = StoreViews(store).missing("shop", HOLE)
    assert found is not None
    assert [one.what for one in found.history] == ["MissingAcknowledged"]
    assert [name for name, one in found.may.items() if one.possible] == ["lift-acknowledgement"]


def test_a_holiday_may_be_said_beforehand(store: LocalStore, log: ModelLog) -> None:
    acknowledge(store, "shop", LATER, "Carnival")
    assert StoreViews(store).summary("shop").acknowledged == (LATER,)
    log.append(accepted(WEEKS[6]), after=log.state())
    assert unanswered_keys(log.state()) == [HOLE], "the week after has come: nobody asks for this one"


@pytest.mark.parametrize(
    "key",
    [WEEKS[0], ODD, "2012-12-30", "closed", "2013-W03"],
    ids=["there", "between", "before", "no time", "form"],
)
def test_a_slice_that_is_not_missing_is_refused_and_the_missing_ones_are_named(
    store: LocalStore, log: ModelLog, key: str
) -> None:
    with pytest.raises(BadInput, match=f"missing by the spacing of the others: {HOLE}"):
        acknowledge(store, "shop", key, WHY)
    assert StoreViews(store).missing("shop", key) is None


def test_saying_it_twice_writes_one_record(store: LocalStore, log: ModelLog) -> None:
    first = acknowledge(store, "shop", HOLE, WHY)
    assert acknowledge(store, "shop", HOLE, "again").sequence == first.sequence


def test_it_comes_back_from_a_snapshot(store: LocalStore, log: ModelLog) -> None:
    data = encode(Snapshot(state=log.state(), entry="e")).data
    assert decode(data).snapshot.state == log.state()
    state = acknowledge(store, "shop", HOLE, WHY)
    assert decode(encode(Snapshot(state=state, entry="e")).data).snapshot.state == state


def test_the_command_says_it_and_takes_it_back(store: LocalStore, log: ModelLog) -> None:
    def ran(*command: str) -> str:
        done = CliRunner().invoke(app, [*command, "--store", f"file://{Path(store.root)}"])
        assert done.exit_code == 0, done.output
        return done.output

    said = ["acknowledge", "shop", "--slice", HOLE]
    assert f"slice {HOLE} of shop is missing is acknowledged, by" in ran(*said, "--why", WHY)
    assert "was acknowledged before" in ran(*said, "--why", "again")
    assert f"{HOLE}: {WHY}" in ran("slices", "shop")
    top = json.loads(ran("top", "--json"))
    assert (top["models"][0]["attention"], top["models"][0]["acknowledged"]) == ([], [HOLE])
    assert "needs a person again" in ran(*said, "--lift", "--why", "it was open")


@st.composite
def shops(draw: st.DrawFn) -> LineageState:
    """Some weeks came, some were acknowledged before or after that, some acknowledgements were lifted."""
    records: list[Record] = []
    for key in draw(st.permutations(WEEKS)):
        records += draw(
            st.sampled_from(
                [
                    [],
                    [accepted(key)],
                    [MissingAcknowledged(key=key)],
                    [MissingAcknowledged(key=key), accepted(key)],
                    [MissingAcknowledged(key=key), AcknowledgementLifted(key=key)],
                ]
            )
        )
    return fold("shop", records)


@settings(max_examples=200, deadline=None)
@given(shops())
def test_previews_offers_and_decisions_agree_on_every_key(state: LineageState) -> None:
    for key in (*WEEKS, ODD):
        records: dict[str, Record | None] = {}
        for action, decide in (
            ("acknowledge-missing", acknowledgement_of),
            ("lift-acknowledgement", lifting_of),
        ):
            try:
                records[action] = decide(state, key, "w")
            except BadInput:
                records[action] = None
            seen = preview(state, action, Asked(key=key))
            assert seen.possible is (records[action] is not None), (action, key, seen)
            assert seen.possible is not bool(seen.why_not)
            assert on_missing(state, key)[action].possible is seen.possible
        for record in filter(None, records.values()):
            after = fold("shop", [replace(record)], after=state)
            assert (key in after.acknowledged) is isinstance(record, MissingAcknowledged)
    assert set(missing_keys(state)) == {*unanswered_keys(state)} | (
        set(missing_keys(state)) & {*acknowledged_keys(state)}
    )
    assert all(may_be_missing(state, key) for key in missing_keys(state))
