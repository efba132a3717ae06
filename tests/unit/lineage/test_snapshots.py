"""Snapshots: nothing is lost in one, a damaged or foreign one is none, and the log stays the truth."""

from __future__ import annotations

import dataclasses
import json
import logging
import typing
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import blake3
import pytest
from histories import KEYS, accepted, histories, promoted, ref, rejected, scored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_records import BY_TYPE, KINDS, any_record, texts

from ckpt_ops.errors import Corrupt, StoreUnavailable
from ckpt_ops.lineage import LineageState, ModelLog, SliceState, VersionState, fold, log, snapshot
from ckpt_ops.lineage.encoding import decode as decode_record
from ckpt_ops.lineage.encoding import encode as encode_record
from ckpt_ops.lineage.records import (
    AcknowledgementLifted,
    Approved,
    CheckpointsDropped,
    Converted,
    Exported,
    Forgotten,
    Held,
    LateSliceResolved,
    MissingAcknowledged,
    Predicted,
    Promoted,
    Purged,
    Record,
    Released,
    RolledBack,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
    SourceChanged,
    TaintLifted,
    UpdateDeferred,
)
from ckpt_ops.lineage.snapshot import Snapshot, decode, encode
from ckpt_ops.lineage.state import ByAPerson, SliceStatus, VersionStatus
from ckpt_ops.store import Entry, LocalStore, Store

# --- a state as bytes ---------------------------------------------------------------------------


def as_bytes(state: LineageState) -> bytes:
    return encode(Snapshot(state=state, entry="e"))


def through_bytes(state: LineageState) -> LineageState:
    return decode(as_bytes(state)).state


def in_order(state: LineageState) -> tuple[object, ...]:
    """Mappings are equal in any order; what reads a state goes by it."""
    mappings = [getattr(state, one.name) for one in dataclasses.fields(state)]
    return state, [list(each) for each in mappings if isinstance(each, Mapping)]


@settings(max_examples=150, deadline=None)
@given(histories(), st.data())
def test_from_any_snapshot_the_rest_of_the_log_leads_to_the_same_state(
    history: list[Record], data: st.DataObject
) -> None:
    records = [decode_record(encode_record(record)) for record in history]
    cut = data.draw(st.integers(0, len(records)))
    before = fold("model", records[:cut])
    read = through_bytes(before)
    assert in_order(read) == in_order(before)
    after, whole = fold("model", records[cut:], after=read), fold("model", records)
    assert in_order(after) == in_order(whole)
    assert as_bytes(after) == as_bytes(whole), "and to the same next snapshot"


def _any(kind: type[Any]) -> st.SearchStrategy[Any]:
    """A `kind` with any value in every field, so that one which a snapshot leaves out is missed."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{one.name: _OF[hints[one.name]] for one in dataclasses.fields(kind)})


_RECORD = st.sampled_from(KINDS).flatmap(any_record)
_OF: dict[object, st.SearchStrategy[Any]] = {
    **BY_TYPE,
    str | None: st.none() | texts,
    frozenset[int]: st.frozensets(st.integers(1, 99), max_size=3),
    Mapping[str, int]: st.dictionaries(texts, st.integers(0, 9), max_size=3),
    Mapping[str, bool]: st.dictionaries(texts, st.booleans(), max_size=3),
    Mapping[str, str]: st.dictionaries(texts, texts, max_size=3),
    Record | None: st.none() | _RECORD,
    SliceStatus: st.sampled_from(SliceStatus),
    VersionStatus: st.sampled_from(VersionStatus),
}
for _kind in KINDS:
    _OF[_kind] = any_record(_kind)
    _OF[_kind | None] = st.none() | any_record(_kind)
    _OF[Mapping[str, _kind]] = st.dictionaries(texts, any_record(_kind), max_size=2)
_OF[Mapping[str, ByAPerson]] = st.dictionaries(
    texts, st.sampled_from(typing.get_args(ByAPerson)).flatmap(any_record), max_size=2
)
_OF[tuple[tuple[int, Promoted | RolledBack], ...]] = st.lists(
    st.tuples(st.integers(1, 99), any_record(Promoted) | any_record(RolledBack)), max_size=2
).map(tuple)
_OF[Mapping[str, SliceState]] = st.dictionaries(texts, _any(SliceState), max_size=2)
_OF[dict[int, VersionState]] = st.dictionaries(st.integers(1, 99), _any(VersionState), max_size=2)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_any(LineageState))
def test_every_field_is_in_a_snapshot(state: LineageState) -> None:
    assert in_order(through_bytes(state)) == in_order(state)


def _forged(data: bytes, state: dict[str, Any]) -> bytes:
    """`data` with another state, and the hash of that."""
    payload = {**json.loads(data)["payload"], "state": state}
    body = json.dumps(payload, separators=(",", ":")).encode()
    digest = blake3.blake3(body).hexdigest().encode()
    return b'{"schema": 5, "blake3": "' + digest + b'", "payload": ' + body + b"}"


@pytest.mark.parametrize(
    "name", [one.name for one in dataclasses.fields(LineageState) if one.name not in snapshot._LATER]
)
def test_no_default_stands_in_for_a_field_that_older_code_did_not_know(name: str) -> None:
    data = as_bytes(fold("model", HISTORY))
    state = json.loads(data)["payload"]["state"]
    assert decode(_forged(data, state)).state == fold("model", HISTORY)
    del state[name]
    with pytest.raises(Corrupt, match=name):
        decode(_forged(data, state))


@pytest.mark.parametrize(("of", "name"), [("slices", "report"), ("versions", "promoted")])
def test_nor_for_one_of_a_slice_or_version(of: str, name: str) -> None:
    data = as_bytes(fold("model", HISTORY))
    state = json.loads(data)["payload"]["state"]
    del state[of][0][1][name]
    with pytest.raises(Corrupt, match=name):
        decode(_forged(data, state))


# Every kind of record, each with bytes that never change.
HISTORY: list[Record] = [
    dataclasses.replace(record, actor="ada", run="run", time="2013-01-01T00:00:00.000+00:00", nonce=str(n))
    for n, record in enumerate(
        [
            *promoted(1, ref(KEYS[0])),
            *promoted(2, ref(KEYS[1]), champion=1),
            accepted(KEYS[2]),
            *rejected(3, ref(KEYS[2]), champion=2),
            Approved(version=3, despite_gates=True),
            scored(3, ref(KEYS[3])),
            UpdateDeferred(slice=ref(KEYS[3]), numbers={"rows": 10.0}),
            SliceQuarantined(slice=ref(KEYS[4]), report="r"),
            SliceDiscarded(slice=ref(KEYS[4])),
            SliceWithdrawn(slice=ref(KEYS[2])),
            SliceTainted(slice=ref(KEYS[1]), reason="wrong clock"),
            SliceTainted(slice=ref(KEYS[0]), reason="and so was this"),
            TaintLifted(slice=ref(KEYS[0])),
            LateSliceResolved(slice=ref(KEYS[3]), fork=True),
            SourceChanged(slices=(ref(KEYS[0]),)),
            RolledBack(version=1, champion=2),
            CheckpointsDropped(versions=(2,)),
            Forgotten(
                request="0123456789ab", rows="", keys=(KEYS[0],), revisions=(("k", "r"),), grace_hours=1
            ),
            Purged(request="0123456789ab", versions=(1,), certificate="c", digest="d"),
            Converted(version=1, format="tflite", object="o", rows=9, max_abs_difference=1e-7),
            Converted(
                version=1, format="onnx", object="", rows=0, max_abs_difference=None, error="no such operator"
            ),
            Predicted(version=1, slice=ref(KEYS[1]), object="o", rows=2),
            Released(),
            Held(reason="looked at"),
            MissingAcknowledged(key=KEYS[6], reason="a holiday"),
            MissingAcknowledged(key=KEYS[7], reason="closed"),
            AcknowledgementLifted(key=KEYS[7]),
            Exported(version=1, format="keras", step=3, object="o", files=1, nbytes=9),
        ]
    )
]


def test_another_fold_needs_another_schema() -> None:
    """When this fails, code that reads yesterday's snapshots may go on from a state that it would not fold.

    If HISTORY grew, write down the new hash. If the same records lead to another state, or are written in
    another way, raise `snapshot.SCHEMA`, too.
    """
    assert {type(record) for record in HISTORY} == set(KINDS)
    data = as_bytes(fold("model", HISTORY))
    assert (snapshot.SCHEMA, blake3.blake3(data).hexdigest()[:16]) == (5, "25d3450d6e7c62dc")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_anywhere_is_noticed(data: st.DataObject) -> None:
    whole = as_bytes(fold("model", HISTORY))
    place = data.draw(st.integers(0, len(whole) - 1))
    other = bytes([data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))])
    for damaged in (
        whole[:place] + other + whole[place + 1 :],
        whole[:place],
        whole[:place] + whole[place + 1 :],
    ):
        with pytest.raises(Corrupt, match="snapshots/7 cannot be used"):
            decode(damaged, name="snapshots/7")


# --- in a log -----------------------------------------------------------------------------------


class Counted(LocalStore):
    """A directory that says what was asked of it, and fails at what it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []
        self.listed: list[str] = []
        self.broken: dict[str, Exception] = {}

    def get(self, name: str) -> bytes:
        self.read.append(name)
        return super().get(name)

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        for entry in super().list(prefix, start=start):
            self.listed.append(entry.name)
            yield entry

    def put(self, name: str, data: bytes | memoryview) -> None:
        if "put" in self.broken:
            raise self.broken["put"]
        super().put(name, data)

    def delete(self, name: str) -> None:
        if "delete" in self.broken:
            raise self.broken["delete"]
        super().delete(name)


@pytest.fixture
def local(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


@pytest.fixture
def every_10(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot at each 10th entry: a long log in few writes."""
    monkeypatch.setattr(log, "EVERY", 10)


def said(message: str) -> Record:
    """A record that every later state remembers."""
    return SliceAccepted(slice=ref(message), reason=message)


def write(store: Store, count: int, *, by: str = "writer") -> None:
    model_log = ModelLog(store, "model")
    for _ in range(count):
        state = model_log.state()
        model_log.append(said(f"{by} {state.sequence + 1}"), after=state)


def last_said(state: LineageState) -> str:
    return list(state.slices)[-1]


def snapshots(store: Store) -> list[int]:
    return [int(entry.name[-17:-5]) for entry in store.list("models/model/snapshots/")]


def entry(number: int) -> str:
    return f"models/model/log/{number:012d}.json"


def at(number: int) -> str:
    return f"models/model/snapshots/{number:012d}.json"


def assert_same(store: Store) -> LineageState:
    """The state that a new reader finds is what the whole log comes to."""
    state = ModelLog(store, "model").state()
    assert state == fold("model", ModelLog(store, "model").records())
    return state


def test_a_snapshot_is_taken_at_every_100th_entry_and_the_last_two_are_kept(local: Counted) -> None:
    write(local, 99)
    assert snapshots(local) == []
    write(local, 1)
    assert snapshots(local) == [100]
    write(local, 250)
    assert snapshots(local) == [200, 300]
    assert assert_same(local).sequence == 350


def test_a_new_reader_reads_one_snapshot_and_what_is_behind_it(local: Counted) -> None:
    write(local, 230)
    local.read, local.listed = [], []
    assert last_said(ModelLog(local, "model").state()) == "writer 230"
    assert sorted(local.read) == [entry(number) for number in range(200, 231)] + [at(200)]
    assert sorted(local.listed) == [entry(number) for number in range(200, 231)] + [at(100), at(200)]


@pytest.mark.usefixtures("every_10")
def test_a_reader_that_stays_reads_only_what_is_new(local: Counted) -> None:
    write(local, 25)
    reader = ModelLog(local, "model")
    seen = reader.state()
    local.read = []
    assert reader.state() is seen
    assert local.read == []
    write(local, 2)
    local.read = []
    assert last_said(reader.state()) == "writer 27"
    assert sorted(local.read) == [entry(26), entry(27)]


@pytest.mark.usefixtures("every_10")
def test_what_a_writer_wrote_it_does_not_read(local: Counted) -> None:
    model_log = ModelLog(local, "model")
    for number in range(35):
        record = said(f"{number}")
        model_log.decide(lambda state, record=record: record)
    assert local.read == []
    assert last_said(assert_same(local)) == "34"


@pytest.mark.usefixtures("every_10")
def test_a_log_that_older_code_wrote_gets_a_snapshot_with_the_next_record(
    local: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(log, "EVERY", 10**9)
        write(local, 34)
    assert last_said(assert_same(local)) == "writer 34"
    assert snapshots(local) == [], "readers write nothing"
    write(local, 1)
    assert snapshots(local) == [35]


@pytest.mark.parametrize("verb", ["put", "delete"])
@pytest.mark.parametrize(
    "error", [StoreUnavailable("the disk is full"), RuntimeError("a bug")], ids=["store", "bug"]
)
@pytest.mark.usefixtures("every_10")
def test_an_append_has_won_even_if_no_snapshot_can_be_taken(
    local: Counted, caplog: pytest.LogCaptureFixture, verb: str, error: Exception
) -> None:
    write(local, 29)
    local.broken[verb] = error
    with caplog.at_level(logging.WARNING):
        write(local, 1)
    assert f"could not write snapshot {at(30)}" in caplog.text
    assert str(error) in caplog.text
    assert assert_same(local).sequence == 30
    local.broken.clear()
    write(local, 10)
    assert len(snapshots(local)) == 2
    assert max(snapshots(local)) >= 31


@pytest.mark.usefixtures("every_10")
def test_a_snapshot_that_nobody_can_fold_fails_no_append(
    local: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    write(local, 9)
    model_log = ModelLog(local, "model")
    model_log.append(RolledBack(version=7, champion=8), after=model_log.state())
    assert local.get(entry(10))
    assert f"could not write snapshot {at(10)}" in caplog.text


@pytest.mark.usefixtures("every_10")
def test_a_snapshot_is_taken_only_of_a_state_that_the_log_itself_read(local: Counted) -> None:
    write(local, 19)
    made_up = LineageState(model="model", sequence=19)
    ModelLog(local, "model").append(said("behind a state made up"), after=made_up)
    assert snapshots(local) == [10]
    assert assert_same(local).sequence == 20


def _other_schema(data: bytes) -> bytes:
    return data.replace(b'"schema": 5', b'"schema": 6', 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-9],
        lambda data: data.replace(b"writer", b"forger", 1),
        lambda data: b"",
        _other_schema,
    ],
    ids=["cut off", "altered", "emptied", "of another schema"],
)
@pytest.mark.usefixtures("every_10")
def test_a_snapshot_that_cannot_be_used_is_passed_over(
    local: Counted, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    write(local, 35)
    for number, begins_at in ((30, 20), (20, 1)):
        local.put(at(number), spoil(local.get(at(number))))
        local.read = []
        ModelLog(local, "model").state()
        assert min(name for name in local.read if "/log/" in name) == entry(begins_at)
        assert f"{at(number)} is ignored" in caplog.text
        assert_same(local)
    write(local, 1)
    assert max(snapshots(local)) == 36, "and the next writer takes a new one"


@pytest.mark.usefixtures("every_10")
def test_a_snapshot_under_the_name_of_another_is_passed_over(local: Counted) -> None:
    write(local, 35)
    local.put(at(30), local.get(at(20)))
    assert assert_same(local).sequence == 35
    for name in [*map(entry, range(1, 36)), at(20)]:  # a model that was copied by hand
        local.put(name.replace("/model/", "/other/"), local.get(name))
    assert ModelLog(local, "other").state().model == "other"


@pytest.mark.usefixtures("every_10")
def test_a_snapshot_at_an_entry_that_the_log_has_not_is_passed_over(store: Store) -> None:
    """A bucket that was restored, or a log that was cut off by hand: the log is the truth."""
    write(store, 35)
    for number in range(25, 36):
        store.delete(entry(number))
    assert last_said(assert_same(store)) == "writer 24"
    for number in range(1, 25):
        store.delete(entry(number))
    assert assert_same(store) == LineageState(model="model")


@pytest.mark.usefixtures("every_10")
def test_a_snapshot_of_a_history_that_went_another_way_is_passed_over(store: Store) -> None:
    write(store, 35)
    for number in range(15, 36):
        store.delete(entry(number))
    write(store, 10, by="another")
    assert snapshots(store) != []
    assert last_said(assert_same(store)) == "another 24"
    write(store, 10, by="another")
    assert last_said(assert_same(store)) == "another 34"


@pytest.mark.parametrize("missing", [20, 21, 24])
@pytest.mark.usefixtures("every_10")
def test_a_gap_from_the_snapshot_on_is_corrupt_and_names_the_missing_entry(
    local: Counted, missing: int
) -> None:
    write(local, 25)
    reader = ModelLog(local, "model")
    reader.state()
    local.delete(entry(missing))
    for each in (reader, ModelLog(local, "model")):
        with pytest.raises(Corrupt, match=f"{missing:012d}.json is missing"):
            each.state()


@pytest.mark.usefixtures("every_10")
def test_a_gap_before_the_snapshot_is_found_by_who_reads_everything(local: Counted) -> None:
    write(local, 25)
    local.delete(entry(7))
    assert last_said(ModelLog(local, "model").state()) == "writer 25"
    for read in (lambda: ModelLog(local, "model").records(), lambda: ModelLog(local, "model").tail(25)):
        with pytest.raises(Corrupt, match=r"000000000007\.json is missing"):
            read()


def test_a_listing_that_ends_too_early_takes_back_nothing_that_was_read(local: Counted) -> None:
    """So it may, while the one of several stores is away that has the last entry."""
    write(local, 5)
    reader = ModelLog(local, "model")
    seen = reader.state()
    local.delete(entry(5))
    assert reader.state() == seen
    assert len(reader.records()) == 5


# --- the last records ---------------------------------------------------------------------------


@pytest.mark.usefixtures("every_10")
@pytest.mark.parametrize("count", [0, 1, 3, 20, 34, 35, 99])
def test_the_tail_is_the_end_of_the_log_with_its_numbers(local: Counted, count: int) -> None:
    write(local, 35)
    numbered = list(enumerate(ModelLog(local, "model").records(), start=1))
    assert ModelLog(local, "model").tail(count) == numbered[35 - min(count, 35) :]


def test_a_model_without_records_has_no_tail(local: Counted) -> None:
    assert ModelLog(local, "model").tail(3) == []


@pytest.mark.usefixtures("every_10")
def test_a_tail_can_end_where_a_state_was_read(local: Counted) -> None:
    write(local, 12)
    reader = ModelLog(local, "model")
    state = reader.state()
    write(local, 3)
    assert [number for number, _ in reader.tail(2, of=state)] == [11, 12]
    assert [number for number, _ in reader.tail(2)] == [14, 15]


def test_whoever_goes_back_reads_as_far_as_he_looks(local: Counted) -> None:
    write(local, 330)
    reader = ModelLog(local, "model")
    local.read = []
    looked = next(number for number, record in reader.backwards() if record.reason == "writer 295")
    assert looked == 295
    assert min(name for name in local.read if "/log/" in name) > entry(250)


# --- all of it at random ------------------------------------------------------------------------

_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "append", "new", "damage", "remove", "restore"]),
        st.integers(0, 9),
    ),
    max_size=30,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_MOVES)
def test_whatever_becomes_of_snapshots_every_reader_folds_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: list[tuple[str, int]]
) -> None:
    monkeypatch.setattr(log, "EVERY", 3)
    root = tmp_path / uuid.uuid4().hex
    root.mkdir()
    store = LocalStore(root)
    writers = [ModelLog(store, "model") for _ in range(3)]
    for turn, (move, which) in enumerate(moves):
        there = snapshots(store)
        if move == "append":
            writer = writers[which % len(writers)]
            writer.decide(lambda state, turn=turn: said(f"{turn}"))
        elif move == "new":
            writers[which % len(writers)] = ModelLog(store, "model")
        elif move == "damage" and there:
            name = at(there[which % len(there)])
            store.put(name, store.get(name)[:-2])
        elif move == "remove" and there:
            store.delete(at(there[which % len(there)]))
        elif move == "restore":  # the log as it was some entries ago; those who know more are gone
            last = len(ModelLog(store, "model").records())
            for number in range(max(1, last - which), last + 1):
                store.delete(entry(number))
            writers = [ModelLog(store, "model") for _ in range(3)]
        truth = fold("model", ModelLog(store, "model").records())
        assert [each.state() for each in (ModelLog(store, "model"), *writers)] == [truth] * 4
