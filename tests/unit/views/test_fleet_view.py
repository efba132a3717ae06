"""The fleet: what each model wants a person for, and that one model hides no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from histories import KEYS, accepted, evaluated, promoted, ref, rejected, started, trained

from ckpt_ops.candidates.progress_document import begun, name_of
from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.missing import missing_keys
from ckpt_ops.lineage.records import (
    Approved,
    CandidateTrained,
    Evaluated,
    Held,
    RolledBack,
    SliceAccepted,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
    SourceChanged,
    UpdateDeferred,
)
from ckpt_ops.lineage.spacing import AT_MOST
from ckpt_ops.store import LocalStore
from ckpt_ops.views import StoreViews
from ckpt_ops.views.description import DESCRIPTION, Description
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.shapes import Wants
from ckpt_ops.views.sizes import measure, measure_store

Say = Callable[..., ModelLog]


def wants(found: Summary) -> list[Wants]:
    return [one.what for one in found.attention]


def test_a_log_that_cannot_be_read_is_the_problem_of_its_model_alone(
    store: LocalStore, flights: ModelLog, say: Say
) -> None:
    say("broken", promoted(1, ref(KEYS[0])))
    store.delete("models/broken/log/000000000002.json")
    views = StoreViews(store)
    first, second = views.fleet().models
    assert (first.model, first.head, wants(first)) == ("broken", None, [Wants.UNREADABLE])
    assert "000000000002.json is missing" in first.problem
    assert (second.model, second.head, second.problem) == ("flights", 2, "")
    with pytest.raises(Corrupt):
        views.model("broken")
    assert [one.problem == "" for one in views.statuses()] == [False, True]


def test_models_that_need_a_person_come_first_by_urgency(say: Say, store: LocalStore) -> None:
    say("a_fine_one", promoted(1, ref(KEYS[0])))
    say("quarantined", promoted(1, ref(KEYS[0])), SliceQuarantined(slice=ref(KEYS[1]), report=""))
    say("zz_held", promoted(1, ref(KEYS[0])), Held(reason="refused three times"))
    assert [one.model for one in StoreViews(store).fleet().models] == ["zz_held", "quarantined", "a_fine_one"]
    assert [one.model for one in StoreViews(store).fleet({"a_fine_one", "no such"}).models] == ["a_fine_one"]


def test_what_is_in_production_since_when_why_and_by_whom(say: Say, store: LocalStore) -> None:
    first, second = promoted(1, ref(KEYS[0])), promoted(2, ref(KEYS[1]), champion=1)
    yes = Approved(version=2, actor="ada", reason="the deltas are fine")
    say("m", first, second[:-1], yes, second[-1])
    found = StoreViews(store).summary("m")
    assert (found.head, found.head_how, found.head_by) == (2, "approved", "ada")
    assert found.head_why == "the deltas are fine"
    assert found.head_since == second[-1].time
    assert (found.newest_consumed, found.consumed_time) == (KEYS[1], second[-1].time)
    assert found.last is not None
    assert (found.last.what, found.last.version, found.last.actor) == ("promoted", 2, "ada")
    say("m", RolledBack(version=1, champion=2, actor="bob", reason="complaints"))
    found = StoreViews(store).summary("m")
    assert (found.head, found.head_how, found.head_by, found.head_why) == (1, "rollback", "bob", "complaints")
    assert (found.newest_consumed, found.pending) == (KEYS[0], (KEYS[1],))
    assert found.last is not None
    assert (found.last.what, found.last.version) == ("rolled back", 1)


def test_the_last_rejection_is_told_until_the_next_promotion(
    store: LocalStore, flights: ModelLog, say: Say
) -> None:
    found = StoreViews(store).summary("flights")
    assert found.last_rejected is not None
    assert (found.last_rejected.version, found.last_rejected.what) == (3, "rejected")
    assert Wants.REJECTED in wants(found)
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds")
    after = promoted(4, ref(KEYS[3]), champion=2)
    say("flights", after[1:-1], replace(after[-1], time=later))
    found = StoreViews(store).summary("flights")
    assert (found.head, found.last_rejected) == (4, None)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("rejected by NoForgetting: auc fell. On 9 rows", [1]), ("as nobody asked", [0, 1])],
)
def test_of_a_rejection_the_verdicts_are_told_that_were_not_passed(
    say: Say, store: LocalStore, reason: str, told: list[int]
) -> None:
    verdicts = ("AtLeast('auc', 0.5): auc 0.6 is enough", "NoForgetting(by={'auc': 0.1}): auc fell")
    asked = Evaluated(version=1, champion=None, passed=False, metrics={}, verdicts=verdicts, reason=reason)
    opened, ended, _, refused = rejected(1, ref(KEYS[0]))
    say("m", accepted(KEYS[0]), opened, ended, asked, refused)
    last = StoreViews(store).summary("m").last
    assert last is not None
    assert last.verdicts == tuple(verdicts[at] for at in told)


def test_each_thing_that_needs_a_person_is_told_with_the_command_for_it(say: Say, store: LocalStore) -> None:
    below = Evaluated(
        version=1,
        champion=None,
        passed=True,
        metrics={"candidate": {"auc": 0.5}},
        verdicts=(),
        below_floor={"candidate": "auc 0.5 is below 0.6"},
    )
    first = promoted(1, ref(KEYS[1]))
    say(
        "m",
        first[:-2],
        below,
        first[-1],
        promoted(2, ref(KEYS[2]), champion=1),
        promoted(3, ref(KEYS[3]), champion=2),
        SliceAccepted(slice=ref(KEYS[0])),  # late by three
        SliceQuarantined(slice=ref(KEYS[4]), report=""),
        SliceAccepted(slice=ref(KEYS[5]), origin="other", set_aside=3),
        SourceChanged(slices=(ref(KEYS[2]),)),
        SliceTainted(slice=ref(KEYS[1]), reason="swapped labels"),
        Held(reason="refused three times"),
    )
    about = Description(late_within=2, freshness_hours=1.0)
    store.put(f"models/m/description/{1:012d}-{about.digest}.json", DESCRIPTION.encode(about))
    now = datetime.now(UTC) + timedelta(hours=30)
    found = StoreViews(store).summary("m", now=now)
    assert wants(found) == [
        Wants.ON_HOLD,
        Wants.TAINTED,
        Wants.STALE,
        Wants.LATE,
        Wants.QUARANTINED,
        Wants.QUARANTINED,
        Wants.REBASE,
        Wants.CHANGED,
    ]
    told = {one.what: one for one in found.attention}
    assert told[Wants.ON_HOLD].command == "ckpt-ops release m --why TEXT"
    assert told[Wants.LATE].command == f"ckpt-ops resolve m --slice {KEYS[0]} --append --why TEXT"
    assert told[Wants.STALE].message == (
        f"The newest slice in production, {KEYS[3]}, came there 30 hours ago; the objective is 1 hour."
    )
    assert told[Wants.CHANGED].slices == (KEYS[2],)
    assert told[Wants.TAINTED].message.endswith("swapped labels. Nothing is built on it.")
    assert (found.late, found.quarantined, found.set_aside) == ((KEYS[0],), (KEYS[4],), (KEYS[5],))
    assert dict(found.counts)["pending"] == 2
    fresh = StoreViews(store).summary("m", now=datetime.now(UTC))
    assert Wants.STALE not in wants(fresh)


def test_a_version_that_waits_and_one_below_its_floor_are_told(say: Say, store: LocalStore) -> None:
    below = replace(
        evaluated(1, champion=None, passed=True), below_floor={"candidate": "auc 0.5 is below 0.6"}
    )
    first = promoted(1, ref(KEYS[0]))
    waits = [accepted(KEYS[1]), started(2, ref(KEYS[1]), parent=1), trained(2)]
    say("m", first[:-2], below, first[-1], waits, evaluated(2, champion=1, passed=True))
    found = StoreViews(store).summary("m")
    assert wants(found) == [Wants.BELOW_FLOOR, Wants.APPROVAL]
    assert found.waiting == (2,)
    assert found.attention[1].command == "ckpt-ops promote m 2 --approve --why TEXT"


def test_the_metric_is_what_production_scored_when_a_slice_was_new(say: Say, store: LocalStore) -> None:
    def scored(version: int, key: str, **scores: float) -> CandidateTrained:
        return replace(trained(version), scores={key: scores})

    records = [promoted(1, ref(KEYS[0]))]
    for number, auc in ((2, 0.61), (3, 0.63)):
        new = promoted(number, ref(KEYS[number - 1]), champion=number - 1)
        told = scored(number, KEYS[number - 1], log_loss=0.5, auc=auc)
        records.append([told if isinstance(one, CandidateTrained) else one for one in new])
    deferred = UpdateDeferred(slice=ref(KEYS[3]), numbers={}, version=4, scores={KEYS[3]: {"auc": 0.64}})
    refused = rejected(5, ref(KEYS[3]), champion=3)
    again = [scored(5, KEYS[3], auc=0.1) if isinstance(one, CandidateTrained) else one for one in refused]
    say("m", *records, accepted(KEYS[3]), started(4, ref(KEYS[3]), parent=3), deferred, again)
    found = StoreViews(store).summary("m")
    assert found.metric is not None
    assert (found.metric.metric, found.metric.better) == ("auc", "higher")
    points = {point.at: point.value for point in found.metric.points}
    assert points == {KEYS[1]: 0.61, KEYS[2]: 0.63, KEYS[3]: 0.64}, "the first score of each slice"
    page = StoreViews(store).model("m")
    assert [series.metric for series in page.scores] == ["auc", "log_loss"]
    assert page.scores[0].points[0].value is None, "nobody was in production before the first"


def test_drift_is_what_an_update_policy_measured_on_the_newest_slice(say: Say, store: LocalStore) -> None:
    numbers = {"psi_at_least": 0.25, "psi:distance": 0.3, "psi:carrier": 0.1, "psi_noise:distance": 0.01}
    new = promoted(1, ref(KEYS[0]))
    told = replace(trained(1), decision={"numbers": numbers})
    with_it = [told if isinstance(one, CandidateTrained) else one for one in new]
    say("m", with_it, accepted(KEYS[1]), UpdateDeferred(slice=ref(KEYS[1]), numbers={"psi:carrier": 0.4}))
    found = StoreViews(store).model("m")
    assert [(one.column, one.psi) for one in found.summary.drift] == [("carrier", 0.4)]
    rows = {row.column: [point.value for point in row.series.points] for row in found.drift}
    assert rows == {"carrier": [0.1, 0.4], "distance": [0.3, None]}
    assert [one.what for one in found.marks] == ["promoted", "deferred"]


def test_sizes_are_those_that_were_measured_last(say: Say, store: LocalStore, flights: ModelLog) -> None:
    assert StoreViews(store).summary("flights").nbytes is None
    there = sum(one.size for one in store.list("models/flights/"))
    measured = measure(store, flights.state(), now=datetime(2026, 1, 1, tzinfo=UTC))
    assert measured.nbytes == there
    measure(store, flights.state(), now=datetime(2026, 1, 2, tzinfo=UTC))
    (kept,) = store.list("models/flights/size/")
    assert kept.name.endswith("/20260102T000000.json")
    whole = measure_store(store)
    fleet = StoreViews(store).fleet()
    assert (fleet.nbytes, fleet.measured) == (whole.nbytes, whole.time)
    assert fleet.models[0].nbytes is not None
    store.put("models/flights/size/20270101T000000.json", b"[]")
    assert StoreViews(store).summary("flights").nbytes == fleet.models[0].nbytes, "bad bytes are passed over"


@pytest.mark.parametrize("name", ["", "no", "../flights", "flights/log", "a\x00b", "..", "x" * 5000])
def test_a_model_that_is_not_there_is_refused_with_those_that_are(
    store: LocalStore, flights: ModelLog, name: str
) -> None:
    views = StoreViews(store)
    for ask in (views.summary, views.model, views.lineage, views.slices, views.status, views.state):
        with pytest.raises(BadInput, match="one of flights"):
            ask(name)
    with pytest.raises(BadInput):
        views.version(name, 1)
    with pytest.raises(BadInput):
        views.slice(name, KEYS[0])


def test_a_withdrawn_slice_makes_a_rebase_due(say: Say, store: LocalStore) -> None:
    say(
        "m",
        promoted(1, ref(KEYS[0])),
        promoted(2, ref(KEYS[1]), champion=1),
        SliceWithdrawn(slice=ref(KEYS[0])),
    )
    found = StoreViews(store).summary("m")
    assert (found.rebase_due, wants(found)) == ((KEYS[0],), [Wants.REBASE])


def test_a_model_that_is_gone_hides_no_other_and_tells_no_names(
    say: Say, store: LocalStore, flights: ModelLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = StoreViews(store)
    monkeypatch.setattr(views, "names", lambda: ["flights", "gone"])
    assert [one.model for one in views.fleet().models] == ["flights"]


def test_the_training_that_runs_is_in_the_summary_and_on_the_page(store: LocalStore, say: Say) -> None:
    say("m", promoted(1, ref(KEYS[0])), accepted(KEYS[1]), started(2, ref(KEYS[1]), parent=1))
    views = StoreViews(store)
    assert views.summary("m").training is None
    running = begun("m", 2, before=None, now="2026-03-01T12:00:00.000+00:00")
    store.put(name_of(running, number=1, writer="0" * 8), running.encode())
    (found,) = views.fleet().models
    assert found.training is not None
    assert (found.training.version, found.training.phase) == (2, "starting")
    assert views.model("m").summary.training == found.training
    say("m", trained(2))
    assert views.summary("m").training is None, "it has its result, whatever its process left"


def test_slices_that_are_missing_are_found_in_a_long_history_too(say: Say, store: LocalStore) -> None:
    hours = [datetime(2026, 1, 1) + timedelta(hours=hour) for hour in range(AT_MOST + 600)]
    keys = [f"{hour:%Y-%m-%dT%H}" for hour in hours]
    say("m", SliceQuarantined(slice=ref(keys[0]), report=""))
    whole = ModelLog(store, "m").state()
    known = {key: replace(whole.slices[keys[0]], ref=ref(key)) for key in keys if key != keys[-50]}
    assert missing_keys(replace(whole, slices=known)) == [keys[-50]]


def test_the_verdicts_of_a_rejection_are_of_the_gates_that_rejected(store: LocalStore, say: Say) -> None:
    """As `evaluate` records them."""
    passed, failed = (
        "NoWorse(metric='auc'): auc 0.7, not below 0.7",
        "MaxRegression(metric='log_loss'): worse by 0.1",
    )
    reason = "rejected by MaxRegression: worse by 0.1. Evaluated on held-out rows"
    told = Evaluated(
        version=2,
        champion=1,
        passed=False,
        metrics={},
        verdicts=(passed, failed),
        reason=reason,
        report="gone",
    )
    first, new = promoted(1, ref(KEYS[0])), rejected(2, ref(KEYS[1]), champion=1)
    say("m", first, [told if isinstance(one, Evaluated) else one for one in new])
    views = StoreViews(store)
    last = views.summary("m").last_rejected
    assert last is not None
    assert last.verdicts == (failed,)
    assert [(one.gate, one.passed) for one in views.version("m", 2).gates] == [
        ("NoWorse(metric='auc')", None),
        ("MaxRegression(metric='log_loss')", False),
    ]
