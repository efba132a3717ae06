"""Snapshots: nothing is lost in one, a damaged or foreign one is none, and the log stays the truth."""

from __future__ import annotations

import dataclasses
import json
import logging
import pickle
import typing
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from ckpt_ops.lineage.moves import Moves
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
from ckpt_ops.lineage.snapshot import Snapshot, Snapshots, decode, encode
from ckpt_ops.lineage.state import ByAPerson, SliceStatus, VersionStatus
from ckpt_ops.store import Entry, LocalStore, Store

# --- a state as bytes ---------------------------------------------------------------------------


SIZES = st.sampled_from([(1_000, 100), (4, 2), (1,)])
"""How many entries a part has: as ever; few, so that short histories have some; every entry one."""


def as_bytes(state: LineageState) -> bytes:
    """The snapshot itself, and its parts."""
    found = encode(Snapshot(state=state, entry="e"))
    return b"\n".join([found.data, *found.new.values()])


def through_bytes(state: LineageState) -> LineageState:
    found = encode(Snapshot(state=state, entry="e"))
    return decode(found.data, found.new).snapshot.state


@contextmanager
def parts_of(sizes: tuple[int, ...]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "SIZES", sizes)
        yield


def in_order(state: LineageState) -> tuple[object, ...]:
    """Mappings are equal in any order; what reads a state goes by it."""
    mappings = [getattr(state, one.name) for one in dataclasses.fields(state)]
    return state, [list(each) for each in mappings if isinstance(each, Mapping)]


@settings(max_examples=150, deadline=None)
@given(histories(), st.data(), SIZES)
def test_from_any_snapshot_the_rest_of_the_log_leads_to_the_same_state(
    history: list[Record], data: st.DataObject, sizes: tuple[int, ...]
) -> None:
    records = [decode_record(encode_record(record)) for record in history]
    cut = data.draw(st.integers(0, len(records)))
    before = fold("model", records[:cut])
    with parts_of(sizes):
        read = through_bytes(before)
        assert in_order(fold("model", records[cut:], after=read)) == in_order(fold("model", records))
        read = through_bytes(before)
        assert in_order(read) == in_order(before)
        after, whole = fold("model", records[cut:], after=read), fold("model", records)
        assert in_order(after) == in_order(whole)
        assert as_bytes(after) == as_bytes(whole), "and to the same next snapshot"


@settings(max_examples=100, deadline=None)
@given(histories(), st.lists(st.integers(0, 9), max_size=5), SIZES)
def test_snapshots_that_name_the_parts_of_those_before_hold_the_same(
    history: list[Record], steps: list[int], sizes: tuple[int, ...]
) -> None:
    """However far they are apart, and whether their writer read the one before or wrote it."""
    records = [decode_record(encode_record(record)) for record in history]
    state, known, parts, at = LineageState(model="model"), (), dict[str, bytes](), 0
    with parts_of(sizes):
        for step in [*steps, len(records)]:
            new, at = records[at : at + step], min(at + step, len(records))
            state = fold("model", new, after=state)
            made = encode(Snapshot(state=state, entry="e"), known=known)
            parts |= made.new
            read = decode(made.data, parts)
            assert in_order(read.snapshot.state) == in_order(fold("model", records[:at]))
            state, known = (read.snapshot.state, read.parts) if step % 2 else (state, made.parts)


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
_OF[Sequence[tuple[int, Promoted | RolledBack]]] = st.lists(
    st.tuples(st.integers(1, 99), any_record(Promoted) | any_record(RolledBack)), max_size=2
).map(Moves)
_OF[Mapping[str, SliceState]] = st.dictionaries(texts, _any(SliceState), max_size=2)
_OF[dict[int, VersionState]] = st.dictionaries(st.integers(1, 99), _any(VersionState), max_size=2)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_any(LineageState), SIZES)
def test_every_field_is_in_a_snapshot(state: LineageState, sizes: tuple[int, ...]) -> None:
    state = dataclasses.replace(state, sequence=abs(state.sequence) % 10**12)  # it names parts
    with parts_of(sizes):
        assert in_order(through_bytes(state)) == in_order(state)


def _opened(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    first, *lines = data.split(b"\n")
    payload: dict[str, Any] = json.loads(first)["payload"]
    return payload, lines


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(LineageState)])
def test_no_default_stands_in_for_a_field_that_older_code_did_not_know(name: str) -> None:
    payload, lines = _opened(as_bytes(fold("model", HISTORY)))
    assert decode(snapshot._document(payload, lines)).snapshot.state == fold("model", HISTORY)
    del payload["state" if name in payload["state"] else "rest"][name]
    with pytest.raises(Corrupt, match=name):
        decode(snapshot._document(payload, lines))


@pytest.mark.parametrize(("of", "name"), [("slice", "report"), ("version", "promoted")])
def test_nor_for_one_of_a_slice_or_version(of: str, name: str) -> None:
    payload, lines = _opened(as_bytes(fold("model", HISTORY)))
    payload["rest"]["fields"][of].remove(name)
    with pytest.raises(Corrupt, match="missing or unknown fields"):
        decode(snapshot._document(payload, lines))


def test_records_are_read_when_somebody_looks() -> None:
    state = through_bytes(fold("model", HISTORY))
    version = state.versions[3]
    assert not {"started", "trained", "evaluated", "decided"} & version.__dict__.keys()
    assert (version.status, version.parent, version.without) == (VersionStatus.ROLLED_BACK, 2, ())
    assert version == fold("model", HISTORY).versions[3]
    first = through_bytes(fold("model", promoted(1, ref(KEYS[0])))).versions[1]
    assert first.promoted is first.decided, "one record is one object"
    with pytest.raises(AttributeError):
        version.no_such_field  # noqa: B018
    assert pickle.loads(pickle.dumps(through_bytes(fold("model", HISTORY)))) == state


def test_a_line_that_holds_no_records_is_corrupt_when_it_is_read() -> None:
    """Only whoever writes a store by hand can make one: the bytes have the hash that they name."""
    payload, lines = _opened(as_bytes(fold("model", HISTORY)))
    state = decode(snapshot._document(payload, [b"[" * 10_000, *lines[1:]])).snapshot.state
    with pytest.raises(Corrupt, match="part of a snapshot"):
        state.versions[1].started  # noqa: B018


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
    assert (snapshot.SCHEMA, blake3.blake3(data).hexdigest()[:16]) == (6, "802cb99fd187cb12")


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
    return sorted(Snapshots(store, "model").numbers())


def parts(store: Store) -> list[str]:
    return [entry.name for entry in store.list("models/model/snapshots/parts/")]


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
    assert len(parts(local)) == 2
    assert sorted(local.read) == [*map(entry, range(200, 231)), at(200), *parts(local)]
    assert sorted(local.listed[:35]) == [*map(entry, range(200, 231)), at(100), at(200), *parts(local)]


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
    return data.replace(b'"schema": 6', b'"schema": 7', 1)


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
    for name in [*map(entry, range(1, 36)), at(20), *parts(local)]:  # a model that was copied by hand
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


# --- parts --------------------------------------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch, every_10: None) -> None:
    monkeypatch.setattr(snapshot, "SIZES", (40, 10))


class Recorded(LocalStore):
    """A directory that says how many bytes were put under which name."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.written: dict[str, int] = {}

    def put(self, name: str, data: bytes | memoryview) -> None:
        self.written[name] = len(data)
        super().put(name, data)


@pytest.mark.usefixtures("small_parts")
def test_a_snapshot_costs_what_came_since_the_one_before(tmp_path: Path) -> None:
    store = Recorded(tmp_path)
    model_log = ModelLog(store, "model")
    costs = []
    for number in range(400):
        before = dict(store.written)
        record = said(f"slice {number:06d}")
        model_log.decide(lambda state, record=record: record)
        if number > 200 and store.written != before:
            costs.append(sum(size for name, size in store.written.items() if name not in before))
    assert len(costs) == 20
    small = [cost for cost in costs if cost < 2 * min(costs)]
    assert len(small) >= 14, "a part of 10, and the snapshot"
    assert max(costs) < 6 * min(costs), "or one of 40, which stands for four of 10"
    assert len(parts(store)) <= 400 / 40 + 2 * 4
    assert assert_same(store).sequence == 400


@pytest.mark.usefixtures("small_parts")
def test_a_fresh_writer_goes_on_with_the_parts_that_it_read(tmp_path: Path) -> None:
    store = Recorded(tmp_path)
    write(store, 125)
    there = set(parts(store))
    store.written.clear()
    write(store, 5, by="another")
    assert snapshots(store)[-1] == 130
    assert len(store.written.keys() & there) == 0
    assert len([name for name in store.written if "/parts/" in name]) == 1


@pytest.mark.usefixtures("small_parts")
def test_an_old_entry_that_changes_is_written_again_with_its_part_alone(tmp_path: Path) -> None:
    store = Recorded(tmp_path)
    write(store, 129)
    store.written.clear()
    model_log = ModelLog(store, "model")
    model_log.append(SliceWithdrawn(slice=ref("writer 3"), reason="wrong"), after=model_log.state())
    changed = [name for name in store.written if "/parts/" in name]
    assert len(changed) == 1, "slice 3 is in the first part of 40; the other entries are as they were"
    assert assert_same(store).slices["writer 3"].status is SliceStatus.WITHDRAWN


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-3], lambda data: b"", None], ids=["cut", "empty", "gone"]
)
@pytest.mark.usefixtures("small_parts")
def test_a_snapshot_without_one_of_its_parts_is_passed_over_and_written_whole_again(
    local: Counted, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    write(local, 95)
    first = parts(local)[0]
    local.delete(first) if spoil is None else local.put(first, spoil(local.get(first)))
    assert assert_same(local).sequence == 95
    assert f"{at(90)} is ignored" in caplog.text
    write(local, 15, by="another")
    caplog.clear()
    assert assert_same(local).sequence == 110
    assert not caplog.records


@pytest.mark.usefixtures("small_parts")
def test_a_writer_puts_back_what_another_one_removed(local: Counted) -> None:
    model_log = ModelLog(local, "model")
    for number in range(95):
        model_log.decide(lambda state, number=number: said(f"{number}"))
    for name in parts(local):
        local.delete(name)
    for number in range(95, 105):
        model_log.decide(lambda state, number=number: said(f"{number}"))
    local.read = []
    assert assert_same(local).sequence == 105
    assert at(100) in local.read


@pytest.mark.usefixtures("small_parts")
def test_parts_that_no_snapshot_names_are_removed(local: Counted) -> None:
    write(local, 400)
    named = {
        f"models/model/snapshots/{part.name}"
        for number in snapshots(local)
        for part in snapshot.parts_in(local.get(at(number)))
    }
    assert set(parts(local)) == named


@pytest.mark.usefixtures("small_parts")
def test_a_snapshot_names_no_object_that_is_not_a_part(local: Counted) -> None:
    write(local, 25)
    payload, lines = _opened(local.get(at(20)))
    payload["parts"][0][2] = "../log/000000000001.json"
    local.put(at(20), snapshot._document(payload, lines))
    local.read = []
    assert assert_same(local).sequence == 25
    assert not [name for name in local.read if ".." in name]


GOLDEN = Path(__file__).parents[2] / "golden" / "snapshots"


def golden_log() -> list[Record]:
    return [decode_record(line) for line in (GOLDEN / "log.jsonl").read_bytes().splitlines()]


def test_snapshots_of_the_schema_before_are_read() -> None:
    found = decode((GOLDEN / "schema-5.json").read_bytes())
    assert in_order(found.snapshot.state) == in_order(fold("model", golden_log()))
    assert found.parts == ()


def test_snapshots_with_parts_are_read() -> None:
    folder = GOLDEN / "schema-6"
    data = (folder / "000000000039.json").read_bytes()
    there = {f"parts/{path.name}": path.read_bytes() for path in (folder / "parts").iterdir()}
    assert len(there) == 2
    assert in_order(decode(data, there).snapshot.state) == in_order(fold("model", golden_log()))


def test_a_log_with_a_snapshot_of_the_schema_before_goes_on(local: Counted) -> None:
    records = golden_log()
    for number, record in enumerate(records, start=1):
        local.put(entry(number), encode_record(record))
    old = decode((GOLDEN / "schema-5.json").read_bytes()).snapshot
    held = Snapshot.at(local.get(entry(len(records))), old.state)
    payload = json.loads((GOLDEN / "schema-5.json").read_bytes())["payload"]
    body = json.dumps({**payload, "entry": held.entry}, separators=(",", ":")).encode()
    head = f'{{"schema": 5, "blake3": "{blake3.blake3(body).hexdigest()}", "payload": '
    local.put(at(len(records)), head.encode() + body + b"}")
    local.read = []
    write(local, 1)
    assert min(name for name in local.read if "/log/" in name) == entry(len(records))
    write(local, 99)
    assert in_order(assert_same(local))[1] == in_order(ModelLog(local, "model").state())[1]
    assert snapshots(local)[-1] == len(records) + 100


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
        st.sampled_from(
            [*["append"] * 5, "new", "damage", "remove", "restore", "damage part", "remove part"]
        ),
        st.integers(0, 9),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_MOVES)
def test_whatever_becomes_of_snapshots_every_reader_folds_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: list[tuple[str, int]]
) -> None:
    monkeypatch.setattr(log, "EVERY", 3)
    monkeypatch.setattr(snapshot, "SIZES", (4, 2))
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
        elif move == "damage part" and parts(store):
            name = parts(store)[which % len(parts(store))]
            store.put(name, store.get(name)[:-2])
        elif move == "remove part" and parts(store):
            store.delete(parts(store)[which % len(parts(store))])
        elif move == "remove" and there:
            store.delete(at(there[which % len(there)]))
        elif move == "restore":  # the log as it was some entries ago; those who know more are gone
            last = len(ModelLog(store, "model").records())
            for number in range(max(1, last - which), last + 1):
                store.delete(entry(number))
            writers = [ModelLog(store, "model") for _ in range(3)]
        truth = fold("model", ModelLog(store, "model").records())
        assert [each.state() for each in (ModelLog(store, "model"), *writers)] == [truth] * 4
