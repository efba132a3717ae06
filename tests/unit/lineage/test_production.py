"""What was in production when: periods that follow one another, whatever happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from histories import KEYS, histories, promoted, ref, rejected, started, trained
from hypothesis import given, settings

from ckpt_ops.lineage import fold
from ckpt_ops.lineage.production import How, Period, head_at, periods, production
from ckpt_ops.lineage.records import Again, Approved, Promoted, Record, RolledBack


def at(number: int) -> str:
    return f"2013-01-01T00:{number // 60:02}:{number % 60:02}.000+00:00"


def timed(records: list[Record]) -> list[Record]:
    return [replace(record, time=at(number)) for number, record in enumerate(records, start=1)]


@settings(max_examples=150, deadline=None)
@given(histories())
def test_periods_neither_overlap_nor_leave_a_gap_and_the_last_is_the_heads(history: list[Record]) -> None:
    records = timed(history)
    found = production(records)
    state = fold("model", records)
    assert [each.until for each in found[:-1]] == [each.since for each in found[1:]]
    assert [each.until for each in found[-1:]] == [None] * (state.head is not None)
    assert (found[-1].version if found else None) == state.head
    assert all(before.began < after.began for before, after in pairwise(found))
    assert periods(state) == found, "the state knows what its records say"


@settings(max_examples=100, deadline=None)
@given(histories())
def test_at_every_record_the_period_of_then_is_the_head_of_then(history: list[Record]) -> None:
    records = timed(history)
    found = production(records)
    for number in range(1, len(records) + 1):
        there = [each.version for each in found if each.began <= number]
        assert (there[-1] if there else None) == fold("model", records[:number]).head


def _how(*records: Record | list[Record]) -> Period:
    flat: list[Record] = []
    for record in records:
        flat += record if isinstance(record, list) else [record]
    assert periods(fold("model", flat)) == production(flat)
    return production(flat)[-1]


def test_at_a_time_the_version_of_the_last_move_by_then_was_in_production() -> None:
    first, second = promoted(1, ref(KEYS[0])), promoted(2, ref(KEYS[1]), champion=1)
    times = {1: "2026-01-01T00:00:00.500+00:00", 2: "2026-01-02T00:00:00.000+00:00"}
    history = [
        replace(one, time=times[one.version]) if isinstance(one, Promoted) else one
        for one in (*first, *second)
    ]
    state = fold("m", history)
    asked = ("2025-12-31T00:00", "2026-01-01T00:01", "2026-01-01T23:59", "2026-01-02T00:00")
    found = [head_at(state, datetime.fromisoformat(f"{time}+00:00")) for time in asked]
    assert found == [None, 1, 1, 2]


def test_each_way_into_production_is_told_from_the_others_with_who_decided_and_why() -> None:
    first = promoted(1, ref(KEYS[0]))
    second = promoted(2, ref(KEYS[1]), champion=1)
    yes = Approved(version=2, actor="ada", reason="the deltas are fine")
    by_gates = _how(first, second)
    assert (by_gates.version, by_gates.how) == (2, How.GATES)
    approved = _how(first, second[:-1], yes, second[-1:])
    assert (approved.how, approved.actor, approved.why) == (How.APPROVED, "ada", "the deltas are fine")
    expired = _how(first, second[:-1], Approved(version=2, expired=True, actor="airflow"), second[-1:])
    assert expired.how is How.EXPIRY
    refused = rejected(2, ref(KEYS[1]), champion=1)
    over = _how(first, refused, replace(yes, despite_gates=True), Promoted(version=2, champion=1))
    assert (over.how, over.actor) == (How.OVERRIDE, "ada")
    for parent, replaces in ((1, None), (None, 1)):
        opened = replace(started(2, ref(KEYS[0]), parent=parent), replaces=replaces, again=Again())
        retrained = _how(first, [opened, trained(2)], Promoted(version=2, champion=1))
        assert (retrained.how, retrained.rebase) == (How.RETRAINED, False)
    back = _how(first, second, RolledBack(version=1, champion=2, actor="bob", reason="complaints"))
    assert (back.version, back.how, back.actor, back.rebase) == (1, How.ROLLBACK, "bob", False)


def test_a_rebase_is_told_also_where_it_ends_with_a_version_of_before() -> None:
    history = [*promoted(1, ref(KEYS[0])), *promoted(2, ref(KEYS[1]), champion=1)]
    step = [replace(started(3, ref(KEYS[1], 2), parent=1), replaces=2), trained(3)]
    swapped = _how(history, step, Promoted(version=3, champion=2))
    assert (swapped.how, swapped.rebase) == (How.REBASE, True)
    again = [replace(step[0], again=Again()), *step[1:]]
    in_its_place = _how(history, again, Promoted(version=3, champion=2))
    assert (in_its_place.how, in_its_place.rebase) == (How.REBASE, True), "in the place of a retraining"
    approved = _how(history, step, Approved(version=3), Promoted(version=3, champion=2))
    assert (approved.how, approved.rebase) == (How.APPROVED, True)
    assert _how(history, RolledBack(version=1, champion=2, rebase=True)).how is How.REBASE
