"""Before a backfill: what each slice of a range would come to, and nothing is touched by asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stand_in import ADA, BOB, W1, W2, Place

from ckpt_ops.errors import BadInput
from ckpt_ops.intake.decisions import resolve
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    Promoted,
    SliceAccepted,
    SliceQuarantined,
    SliceRef,
    SliceWithdrawn,
)
from ckpt_ops.pipeline import Append, Approval, Pipeline, Shadow, Slices
from ckpt_ops.runs import steps
from ckpt_ops.runs.backfill import SlicePlan, plan_backfill
from ckpt_ops.runs.ranges import first_moment, last_moment
from ckpt_ops.store import LocalStore

WEEKS = ("2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27", "2013-02-03")
FIRST, LAST = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 10, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "landing").mkdir()
    landing = LocalStore(tmp_path / "landing")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    return landing


@pytest.fixture
def land(landing: LocalStore, pipeline: Pipeline) -> Callable[..., None]:
    def put(*keys: str, hour: int = 5) -> None:
        columns = {
            field.name: pa.array([hour if field.name == "hour" else None], field.type)
            for field in pipeline.source.schema
        }
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns), sink)
        for key in keys:
            landing.put(f"flights/{key}.parquet", sink.getvalue().to_pybytes())

    return put


@pytest.fixture
def learn(pipeline: Pipeline, store: LocalStore) -> Callable[[str], None]:
    def promoted(key: str) -> None:
        log = ModelLog(store, pipeline.name)
        pulled = steps.pull(pipeline, store, key)
        ref = SliceRef(key=key, revision=pulled.revision, rows=pulled.rows)
        head = log.state().head
        number = len(log.state().versions) + 1
        for record in (
            SliceAccepted(slice=ref),
            CandidateStarted(version=number, candidate=f"c{number}", parent=head, slices=(ref,)),
            Promoted(version=number, champion=head),
        ):
            log.append(record, after=log.state())

    return promoted


def actions(
    pipeline: Pipeline, store: LocalStore, start: datetime = FIRST, end: datetime = LAST
) -> dict[str, str]:
    return {one.key: one.action for one in plan_backfill(pipeline, store, start, end)}


def test_new_slices_are_appended_one_after_the_other(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None]
) -> None:
    land(*WEEKS)
    assert actions(pipeline, store) == dict.fromkeys(WEEKS, "append")
    assert list(store.list("")) == [], "asking changes nothing"
    within = actions(pipeline, store, datetime(2013, 1, 13), datetime(2013, 1, 20))
    assert list(within) == ["2013-01-13", "2013-01-20"], "both ends are included"


def test_each_slice_is_planned_on_what_the_runs_before_it_would_leave(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None], learn: Callable[[str], None]
) -> None:
    land(WEEKS[2], WEEKS[4])
    learn(WEEKS[2])
    land(WEEKS[0], WEEKS[1])
    strict = replace(pipeline, late_slices=Append(within=Slices(0)))
    assert actions(pipeline, store) == {
        WEEKS[0]: "late",
        WEEKS[1]: "late",
        WEEKS[2]: "skip",
        WEEKS[3]: "missing",
        WEEKS[4]: "append",
    }
    assert [actions(strict, store)[key] for key in WEEKS[:2]] == ["hold", "hold"]
    one = plan_backfill(pipeline, store, FIRST, LAST)[2]
    assert (one.consumed_by, one.status, one.rows) == (1, "accepted", 1)


def test_a_candidate_in_shadow_takes_the_slices_after_it_until_it_is_settled(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None], learn: Callable[[str], None]
) -> None:
    land(WEEKS[0])
    learn(WEEKS[0])
    land(*WEEKS[1:])
    shadowed = replace(pipeline, shadow=Shadow(slices=2))
    assert list(actions(shadowed, store).values()) == ["skip", "append", "shadow", "shadow", "append"]
    why = plan_backfill(shadowed, store, FIRST, LAST)[3].why
    scored = "version 2 is evaluated on the next 2 slices, 1 of 2 scored"
    assert why == f"{scored}: it and version 1 predict this one"


def test_what_a_person_resolved_is_planned_so(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None], learn: Callable[[str], None]
) -> None:
    strict = replace(pipeline, late_slices=Append(within=Slices(0)))
    land(*WEEKS[:3])
    learn(WEEKS[2])
    log = ModelLog(store, pipeline.name)
    for key in WEEKS[:2]:
        pulled = steps.pull(pipeline, store, key)
        ref = SliceRef(key=key, revision=pulled.revision, rows=1)
        log.append(SliceAccepted(slice=ref), after=log.state())
    resolve(store, pipeline.name, WEEKS[0], "it belongs there", fork=True)
    resolve(store, pipeline.name, WEEKS[1], "good enough", fork=False)
    assert [actions(strict, store)[key] for key in WEEKS[:3]] == ["fork", "late", "skip"]


def test_a_slice_changed_at_the_source_would_fork_and_one_written_anew_unchanged_would_not(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None], learn: Callable[[str], None]
) -> None:
    land(*WEEKS[:2])
    learn(WEEKS[0])
    learn(WEEKS[1])
    land(WEEKS[0], hour=7)
    assert actions(pipeline, store) == {WEEKS[0]: "fork", WEEKS[1]: "skip"}
    assert "if its content differs" in plan_backfill(pipeline, store, FIRST, LAST)[0].why
    steps.pull(pipeline, store, WEEKS[0])  # read, and not evaluated yet
    (first, _) = plan_backfill(pipeline, store, FIRST, LAST)
    assert first.action == "fork"
    assert "corrected" in first.why, "its revision is known"


def test_what_was_refused_stays_refused_while_its_content_stays(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None], learn: Callable[[str], None]
) -> None:
    land(*WEEKS[:2])
    log = ModelLog(store, pipeline.name)
    for key, kind in ((WEEKS[0], SliceQuarantined), (WEEKS[1], SliceWithdrawn)):
        pulled = steps.pull(pipeline, store, key)
        more = {"report": ""} if kind is SliceQuarantined else {}
        ref = SliceRef(key=key, revision=pulled.revision, rows=1)
        log.append(kind(slice=ref, reason="bad", **more), after=log.state())
    assert actions(pipeline, store) == {WEEKS[0]: "skip", WEEKS[1]: "skip"}
    land(WEEKS[1], hour=9)
    assert actions(pipeline, store)[WEEKS[1]] == "append"


def test_what_went_away_at_the_source_is_missing_and_what_was_learned_of_it_stands(
    pipeline: Pipeline,
    store: LocalStore,
    landing: LocalStore,
    land: Callable[..., None],
    learn: Callable[[str], None],
) -> None:
    land(WEEKS[0])
    learn(WEEKS[0])
    landing.delete(f"flights/{WEEKS[0]}.parquet")
    (one,) = plan_backfill(pipeline, store, FIRST, LAST)
    assert (one.action, one.consumed_by) == ("missing", 1)
    assert "version 1 stays trained on it" in one.why


def test_a_schedule_says_what_is_missing_where_nothing_else_can(
    pipeline: Pipeline, store: LocalStore, land: Callable[..., None]
) -> None:
    land(WEEKS[1])
    assert list(actions(pipeline, store)) == [WEEKS[1]], "one slice tells no spacing"
    expected = [datetime.fromisoformat(key) for key in WEEKS]
    found = plan_backfill(pipeline, store, FIRST, LAST, expected=expected)
    assert {one.key: one.action for one in found} == {
        key: "append" if key == WEEKS[1] else "missing" for key in WEEKS
    }


def test_missing_minutes_are_listed_in_the_source_s_own_form(
    pipeline: Pipeline, store: LocalStore, landing: LocalStore, land: Callable[..., None]
) -> None:
    start, step = datetime(2013, 1, 6, 8, 0, tzinfo=UTC), timedelta(minutes=2)
    starts = [start + at * step for at in range(5)]
    for form in ("%Y-%m-%dT%H-%M", "%Y%m%d_%H.%M"):
        source = replace(pipeline.source, name=form.replace("%", ""), key_format=form)
        minutely = replace(pipeline, source=source)
        keys = [time.strftime(form) for time in starts]
        nothing = plan_backfill(minutely, store, starts[0], starts[-1], expected=starts)
        assert {one.key: one.action for one in nothing} == dict.fromkeys(keys, "missing"), "none has landed"
        land(keys[0], keys[1], keys[4])
        regular = plan_backfill(minutely, store, starts[0], starts[-1])
        assert [one.action for one in regular] == ["append", "append", "missing", "missing", "append"]
        assert [one.key for one in regular] == keys


def test_a_day_of_minutes_is_planned_in_seconds(
    pipeline: Pipeline, store: LocalStore, landing: LocalStore
) -> None:
    source = replace(pipeline.source, key_format="%Y-%m-%dT%H-%M")
    start = datetime(2013, 1, 6, tzinfo=UTC)
    starts = [start + timedelta(minutes=at) for at in range(1440)]
    for time in starts:
        landing.put(f"flights/{time:%Y-%m-%dT%H-%M}.parquet", b"unread")
    began = process_time()
    found = plan_backfill(replace(pipeline, source=source), store, starts[0], starts[-1], expected=starts)
    assert [one.action for one in found] == ["append"] * 1440
    assert process_time() - began < 15


class TestWhatARunWouldNotTrain:
    """The plan says of a slice what its run says."""

    def test_a_candidate_that_was_rejected_is_not_trained_again(self, place: Place) -> None:
        place.take_in(W1, (ADA, 1))
        place.good = False
        version = steps.train(place.pipeline, place.store, W1, lambda line: None).version
        steps.evaluate(place.pipeline, place.store, version)
        assert steps.promote(place.pipeline, place.store, version).decision == "rejected"
        said = steps.decide(place.pipeline, place.store, W1)
        assert not said.train
        first, second = self.plans(place, W2)
        assert (first.action, first.why) == ("skip", said.why)
        assert "version 1 with the same parent and slices was rejected" in first.why
        assert second.action == "append", "with the next slice it is another candidate"
        other = replace(place.pipeline, batch_size=7)
        assert plan_backfill(other, place.store, FIRST, LAST)[0].action == "append", "so it is by settings"

    def test_nothing_is_trained_beside_a_version_that_waits_for_a_person(self, place: Place) -> None:
        asking = replace(place.pipeline, approval=Approval(within=timedelta(hours=1)))
        place.take_in(W1, (ADA, 1))
        version = steps.train(asking, place.store, W1, lambda line: None).version
        steps.evaluate(asking, place.store, version)
        assert steps.promote(asking, place.store, version).decision == "waiting"
        place.take_in(W2, (BOB, 1))
        asked = plan_backfill(asking, place.store, FIRST, LAST)
        assert [one.action for one in asked] == ["append", "append"], (
            "its own run asks, and is taken to hear yes"
        )
        (second,) = plan_backfill(asking, place.store, datetime(2013, 1, 7), LAST)
        assert (second.action, second.why) == ("skip", steps.decide(asking, place.store, W2).why)
        assert "waits for approval" in second.why

    def plans(self, place: Place, landed: str) -> list[SlicePlan]:
        place.land(landed, (BOB, 2))
        return plan_backfill(place.pipeline, place.store, FIRST, LAST)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2013-01-06", "2013-01-06T00:00:00", "2013-01-06T23:59:59.999999"),
        ("2013-01-06T08:30", "2013-01-06T08:30:00", "2013-01-06T08:30:59.999999"),
        ("2013-01-06T08:30:05", "2013-01-06T08:30:05", "2013-01-06T08:30:05.999999"),
    ],
)
def test_a_range_is_written_in_dates_or_times(text: str, first: str, last: str) -> None:
    assert first_moment("--from", text) == datetime.fromisoformat(f"{first}+00:00")
    assert last_moment("--to", text) == datetime.fromisoformat(f"{last}+00:00")


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01", "2013-01-06T08:30+02:00", "2013-01-06\x00"])
def test_what_is_no_moment_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(BadInput, match="--to="):
        last_moment("--to", text)


def test_a_range_that_is_none_is_refused(pipeline: Pipeline, store: LocalStore, landing: LocalStore) -> None:
    with pytest.raises(BadInput, match="--to"):
        plan_backfill(pipeline, store, LAST, FIRST)
