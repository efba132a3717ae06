"""What a policy is told: trainings by the clock that is given, drift out of the slices in the store."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.candidates.drift import measure_drift
from ckpt_ops.candidates.facts import facts
from ckpt_ops.candidates.opening import proposed
from ckpt_ops.candidates.policy import policy_answer
from ckpt_ops.candidates.recording import record_result
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import CandidateLog, ModelLog, VersionStatus
from ckpt_ops.lineage.fold import fold
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceRef,
    UpdateDeferred,
)
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.policies import (
    AllOf,
    Always,
    AnyOf,
    Cooldown,
    CostBudget,
    Drift,
    DriftNeed,
    Every,
    Facts,
    MetricDrop,
    Rows,
)
from ckpt_ops.runs import steps
from ckpt_ops.slices import Files, pull
from ckpt_ops.store import LocalStore

W1, W2, W3, W4 = ("2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27")
NOON = datetime(2013, 2, 1, 12, tzinfo=UTC).timestamp()


def at(seconds: float) -> str:
    return datetime.fromtimestamp(NOON + seconds, UTC).isoformat(timespec="milliseconds")


def ref(key: str, content: str = "a") -> SliceRef:
    return SliceRef(key=key, revision=content * 16, rows=1_000)


def candidate(
    number: int, parent: int | None, *slices: SliceRef, ended: float, took: float = 60.0, passed: bool = True
) -> list[Record]:
    settled = Promoted if passed else Rejected
    return [
        CandidateStarted(
            version=number, candidate=f"c{number}", parent=parent, slices=slices, time=at(ended)
        ),
        CandidateTrained(
            version=number,
            step=10,
            stopped_by="max_steps",
            checkpoints=1,
            manifest="m",
            artifacts={},
            seconds=took,
            time=at(ended),
        ),
        Evaluated(
            version=number,
            champion=parent,
            passed=passed,
            metrics={"candidate": {"auc": 0.7}},
            verdicts=(),
            time=at(ended + 5),
        ),
        settled(version=number, champion=parent, time=at(ended + 10)),
    ]


def told(records: Sequence[Record], *pending: SliceRef, now: float) -> Facts:
    return facts(fold("m", records), pending, now=NOON + now)


# --- the log -----------------------------------------------------------------------------------


def test_a_refused_training_counts_as_a_training_but_not_as_an_update() -> None:
    records = [
        *candidate(1, None, ref(W1), ended=0, took=100),
        *candidate(2, 1, ref(W2), ended=500, took=40, passed=False),
    ]
    known = told(records, ref(W2), ref(W3), now=600)
    assert known.seconds_since_update == 590
    assert known.seconds_since_training == 100
    assert known.trainings == ((100, 40), (600, 100))
    assert known.slices_since_training == 1, "the refused candidate had the first of them"


def test_a_corrected_slice_counts_as_one_that_the_last_training_did_not_have() -> None:
    records = [
        *candidate(1, None, ref(W1), ended=0),
        *candidate(2, 1, ref(W2), ended=500, passed=False),
    ]
    assert told(records, ref(W2), now=600).slices_since_training == 0
    assert told(records, ref(W2, "b"), now=600).slices_since_training == 1


def test_before_any_training_there_is_none_to_count_from() -> None:
    known = told([SliceAccepted(slice=ref(W1))], ref(W1), now=0)
    assert (known.seconds_since_training, known.slices_since_training, known.trainings) == (None, None, ())
    assert known.has_champion is False


def test_only_the_clock_that_is_given_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: pytest.fail("a wall clock"))
    records = candidate(1, None, ref(W1), ended=0)
    known = [told(records, ref(W2), now=now) for now in (100, 100, 200)]
    assert known[0] == known[1]
    assert [one.seconds_since_training for one in known] == [100, 100, 200]


def test_a_record_of_the_future_is_of_now() -> None:
    known = told(candidate(1, None, ref(W1), ended=60), ref(W2), now=0)
    assert (known.seconds_since_update, known.seconds_since_training) == (0, 0)


# --- deciding ----------------------------------------------------------------------------------


def say(store: LocalStore, *records: Record) -> None:
    log = ModelLog(store, "flight_delay")
    for record in records:
        log.append(record, after=log.state())


def test_what_was_refused_is_not_tried_again_before_enough_has_come(
    pipeline: Pipeline, store: LocalStore
) -> None:
    guarded = replace(pipeline, update_when=AllOf(Rows(at_least=1_000), Cooldown(slices=2)))
    weeks = [ref(key) for key in (W1, W2, W3, W4)]
    say(store, SliceAccepted(slice=weeks[0]), *candidate(1, None, weeks[0], ended=0))
    say(store, SliceAccepted(slice=weeks[1]), *candidate(2, 1, weeks[1], ended=500, passed=False))
    trains = []
    for week in weeks[2:]:
        say(store, SliceAccepted(slice=week))
        trains.append(steps.decide(guarded, store, week.key).train)
    assert trains == [False, True]
    deferred = ModelLog(store, "flight_delay").state().deferred
    assert deferred[W3].numbers == {
        "pending_rows": 2_000,
        "rows_at_least": 1_000,
        "slices_since_training": 1,
        "cooldown_slices": 2,
    }


def test_a_candidate_that_is_trained_is_not_held_back_by_its_own_training(
    pipeline: Pipeline, store: LocalStore
) -> None:
    """A run that is cleared after its training goes on to its verdict."""
    guarded = replace(
        pipeline,
        update_when=AllOf(
            Always(), Cooldown(seconds=3_600), CostBudget(training_seconds=1, within_seconds=9)
        ),
    )
    say(store, SliceAccepted(slice=ref(W1)), *candidate(1, None, ref(W1), ended=0))
    say(store, SliceAccepted(slice=ref(W2)))
    wanted = proposed(guarded, ModelLog(store, "flight_delay").state(), W2)
    assert wanted is not None
    (_, trained, _, _) = candidate(2, 1, ref(W2), ended=0)
    assert isinstance(trained, CandidateTrained)
    say(store, wanted, replace(trained, time=datetime.now(UTC).isoformat()))

    decided = steps.decide(guarded, store, W2)
    assert decided.train is True
    assert "version 2 is trained" in decided.why
    assert steps.train(guarded, store, W2).outcome == "trained"

    say(store, SliceAccepted(slice=ref(W3)))
    assert steps.decide(guarded, store, W3).train is False, "another candidate is held back"


@pytest.mark.parametrize("outcome", ["trained", "deferred"])
def test_what_a_training_left_is_in_the_record_of_it(store: LocalStore, outcome: str) -> None:
    scores = {W2: {"auc": 0.7, "log_loss": 0.4}, W3: {"auc": 0.6}}
    decision = {"words": "due: 2 pending slices >= 2", "numbers": {"pending_slices": 2.0}}
    say(store, CandidateStarted(version=1, candidate="c1", parent=None, slices=(ref(W2), ref(W3))))
    attempt = CandidateLog(store, "flight_delay", 1).start_attempt()
    attempt.commit(step=10, manifest="m")
    result: dict[str, Any] = {"outcome": outcome, "scores": scores}
    if outcome == "trained":
        result |= {"step": 10, "stopped_by": "max_steps", "artifacts": {}, "decision": decision}
    else:
        result |= {"why": "not due: unchanged", "numbers": {"auc_drop": 0.0}}
    attempt.end(result)

    version = record_result(ModelLog(store, "flight_delay"), store, 1).version(1)

    if outcome == "trained":
        assert version.trained is not None
        assert (version.trained.decision, version.trained.scores) == (decision, scores)
    else:
        assert version.status is VersionStatus.DEFERRED
        assert isinstance(version.decided, UpdateDeferred)
        assert (version.decided.scores, version.decided.numbers) == (scores, {"auc_drop": 0.0})


# --- drift -------------------------------------------------------------------------------------

SCHEMA = pa.schema(
    [
        ("distance", pa.float64()),
        ("carrier", pa.string()),
        ("night", pa.bool_()),
        ("left_at", pa.timestamp("us")),
        ("empty", pa.int64()),
    ]
)


def flights(seed: int, *, shift: float = 0.0, rows: int = 3_000, **columns: Any) -> pa.Table:
    random = np.random.default_rng(seed)
    drawn: dict[str, Any] = {
        "distance": random.normal(1_000 + 200 * shift, 200, rows),
        "carrier": random.choice(["AA", "UA", "DL"], rows),
        "night": random.random(rows) < 0.3,
        "left_at": np.datetime64("2013-01-06T00:00:00") + np.arange(rows).astype("timedelta64[m]"),
        "empty": pa.nulls(rows, pa.int64()),
    }
    return pa.table(drawn | columns, schema=SCHEMA)


class Place:
    """Slices in a store, and a log that says which were learned."""

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        self.landing, self.store = folder / "landing", LocalStore(folder / "store")
        for one in ("landing", "store"):
            (folder / one).mkdir(exist_ok=True)
        source = Files(name="weeks", schema=SCHEMA, template="{key}.parquet", url=self.landing.as_uri())
        self.pipeline = replace(pipeline, source=source, update_when=Always())
        self._numbers = itertools.count(1)

    def take_in(self, key: str, table: pa.Table) -> SliceRef:
        pq.write_table(table, self.landing / f"{key}.parquet")
        manifest = pull(self.store, self.pipeline.source, key)
        found = SliceRef(key=key, revision=manifest.revision, rows=manifest.rows)
        say(self.store, SliceAccepted(slice=found))
        return found

    def learn(self, *slices: SliceRef) -> None:
        say(self.store, *candidate(next(self._numbers), self.state.head, *slices, ended=0))

    @property
    def state(self) -> Any:
        return ModelLog(self.store, "flight_delay").state()

    def drift(self, newest: SliceRef, *columns: str, last: int = 4) -> dict[str, Any]:
        need = DriftNeed(columns=columns, reference_slices=last)
        return measure_drift(self.pipeline, self.store, self.state, newest, need)


@pytest.fixture
def weeks(tmp_path: Path, pipeline: Pipeline, store: LocalStore) -> Place:
    return Place(tmp_path, pipeline)


def test_a_shift_of_half_a_deviation_is_the_effect_that_the_limits_stand_for(weeks: Place) -> None:
    weeks.learn(weeks.take_in(W1, flights(1)), weeks.take_in(W2, flights(2)))
    same = weeks.drift(weeks.take_in(W3, flights(3)))
    far = weeks.drift(weeks.take_in(W4, flights(4, shift=0.5)))

    assert list(same) == ["distance", "carrier", "night", "empty"], "times are not compared"
    assert all(one.psi < one.psi_noise < 0.02 for one in same.values() if not one.not_compared and one.psi)
    assert far["distance"].psi == pytest.approx(0.25, abs=0.05)
    assert far["distance"].ks == pytest.approx(0.2, abs=0.03)
    assert far["distance"].ks > far["distance"].ks_noise
    assert far["carrier"].ks is None
    assert not far["carrier"].number


def test_only_the_slices_consumed_last_are_looked_at(weeks: Place) -> None:
    weeks.learn(weeks.take_in(W1, flights(1, shift=3)))
    weeks.learn(weeks.take_in(W2, flights(2)))
    newest = weeks.take_in(W3, flights(3))
    weeks.take_in(W4, flights(4, shift=9))  # accepted, and not consumed
    assert weeks.drift(newest, "distance", last=1)["distance"].psi < 0.02
    assert weeks.drift(newest, "distance", last=2)["distance"].psi > 0.25


def test_a_column_that_fell_silent_has_drifted_by_its_nulls(weeks: Place) -> None:
    weeks.learn(weeks.take_in(W1, flights(1)))
    silent = weeks.take_in(W2, flights(2, distance=pa.nulls(3_000, pa.float64())))
    found = weeks.drift(silent, "distance")["distance"]
    assert found.psi > 1
    assert found.ks is None


def test_what_has_nothing_to_be_compared_with_says_why(weeks: Place) -> None:
    weeks.learn(weeks.take_in(W1, flights(1).drop_columns(["carrier"])))
    newest = weeks.take_in(W2, flights(2))
    assert (
        weeks.drift(newest, "carrier")["carrier"].not_compared == "the consumed slices have no column carrier"
    )


@pytest.mark.parametrize(
    ("column", "why"), [("distanec", "it is not there"), ("left_at", "neither numbers, text nor booleans")]
)
def test_a_column_that_cannot_be_compared_is_refused_with_those_that_can(
    weeks: Place, column: str, why: str
) -> None:
    weeks.learn(weeks.take_in(W1, flights(1)))
    newest = weeks.take_in(W2, flights(2))
    with pytest.raises(BadInput, match=f"'{column}'.*distance, carrier, night, empty; .*{why}"):
        weeks.drift(newest, column)


def test_a_column_that_the_source_does_not_declare_is_refused_before_any_slice_has_come(weeks: Place) -> None:
    with pytest.raises(BadInput, match=r"update_when='distanec'.*source weeks: distance, carrier"):
        replace(weeks.pipeline, update_when=AnyOf(Every(slices=4), Drift(columns=["distanec"], psi=0.25)))


def test_drift_decides_without_a_model_and_its_numbers_are_kept(weeks: Place) -> None:
    pipeline = replace(
        weeks.pipeline, update_when=AnyOf(Every(slices=9), Drift(columns=("distance", "carrier"), psi=0.2))
    )
    weeks.learn(weeks.take_in(W1, flights(1)))
    weeks.take_in(W2, flights(2))
    decided = steps.decide(pipeline, weeks.store, W2)
    assert decided.train is False
    numbers = weeks.state.deferred[W2].numbers
    assert numbers["psi:distance"] < numbers["psi_noise:distance"] < 0.2
    assert numbers["columns_compared"] == 2

    weeks.take_in(W3, flights(3, shift=0.6))
    decided = steps.decide(pipeline, weeks.store, W3)
    assert decided.train is True
    assert "PSI distance" in decided.why


def test_slices_are_read_for_drift_only_when_the_answer_hangs_on_it(weeks: Place) -> None:
    drift = Drift(columns=("distance",), psi=0.2)
    weeks.learn(weeks.take_in(W1, flights(1)))
    newest = weeks.take_in(W2, flights(2, shift=1))
    for entry in list(weeks.store.list("slices/")):
        weeks.store.delete(entry.name)  # whoever reads a slice now fails

    def answer(policy: Any) -> bool | None:
        pipeline = replace(weeks.pipeline, update_when=policy)
        return policy_answer(pipeline, weeks.store, weeks.state, [newest]).due

    assert answer(AnyOf(Every(slices=1), drift)) is True
    assert answer(AllOf(Every(slices=2), drift)) is False
    assert answer(AnyOf(Every(slices=2), MetricDrop("auc", by=0.01))) is None
    with pytest.raises(Exception, match="slices/weeks"):
        answer(AnyOf(Every(slices=2), drift))


def test_what_neither_the_log_nor_drift_decides_is_left_to_the_score(weeks: Place) -> None:
    weeks.learn(weeks.take_in(W1, flights(1)))
    newest = weeks.take_in(W2, flights(2))
    policy = AnyOf(Drift(columns=("distance",), psi=0.2), MetricDrop("auc", by=0.01))
    pipeline = replace(weeks.pipeline, update_when=policy)

    def answer(score: dict[str, float] | None) -> bool | None:
        return policy_answer(pipeline, weeks.store, weeks.state, [newest], score=score).due

    assert answer(None) is None
    assert answer({"auc": 0.7}) is False
    assert answer({"auc": 0.6}) is True
