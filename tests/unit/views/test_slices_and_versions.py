"""The pages of slices and versions: rows, histories, and what may be decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from histories import KEYS, accepted, histories, promoted, ref, rejected, started, trained
from hypothesis import given, settings

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.report import REPORT
from ckpt_ops.intake.decisions import lift_taint, resolve, taint, withdraw
from ckpt_ops.intake.quarantine import discard
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, fold
from ckpt_ops.lineage.records import (
    CandidateTrained,
    Evaluated,
    Record,
    RolledBack,
    SliceAccepted,
    SliceTainted,
)
from ckpt_ops.promotion import approve, reject
from ckpt_ops.store import LocalStore
from ckpt_ops.store.named import Written
from ckpt_ops.validation import Outcome, Validation
from ckpt_ops.views import StoreViews
from ckpt_ops.views.building.choices import on_slice, on_version
from ckpt_ops.views.building.slices import WHICH, slices_view
from ckpt_ops.views.description import Description
from ckpt_ops.views.shapes import Choice

Say = Callable[..., ModelLog]


@settings(max_examples=60, deadline=None)
@given(histories())
def test_pages_of_any_size_have_every_slice_once(history: list[Record]) -> None:
    state, about = fold("model", history), Description(late_within=2)
    whole = slices_view(state, about, most=100)
    for most in (1, 3):
        keys, before = [], None
        while True:
            page = slices_view(state, about, before=before, most=most)
            keys += [row.key for row in page.rows]
            before = page.older
            if before is None:
                break
        assert keys == [row.key for row in whole.rows]
    for which in WHICH:
        some = slices_view(state, about, which=which, most=100)
        assert len(some.rows) == some.found == whole.counts.get(which, 0)
    seen = {row.key: row.seen_by for row in whole.rows}
    assert seen == {
        key: tuple(n for n, one in state.versions.items() if key in [each.key for each in one.slices])
        for key in state.slices
    }


@settings(max_examples=60, deadline=None)
@given(histories())
def test_whether_something_may_be_decided_is_told_of_any_version_and_slice(history: list[Record]) -> None:
    state = fold("model", history)
    found = [*(on_version(state, n) for n in state.versions), *(on_slice(state, key) for key in state.slices)]
    for choice in (one for each in found for one in each.values()):
        assert choice.possible == (choice.why_not == "")
        assert choice.possible or choice.why_not[-1] == "."
    for number in state.versions:
        may = on_version(state, number)
        assert may["rollback"].possible <= (number in state.restorable)
        assert not (may["approve"].possible and may["promote-despite-gates"].possible)


def test_a_row_tells_who_was_trained_on_a_slice_whatever_became_of_them(
    store: LocalStore, flights: ModelLog
) -> None:
    rows = {row.key: row for row in StoreViews(store).slices("flights").rows}
    assert (rows[KEYS[0]].consumed_by, rows[KEYS[0]].seen_by) == (1, (1,))
    assert (rows[KEYS[3]].consumed_by, rows[KEYS[3]].seen_by) == (None, (3,)), "it was rejected"
    assert rows[KEYS[2]].reason == "a column is null"
    assert [row.key for row in StoreViews(store).slices("flights", search="NULL").rows] == [KEYS[2]]
    assert StoreViews(store).slices("flights", which="quarantined").found == 1


def test_a_kind_that_slices_are_never_of_is_refused() -> None:
    with pytest.raises(BadInput, match="status='lost' is not allowed: expected one of accepted"):
        slices_view(LineageState(model="m"), Description(), which="lost")


def test_the_page_of_a_slice_has_all_that_was_ever_said_of_it(store: LocalStore, say: Say) -> None:
    report = "slices/source/k/r/validation/report.json"
    say(
        "m",
        SliceAccepted(slice=ref(KEYS[0]), report=report, reason="all hold"),
        promoted(1, ref(KEYS[0]))[1:],
    )
    say(
        "m",
        promoted(2, ref(KEYS[1]), champion=1),
        SliceTainted(slice=ref(KEYS[0]), reason="swapped", actor="ada"),
    )
    validation = Validation(
        outcome=Outcome.ACCEPTED,
        rows=10,
        reasons=(),
        expectations=3,
        seconds=0.1,
        suite="s",
        suite_digest="d",
        drift={"distance": 0.3},
    )
    store.put(report, validation.to_json())
    found = StoreViews(store).slice("m", KEYS[0])
    assert [(one.what, one.actor) for one in found.history][:1] == [("SliceTainted", "ada")]
    assert [one.what for one in found.history] == ["SliceTainted", "SliceAccepted"]
    assert [one.number for one in found.history] == [11, 1]
    assert found.whole
    assert (found.slice.seen_by, found.inherited_by) == ((1,), (2,))
    assert found.slice.tainted == "swapped"
    assert found.verdict is not None
    assert (found.verdict.summary, found.verdict.drift) == ("3 expectations hold", {"distance": 0.3})
    assert [(one.column, one.psi) for one in StoreViews(store).summary("m").drift] == [("distance", 0.3)]
    with pytest.raises(BadInput, match="2013-w08"):
        StoreViews(store).slice("m", KEYS[7])


def test_a_version_is_shown_with_numbers_of_its_gates_and_its_checkpoints(
    store: LocalStore, say: Say
) -> None:
    verdict = {"gate": "AtLeast('auc', 0.6)", "passed": True, "words": "auc is 0.7", "numbers": {"auc": 0.7}}
    name = "models/m/v1/evaluation/0123.json"
    forgot = [{"version": 1, "on": {KEYS[0]: 0.7, KEYS[1]: 0.6}}]
    values = {
        "metric": "auc",
        "higher_is_better": True,
        "evaluation": {"verdicts": [verdict]},
        "forgetting": forgot,
    }
    store.put(name, REPORT.encode(REPORT.numbered(values)))
    export = Written(name="models/m/v1/attempt=000001/export/saved_model.pb", size=3, digest="d")
    with_files = replace(
        trained(1), artifacts={"export": "models/m/v1/attempt=000001/export"}, files=(export,), seconds=2.5
    )
    said = Evaluated(
        version=1, champion=None, passed=True, metrics={"candidate": {"auc": 0.7}}, verdicts=(), report=name
    )
    first = promoted(1, ref(KEYS[0]))
    swapped = {CandidateTrained: with_files, Evaluated: said}
    say("m", [swapped.get(type(one), one) for one in first])
    attempt = CandidateLog(store, "m", 1).start_attempt()
    attempt.commit(step=5, manifest="m", uploaded=700, metrics={"loss": float("nan")})
    found = StoreViews(store).version("m", 1)
    assert [(gate.gate, gate.passed, gate.numbers) for gate in found.gates] == [
        ("AtLeast('auc', 0.6)", True, {"auc": 0.7})
    ]
    assert (found.uploaded, found.seconds) == (700, 2.5)
    assert [(one.step, one.uploaded, one.metrics) for one in found.checkpoints] == [(5, 700, {"loss": None})]
    assert found.exported == (export.name,)
    assert found.card.startswith("# m, version 1\n")
    page = StoreViews(store).model("m")
    assert [(one.versions, one.slices, one.values) for one in page.forgetting] == [
        ((1,), (KEYS[0], KEYS[1]), ((0.7, 0.6),))
    ]
    store.put(name, b'{"schema": 1, "evaluation": {"verdicts": [1]}, "forgetting": [{"version": "x"}, 3]}')
    broken = StoreViews(store)
    assert broken.version("m", 1).gates == (), "a report of strange bytes says nothing; the log does"
    store.delete(name)
    assert broken.version("m", 1).gates == ()
    with pytest.raises(BadInput, match="version=9"):
        broken.version("m", 9)


def test_what_a_page_offers_is_what_the_command_does(store: LocalStore, flights: ModelLog, say: Say) -> None:
    """Each choice is asked of the function that decides; here they are taken."""
    say("flights", accepted(KEYS[4]), started(4, ref(KEYS[4]), parent=2), trained(4))

    def may(number: int) -> set[str]:
        return _possible(StoreViews(store).version("flights", number).may)

    def may_slice(key: str) -> set[str]:
        return _possible(StoreViews(store).slice("flights", key).may)

    assert (may(1), may(2), may(3), may(4)) == ({"rollback"}, set(), {"promote-despite-gates"}, {"reject"})
    with pytest.raises(BadInput):
        approve(store, "flights", 3, "no")
    reject(store, "flights", 4, "a person says no")
    assert may(4) == set()
    assert may_slice(KEYS[2]) == {"release", "discard", "withdraw"}
    discard(store, "flights", KEYS[2], "broken")
    assert may_slice(KEYS[2]) == {"withdraw"}
    withdraw(store, "flights", KEYS[2], "broken")
    assert may_slice(KEYS[2]) == set()
    assert may_slice(KEYS[0]) == {"withdraw", "taint"}
    taint(store, "flights", KEYS[0], "poisoned")
    assert "lift-taint" in may_slice(KEYS[0])
    lift_taint(store, "flights", KEYS[0], "it was not")
    assert "lift-taint" not in may_slice(KEYS[0])
    say("flights", accepted(KEYS[3]), promoted(5, ref(KEYS[5]), champion=2))
    assert "resolve" in may_slice(KEYS[3])
    resolve(store, "flights", KEYS[3], "append it", fork=False)
    assert StoreViews(store).slices("flights").counts.get("late", 0) == 0


def _possible(may: Mapping[str, Choice]) -> set[str]:
    return {name for name, one in may.items() if one.possible}


def test_the_lineage_shows_where_versions_came_from(store: LocalStore, flights: ModelLog, say: Say) -> None:
    say("flights", RolledBack(version=1, champion=2, reason="complaints"))
    say("flights", rejected(4, ref(KEYS[1]), champion=1))
    found = StoreViews(store).lineage("flights")
    assert {(one.source, one.target, one.what) for one in found.edges} == {
        (1, 2, "trained from"),
        (2, 3, "trained from"),
        (1, 4, "trained from"),
        (2, 1, "rolled back to"),
    }
    assert [(one.version, one.status, one.head) for one in found.versions] == [
        (1, "promoted", True),
        (2, "rolled back", False),
        (3, "rejected", False),
        (4, "rejected", False),
    ]
    page = StoreViews(store).model("flights")
    assert [one.how for one in page.periods] == ["rollback", "promoted by gates", "promoted by gates"]
    assert ("rolled back", KEYS[1]) in {(one.what, one.at) for one in page.marks}
