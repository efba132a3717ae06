"""States that follow each other record by record are those that `fold` comes to, and so is what they know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histories import KEYS, accepted, histories, promoted, ref, started
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.lineage import LineageState, VersionState, fold, plan, repeated
from ckpt_ops.lineage.forecast import Arrival, forecast
from ckpt_ops.lineage.planner import Repeated
from ckpt_ops.lineage.records import Promoted, Record, SliceRef, SliceTainted
from ckpt_ops.lineage.requirements import SlicesUnchanged
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.lineage.unfolding import Unfolding


def by_definition(state: LineageState) -> dict[str, Any]:
    """What states know, each found by its definition in the whole history."""
    line = state.ancestry(state.head)
    consumed = {one.key: one for version in line for one in version.slices}
    passed_over = {
        one.key: version.version
        for version in line
        if version.started.again is not None
        for one in version.started.again.without
        if one.key not in consumed
    }
    pending = [
        entry.ref
        for key, entry in sorted(state.slices.items())
        if entry.status is SliceStatus.ACCEPTED and key not in consumed and key not in passed_over
    ]
    return {
        "consumed": list(consumed.items()),
        "passed over": passed_over,
        "consumers": {one.key: version.version for version in reversed(line) for one in version.slices},
        "pending": pending,
        "pending up to": {key: [one for one in pending if one.key <= key] for key in KEYS},
        "newer": {key: sum(one > key for one in consumed) for key in KEYS},
        "newest": max(consumed, default=None),
        "next version": max(state.versions, default=0) + 1,
        "rows": sum(one.rows for version in line for one in version.slices),
        "tainted": set(state.consumers_of(state.tainted)),
        "built on": {
            parent: [one for one in reversed(state.versions.values()) if one.parent == parent]
            for parent in (None, *state.versions)
        },
    }


def known(state: LineageState) -> dict[str, Any]:
    """The same, as states answer it."""
    return {
        "consumed": list(state.consumed.items()),
        "passed over": dict(state.passed_over),
        "consumers": {key: state.consumed_by(key) for key in state.consumed},
        "pending": list(state.pending()),
        "pending up to": {key: list(state.pending(up_to=key)) for key in KEYS},
        "newer": {key: state.newer_than(key) for key in KEYS},
        "newest": state.newest_consumed,
        "next version": state.next_version,
        "rows": state.line.rows,
        "tainted": set(state.tainted_versions),
        "built on": {parent: list(state.built_on(parent)) for parent in (None, *state.versions)},
    }


@settings(max_examples=150, deadline=None)
@given(histories(), st.data())
def test_every_state_on_the_way_is_the_folded_one_and_knows_the_same(
    history: list[Record], data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(history)))
    before = fold("model", history[:begin])
    knew = known(before)
    future = Unfolding(before)
    for at, record in enumerate(history[begin:], start=begin + 1):
        future.add(record)
        folded = fold("model", history[:at])
        assert future.state == folded
        assert known(future.state) == by_definition(folded) == known(folded)
    assert known(before) == knew, "the state that it went on from is as it was"


def repeated_by_definition(state: LineageState, slices: tuple[SliceRef, ...]) -> VersionState | None:
    for version in reversed(state.versions.values()):
        if (version.parent, version.slices) == (state.head, slices):
            return version if version.refused else None
    return None


@settings(max_examples=100, deadline=None)
@given(histories())
def test_plans_repeat_what_was_tried_and_candidates_lose_slices_as_the_whole_history_says(
    history: list[Record],
) -> None:
    state = fold("model", history)
    for key in KEYS:
        planned = plan(state, key, late_within=2)
        found = repeated(state, planned)
        tried = repeated_by_definition(state, planned.slices) if planned.slices else None
        assert found == (None if tried is None else Repeated(version=tried))
    head = {one.version for one in state.ancestry(state.head)}
    for number in state.versions:
        added = [one for one in state.ancestry(number) if one.version not in head]
        lost = [one.key for version in added for one in version.slices if state.standing(one) != one]
        unmet = SlicesUnchanged(version=number).unmet(state)
        assert (unmet.reason if unmet else "").count(", ".join(lost)) > 0 if lost else unmet is None


def forecast_by_folding(
    state: LineageState, arrivals: list[Arrival], late_within: int
) -> list[tuple[str, Mapping[str, Any]]]:
    """Plans as they come when each is made on a state that was folded on its own."""
    found = []
    for arrival in arrivals:
        entry = state.slices.get(arrival.key)
        if entry is None:
            one = SliceRef(key=arrival.key, revision="not read yet", rows=0)
            state = fold("model", [accepted_as(one)], after=state)
        planned = plan(state, arrival.key, late_within=late_within, max_rejections=3)
        found.append((arrival.key, vars(planned)))
        if planned.slices:
            number = max(state.versions, default=0) + 1
            records = [
                started(number, *planned.slices, parent=state.head),
                Promoted(version=number, champion=state.head),
            ]
            state = fold("model", records, after=state)
    return found


def accepted_as(one: SliceRef) -> Record:
    return type(accepted(one.key))(slice=one)


@settings(max_examples=100, deadline=None)
@given(
    histories(), st.lists(st.sampled_from([*KEYS, "2013-w09", "2014-w01"]), unique=True), st.integers(0, 3)
)
def test_a_forecast_is_the_planner_on_states_that_are_folded_one_by_one(
    history: list[Record], keys: list[str], late_within: int
) -> None:
    state = fold("model", history)
    if any(version.started.shadow for version in state.versions.values()):
        return  # what a candidate in shadow makes of a run has tests of its own
    arrivals = [
        Arrival(key=key, revision=state.slices[key].pulled if key in state.slices else None) for key in keys
    ]
    plans = forecast(state, arrivals, late_within=late_within, max_rejections=3)
    assert [(one.key, vars(one)) for one in plans] == forecast_by_folding(state, arrivals, late_within)


def test_a_taint_that_comes_on_the_way_taints_what_is_built_afterwards() -> None:
    future = Unfolding(fold("model", promoted(1, ref(KEYS[0]))))
    future.add(SliceTainted(slice=ref(KEYS[0]), reason="wrong"))
    assert future.state.tainted_versions == {1}
    future.add(accepted(KEYS[1]))
    future.add(started(2, ref(KEYS[1]), parent=1))
    assert future.state.tainted_versions == {1, 2}
