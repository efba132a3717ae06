"""What a run decides on a history written by hand: no model is needed to say it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.candidates.opening import open_candidate, proposed
from ckpt_ops.errors import BadInput, BucketNotFound, ForkNeeded, LineageMoved, ModelOnHold, SliceUnreadable
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceRef,
    SliceWithdrawn,
)
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.policies import Rows
from ckpt_ops.promotion import release, rollback, settle
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore
from ckpt_ops.views.building.slices import slices_view
from ckpt_ops.views.description import Description

WEEKS = ("2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27")


def _ref(key: str, content: str = "a") -> SliceRef:
    return SliceRef(key=key, revision=content * 16, rows=6_000)


def _say(store: LocalStore, *records: Record) -> None:
    log = ModelLog(store, "flight_delay")
    for record in records:
        log.append(record, after=log.state())


def _trained(version: int, parent: int | None, *refs: SliceRef, passed: bool = True) -> list[Record]:
    metrics = {"candidate": {"auc": 0.7}}
    return [
        CandidateStarted(version=version, candidate=f"c{version}", parent=parent, slices=refs),
        CandidateTrained(
            version=version, step=10, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
        ),
        Evaluated(version=version, champion=parent, passed=passed, metrics=metrics, verdicts=()),
    ]


def _promoted(version: int, parent: int | None, *refs: SliceRef) -> list[Record]:
    return [*_trained(version, parent, *refs), Promoted(version=version, champion=parent)]


def test_a_new_slice_is_appended_and_a_consumed_one_is_skipped(pipeline: Pipeline, store: LocalStore) -> None:
    _say(store, SliceAccepted(slice=_ref(WEEKS[0])))
    assert steps.decide(pipeline, store, WEEKS[0]).train is True

    _say(store, *_promoted(1, None, _ref(WEEKS[0])))
    decided = steps.decide(pipeline, store, WEEKS[0])
    assert (decided.train, decided.why) == (False, "already consumed by version 1, unchanged")


@pytest.mark.parametrize(
    "record",
    [SliceAccepted(slice=_ref(WEEKS[0], "b")), SliceWithdrawn(slice=_ref(WEEKS[0]))],
    ids=["corrected", "withdrawn"],
)
def test_a_consumed_slice_that_changed_needs_a_fork_and_says_which_command_makes_one(
    pipeline: Pipeline, store: LocalStore, record: Record
) -> None:
    _say(store, SliceAccepted(slice=_ref(WEEKS[0])), *_promoted(1, None, _ref(WEEKS[0])), record)
    before = ModelLog(store, "flight_delay").state()

    with pytest.raises(ForkNeeded, match="has to fork before it") as caught:
        steps.decide(pipeline, store, WEEKS[0])

    assert "ckpt-ops plan flight_delay" in caught.value.next
    assert "ckpt-ops rebase flight_delay" in caught.value.next
    assert ModelLog(store, "flight_delay").state() == before


def test_too_few_rows_defer_the_update_once_and_the_slice_stays_pending(
    pipeline: Pipeline, store: LocalStore
) -> None:
    patient = replace(pipeline, update_when=Rows(at_least=10_000))
    _say(store, SliceAccepted(slice=_ref(WEEKS[0])), *_promoted(1, None, _ref(WEEKS[0])))
    _say(store, SliceAccepted(slice=_ref(WEEKS[1])))
    for _ in range(2):
        decided = steps.decide(patient, store, WEEKS[1])
        assert decided.train is False
        assert "6,000" in decided.why
    state = ModelLog(store, "flight_delay").state()
    assert [ref.key for ref in state.pending()] == [WEEKS[1]]
    assert list(state.deferred) == [WEEKS[1]]

    _say(store, SliceAccepted(slice=_ref(WEEKS[2])))
    assert steps.decide(patient, store, WEEKS[2]).train is True


def test_a_slice_refused_again_and_again_holds_the_model_until_a_person_decides(
    pipeline: Pipeline, store: LocalStore
) -> None:
    bad = _ref(WEEKS[1])
    _say(store, SliceAccepted(slice=_ref(WEEKS[0])), *_promoted(1, None, _ref(WEEKS[0])))
    _say(store, SliceAccepted(slice=bad))
    for version in (2, 3, 4):
        _say(store, *_trained(version, 1, bad, passed=False), Rejected(version=version, champion=1))
    _say(store, SliceAccepted(slice=_ref(WEEKS[2])))

    with pytest.raises(ModelOnHold, match=r"3 candidates with slice .* were rejected") as caught:
        steps.decide(pipeline, store, WEEKS[2])
    assert "ckpt-ops withdraw flight_delay" in caught.value.next
    assert ModelLog(store, "flight_delay").state().held

    withdraw(store, "flight_delay", WEEKS[1], "its labels are wrong")
    release(store, "flight_delay", "the bad week is gone")
    decided = steps.decide(pipeline, store, WEEKS[2])
    assert decided.train is True


def test_a_promotion_compares_with_the_champion_that_was_judged(store: LocalStore) -> None:
    refs = [_ref(week) for week in WEEKS[:3]]
    _say(store, *(SliceAccepted(slice=ref) for ref in refs))
    _say(store, *_promoted(1, None, refs[0]), *_trained(2, 1, refs[1]), *_promoted(3, 1, refs[2]))

    state = settle(store, "flight_delay", 2)

    assert state.head == 3
    assert state.versions[2].status.value == "rejected"
    assert "superseded: the champion is now version 3" in state.versions[2].decided.reason
    assert not state.rejections, "no gate refused its slices"
    assert settle(store, "flight_delay", 2).sequence == state.sequence, "settled once"


def test_a_rollback_moves_the_head_and_gives_the_slices_back(store: LocalStore) -> None:
    refs = [_ref(week) for week in WEEKS[:2]]
    _say(store, *(SliceAccepted(slice=ref) for ref in refs))
    _say(store, *_promoted(1, None, refs[0]), *_promoted(2, 1, refs[1]))

    state = rollback(store, "flight_delay", 1, "complaints since Monday")

    assert state.head == 1
    assert state.pending() == (refs[1],)
    assert state.versions[2].status.value == "rolled back"
    with pytest.raises(BadInput, match="to=1"):
        rollback(store, "flight_delay", 1, "again")


def test_a_rollback_is_taken_back_by_a_rollback(store: LocalStore) -> None:
    refs = [_ref(week) for week in WEEKS[:3]]
    _say(store, *(SliceAccepted(slice=ref) for ref in refs))
    _say(store, *_promoted(1, None, refs[0]), *_promoted(2, 1, refs[1]), *_trained(3, 2, refs[2]))
    rollback(store, "flight_delay", 1, "complaints since Monday")

    with pytest.raises(BadInput, match=r"once promoted.*: 2"):
        rollback(store, "flight_delay", 3, "it was never in production")
    state = rollback(store, "flight_delay", 2, "the complaints were about something else")

    assert (state.head, state.pending()) == (2, (refs[2],))
    assert state.versions[2].status.value == "promoted"


def test_a_rollback_does_not_bring_back_what_learned_from_a_slice_withdrawn_since(store: LocalStore) -> None:
    refs = [_ref(week) for week in WEEKS[:2]]
    _say(store, *(SliceAccepted(slice=ref) for ref in refs))
    _say(store, *_promoted(1, None, refs[0]), *_promoted(2, 1, refs[1]))
    rollback(store, "flight_delay", 1, "its week is wrong")
    withdraw(store, "flight_delay", WEEKS[1], "its week is wrong")

    with pytest.raises(BadInput, match=f"was trained on {WEEKS[1]}, which is withdrawn"):
        rollback(store, "flight_delay", 2, "by mistake")


def test_after_a_rollback_slices_and_a_run_say_the_same(pipeline: Pipeline, store: LocalStore) -> None:
    refs = [_ref(week) for week in WEEKS[:2]]
    _say(store, *(SliceAccepted(slice=ref) for ref in refs), *_promoted(1, None, refs[0]))
    log = ModelLog(store, "flight_delay")
    candidate = proposed(pipeline, log.state(), WEEKS[1])
    assert candidate is not None
    again = [replace(record, candidate=candidate.candidate) for record in _trained(2, 1, refs[1])[:1]]
    _say(store, *again, *_promoted(2, 1, refs[1])[1:])
    rollback(store, "flight_delay", 1, "complaints since Monday")

    view = slices_view(log.state(), Description()).rows[0]
    decided = steps.decide(pipeline, store, WEEKS[1])

    message = "version 2 with the same parent and slices was rolled back: only changed code or settings"
    assert (view.action, view.repeats) == ("append", 2)
    assert message in view.why
    assert decided.train is False
    assert message in decided.why
    changed = replace(pipeline, batch_size=pipeline.batch_size + 1)
    assert steps.decide(changed, store, WEEKS[1]).train is True


def test_a_missing_landing_bucket_is_named_and_nothing_is_written(
    pipeline: Pipeline, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKPT_OPS_LANDING", f"file://{store.root}/no-such-bucket")
    with pytest.raises(BucketNotFound, match="no-such-bucket"):
        steps.pull(pipeline, store, WEEKS[0])
    assert list(store.list("")) == []


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    "landed",
    [
        b"",
        b"PK\x03\x04 no Parquet",
        _parquet(pa.table({"x": [1]}))[:-6],
        _parquet(pa.table({"carrier": pa.array([], pa.string())})),
        _parquet(pa.table({"customer": ["a"], "basket": [3]})),
    ],
    ids=["empty", "not Parquet", "cut off", "no rows", "another table"],
)
def test_what_is_no_slice_is_refused_before_log_and_store_hear_of_it(
    pipeline: Pipeline, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landed: bytes
) -> None:
    (tmp_path / "landing").mkdir()
    landing = LocalStore(tmp_path / "landing")
    landing.put(f"flights/{WEEKS[1]}.parquet", landed)
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    _say(store, SliceAccepted(slice=_ref(WEEKS[0])), *_promoted(1, None, _ref(WEEKS[0])))
    before = {entry.name: store.get(entry.name) for entry in store.list("")}

    with pytest.raises(SliceUnreadable) as caught:
        steps.run_slice(pipeline, store, WEEKS[1], lambda line: None)

    assert caught.value.safe.startswith("the log and the champion are untouched")
    after = {entry.name: store.get(entry.name) for entry in store.list("") if "/parts/" not in entry.name}
    assert after == before


def test_a_candidate_is_opened_once_and_only_while_it_is_what_the_plan_says(
    pipeline: Pipeline, store: LocalStore
) -> None:
    _say(store, SliceAccepted(slice=_ref(WEEKS[0])))
    log = ModelLog(store, "flight_delay")
    wanted = proposed(pipeline, log.state(), WEEKS[0])
    assert wanted is not None
    _say(store, SliceAccepted(slice=_ref(WEEKS[1])))  # a newer slice changes nothing

    propose = partial(proposed, pipeline, key=WEEKS[0])
    for _ in range(2):
        assert open_candidate(log, wanted, propose).version == 1
    assert log.state().sequence == 3

    _say(store, SliceAccepted(slice=_ref("2012-12-30")))
    with pytest.raises(LineageMoved, match="there is a different candidate to train now"):
        open_candidate(log, wanted, propose)
    assert log.state().sequence == 4


def test_a_slice_key_of_the_wrong_form_is_refused_with_an_example(
    pipeline: Pipeline, store: LocalStore
) -> None:
    for key in ("../2013-01-06", "week one", "", "a/b"):
        with pytest.raises(BadInput, match="slice key"):
            steps.pull(pipeline, store, key)
