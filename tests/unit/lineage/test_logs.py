"""The two logs: one order, one winner, and a writer that does not know it is dead writes nothing."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from histories import KEYS, accepted, ref
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import Corrupt, Fenced, LineageMoved
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, candidate_id
from ckpt_ops.lineage.candidate_log import Attempt
from ckpt_ops.lineage.records import Held, Record
from ckpt_ops.store import LocalStore, Store

W1, W2, W3 = KEYS[:3]


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return LocalStore(tmp_path)


# --- a model's log ------------------------------------------------------------------------------


def test_records_are_read_in_the_order_they_were_appended(store: Store) -> None:
    log = ModelLog(store, "model")
    written = [accepted(key) for key in (W3, W1, W2)]
    for record in written:
        log.append(record, after=log.state())
    assert ModelLog(store, "model").records() == written
    assert [entry.name for entry in store.list("")] == [
        f"models/model/log/{number:012d}.json" for number in (1, 2, 3)
    ]


def test_the_loser_of_an_append_is_told_that_the_log_moved(store: Store) -> None:
    one, other = ModelLog(store, "model"), ModelLog(store, "model")
    seen = other.state()
    winner = accepted(W1)
    one.append(winner, after=one.state())
    with pytest.raises(LineageMoved, match="another writer appended entry 1"):
        other.append(accepted(W2), after=seen)
    assert other.records() == [winner]


def test_of_8_concurrent_appends_exactly_one_is_in_the_log(store: Store) -> None:
    barrier = threading.Barrier(8)

    def race(number: int) -> str | None:
        log = ModelLog(store, "model")
        seen = log.state()
        barrier.wait(30)
        try:
            log.append(Held(reason=f"writer {number}"), after=seen)
        except LineageMoved:
            return None
        return f"writer {number}"

    with ThreadPoolExecutor(8) as pool:
        winners = [reason for reason in pool.map(race, range(8)) if reason]
    assert [record.reason for record in ModelLog(store, "model").records()] == winners
    assert len(winners) == 1


def test_decide_chooses_again_on_the_state_that_beat_it(local: Store) -> None:
    rival, seen = ModelLog(local, "model"), []

    def choose(state: LineageState) -> Record:
        seen.append(state.sequence)
        if len(seen) < 3:
            rival.append(accepted(KEYS[len(seen)]), after=rival.state())
        return Held(reason=f"decided on {state.sequence} records")

    state = ModelLog(local, "model").decide(choose)
    assert seen == [0, 1, 2]
    assert state.held == "decided on 2 records"
    assert state.sequence == 3


def test_a_state_that_was_read_before_is_decided_on_first_and_is_void_when_the_log_has_moved(
    local: Store,
) -> None:
    log, rival, seen = ModelLog(local, "model"), ModelLog(local, "model"), []
    read = log.state()
    assert log.decide(lambda state: None, read=read) is read, "nothing to say: nothing is read again"
    rival.append(accepted(W1), after=rival.state())

    def choose(state: LineageState) -> Record:
        seen.append(state.sequence)
        return Held(reason=f"decided on {state.sequence} records")

    assert log.decide(choose, read=read).held == "decided on 1 records"
    assert seen == [0, 1]


def test_a_step_with_nothing_to_say_writes_nothing(local: Store) -> None:
    log = ModelLog(local, "model")
    for _ in range(3):
        state = log.decide(lambda state: None if W1 in state.slices else accepted(W1))
    assert state.sequence == len(log.records()) == 1


def test_concurrent_decisions_are_each_made_once(store: Store) -> None:
    def accept(key: str) -> None:
        log = ModelLog(store, "model")
        log.decide(lambda state: None if key in state.slices else accepted(key))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(accept, [W1, W2, W3, W1, W2, W3, W1, W2]))
    log = ModelLog(store, "model")
    assert sorted(log.state().slices) == [W1, W2, W3]
    assert len(log.records()) == 3


def test_decide_gives_up_on_a_log_that_never_rests(local: Store) -> None:
    rival = ModelLog(local, "model")

    def choose(state: LineageState) -> Record:
        rival.append(accepted(W1), after=rival.state())
        return Held(reason="never first")

    with pytest.raises(LineageMoved, match="runaway writer"):
        ModelLog(local, "model").decide(choose)
    assert rival.state().held is None


@pytest.mark.parametrize("missing", [1, 2, 4])
def test_a_gap_in_the_log_is_corrupt_and_names_the_missing_entry(local: Store, missing: int) -> None:
    log = ModelLog(local, "model")
    for key in KEYS[:5]:
        log.append(accepted(key), after=log.state())
    local.delete(f"models/model/log/{missing:012d}.json")
    for reader in (ModelLog(local, "model"), log):
        with pytest.raises(Corrupt, match=f"{missing:012d}.json is missing") as caught:
            reader.state()
        assert "never renumber" in caught.value.next


def test_an_entry_that_is_no_record_is_named(local: Store) -> None:
    local.put("models/model/log/000000000001.json", b"{}")
    with pytest.raises(Corrupt, match=r"models/model/log/000000000001\.json"):
        ModelLog(local, "model").state()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[" * 200_000 + b"]" * 200_000, "nested too deep"),
        (b'{"schema": 1e999, "type": "Held", "reason": "x"}', "schema is inf"),
        (b'{"schema": 1, "type": "Promoted", "version": "1", "champion": null}', "version is '1'"),
        (b'{"schema": 1, "type": "Promoted", "version": true, "champion": null}', "version is True"),
        (
            b'{"schema": 1, "type": "SliceWithdrawn", "slice": {"key": 1, "revision": "r", "rows": 1}}',
            "key is 1",
        ),
        (b'{"schema": 1, "type": "CheckpointsDropped", "versions": [1, "2"]}', r"versions\[1\] is '2'"),
    ],
)
def test_an_entry_with_something_else_where_a_value_belongs_is_named(
    local: Store, data: bytes, message: str
) -> None:
    local.put("models/model/log/000000000001.json", data)
    with pytest.raises(Corrupt, match=rf"log/000000000001\.json is not a valid \w+: .*{message}"):
        ModelLog(local, "model").state()


# --- candidates ---------------------------------------------------------------------------------

INPUTS: dict[str, Any] = {
    "parent": "c0ffee",
    "slices": (ref(W1), ref(W2)),
    "config": {"batch_size": 32, "budget": {"max_steps": 10}},
    "code_digest": "c0de",
    "lock_digest": "10c4",
}


def test_the_same_work_has_the_same_id_for_ever() -> None:
    assert candidate_id(**INPUTS) == "5fc824f5356e0276"
    reordered: Mapping[str, Any] = {"budget": {"max_steps": 10}, "batch_size": 32}
    assert candidate_id(**{**INPUTS, "config": reordered}) == candidate_id(**INPUTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parent", "c0ffef"),
        ("parent", None),
        ("slices", (ref(W1),)),
        ("slices", (ref(W2), ref(W1))),
        ("slices", (ref(W1), ref(W2, 2))),
        ("slices", ()),
        ("config", {"batch_size": 33, "budget": {"max_steps": 10}}),
        ("config", {"batch_size": 32, "budget": {"max_steps": 11}}),
        ("code_digest", "c0df"),
        ("lock_digest", "10c5"),
    ],
)
def test_any_other_work_has_another_id(name: str, value: object) -> None:
    assert candidate_id(**{**INPUTS, name: value}) != candidate_id(**INPUTS)


def test_the_log_of_a_candidate_tells_its_progress(store: Store) -> None:
    log = CandidateLog(store, "model", 7)
    attempt = log.start_attempt(run="manual__1")
    attempt.commit(step=10, manifest="m10")
    attempt.commit(step=20, manifest="m20")
    assert log.progress().result is None
    attempt.end({"stopped_by": "max_steps"})

    progress = CandidateLog(store, "model", 7).progress()
    assert progress.attempts == 1
    assert [(commit.step, commit.manifest) for commit in progress.commits] == [(10, "m10"), (20, "m20")]
    assert progress.result == {"stopped_by": "max_steps"}


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b"\x00",
        b"[1]",
        b"{}",
        b'{"type": 5}',
        b'{"type": "CheckpointCommitted", "step": 1, "token": 9}',
        b'{"type": "CheckpointCommitted", "step": "1", "manifest": "m", "token": 9}',
        b'{"type": "CheckpointCommitted", "step": 1e999, "manifest": "m", "token": 9}',
        b'{"type": "CheckpointCommitted", "step": 1, "manifest": ["m"], "token": 9}',
        b'{"type": "TrainingEnded", "result": "trained"}',
        b'{"type": "TrainingEnded"}',
    ],
    ids=range(11),
)
def test_an_entry_of_a_candidates_log_that_is_none_is_named(local: Store, data: bytes) -> None:
    attempt = CandidateLog(local, "model", 1).start_attempt()
    local.put("models/model/v1/log/000002.json", data)
    with pytest.raises(Corrupt, match=r"models/model/v1/log/000002\.json is not a valid entry"):
        CandidateLog(local, "model", 1).progress()
    with pytest.raises((Corrupt, Fenced)):
        attempt.end({})


def test_an_older_attempt_is_fenced_off_by_a_newer_one(store: Store) -> None:
    zombie = CandidateLog(store, "model", 1).start_attempt()
    zombie.commit(step=10, manifest="m10")
    heir = CandidateLog(store, "model", 1).start_attempt()
    for write in (lambda: zombie.commit(step=20, manifest="zombie"), lambda: zombie.end({})):
        with pytest.raises(Fenced, match="AttemptStarted of another attempt"):
            write()
    heir.commit(step=20, manifest="heir")
    with pytest.raises(Fenced):
        zombie.commit(step=30, manifest="zombie")

    progress = CandidateLog(store, "model", 1).progress()
    assert [commit.manifest for commit in progress.commits] == ["m10", "heir"]
    assert progress.attempts == 2
    assert progress.result is None
    assert heir.token > zombie.token


def test_attempts_that_begin_at_once_get_tokens_of_their_own(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: CandidateLog(store, "model", 1).start_attempt(), range(4)))
    assert sorted(attempt.token for attempt in begun) == [1, 2, 3, 4]
    newest = max(begun, key=lambda attempt: attempt.token)
    for attempt in begun:
        if attempt is not newest:
            with pytest.raises(Fenced):
                attempt.commit(step=1, manifest="m")
    newest.commit(step=1, manifest="m")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["start", "commit", "end"]), st.integers(0, 3)), max_size=25))
def test_however_attempts_interleave_only_the_newest_commits(
    tmp_path: Path, moves: list[tuple[str, int]]
) -> None:
    root = tmp_path / uuid.uuid4().hex
    root.mkdir()
    store = LocalStore(root)
    attempts: list[Attempt] = []
    expected: list[str] = []
    for number, (move, which) in enumerate(moves):
        if move == "start" or not attempts:
            attempts.append(CandidateLog(store, "model", 1).start_attempt())
            continue
        index = which % len(attempts)
        newest = index == len(attempts) - 1
        try:
            if move == "commit":
                attempts[index].commit(step=number, manifest=f"m{number}")
            else:
                attempts[index].end({"at": number})
        except Fenced:
            assert not newest, "the newest attempt was fenced off"
        else:
            assert newest, "an older attempt wrote behind a newer one"
            if move == "commit":
                expected.append(f"m{number}")
    progress = CandidateLog(store, "model", 1).progress()
    assert [commit.manifest for commit in progress.commits] == expected
    assert progress.attempts == len(attempts)
