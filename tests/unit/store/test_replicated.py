"""One store over three directories: what each loss, gap and contradiction comes to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import blake3
import pytest

from ckpt_ops.errors import BadInput, Corrupt, ObjectNotFound, StoreUnavailable
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import Held
from ckpt_ops.store import Entry, GcsStore, LocalStore, ReplicatedStore, open_store

DATA = b"payload" * 100
DIGEST = blake3.blake3(DATA).hexdigest()
CHUNK = f"chunks/{DIGEST[:2]}/{DIGEST}"


class Switched(LocalStore):
    """A directory that can be made to answer nothing, as a directory can't be by itself."""

    down = False

    def _errors(self, name: str) -> Any:
        self._require()
        return super()._errors(name)

    def _stage(self, path: Path, name: str, data: bytes | memoryview) -> Path:
        self._require()
        return super()._stage(path, name, data)

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        self._require()
        return super().list(prefix, start=start)

    def _require(self) -> None:
        if self.down:
            raise StoreUnavailable(f"{self.url} is switched off")


@pytest.fixture
def parts(tmp_path: Path) -> list[Switched]:
    for name in "abc":
        (tmp_path / name).mkdir()
    return [Switched(tmp_path / name) for name in "abc"]


@pytest.fixture
def store(parts: list[Switched]) -> ReplicatedStore:
    return ReplicatedStore(parts)


def lose(part: Switched) -> None:
    """All its objects, as a disk that was replaced."""
    for entry in part.list(""):
        part.delete(entry.name)


# --- opening ------------------------------------------------------------------------------------


def test_several_urls_are_one_store_whose_url_gives_them_back(tmp_path: Path) -> None:
    url = f"gs://a/x,gs://b/y?endpoint=http://127.0.0.1:4444,{tmp_path.as_uri()}"
    opened = open_store(url)
    assert isinstance(opened, ReplicatedStore)
    assert opened.url == url
    assert str(opened.quorum) == "2 of 3"


def test_the_quorum_may_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPT_OPS_STORE_QUORUM", "2")
    opened = open_store(f"gs://a,{tmp_path.as_uri()}")
    assert isinstance(opened, ReplicatedStore)
    assert opened.quorum.writes == 2


@pytest.mark.parametrize("url", ["gs://a,gs://a", "gs://a,", "gs://a,gs://b,gs://c,gs://d", "gs://a,s3://b"])
def test_what_is_no_replicated_store_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="store="):
        open_store(url)


def test_a_directory_that_is_not_mounted_is_a_store_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    missing = tmp_path / "mnt"
    store = open_store(f"{(tmp_path / 'a').as_uri()},{missing.as_uri()}")
    store.put("x", b"1")
    assert store.get("x") == b"1"


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", DATA[:-1], bytes([DATA[0] ^ 1]) + DATA[1:], None])
@pytest.mark.parametrize("ranged", [False, True])
def test_a_bad_or_missing_chunk_is_read_around_and_mended(
    store: ReplicatedStore, parts: list[Switched], damage: bytes | None, ranged: bool
) -> None:
    store.put(CHUNK, DATA)
    for part in parts[:2]:
        if damage is None:
            part.delete(CHUNK)
        else:
            part.put(CHUNK, damage)
    assert (store.get_range(CHUNK, 3, 4) == DATA[3:7]) if ranged else (store.get(CHUNK) == DATA)
    assert [part.get(CHUNK) for part in parts] == [DATA] * 3


def test_a_chunk_damaged_everywhere_is_corrupt_and_names_the_stores(
    store: ReplicatedStore, parts: list[Switched]
) -> None:
    store.put(CHUNK, b"damage")
    with pytest.raises(Corrupt) as caught:
        store.get(CHUNK)
    assert all(part.url in str(caught.value) for part in parts)


def test_an_object_that_a_store_lacks_is_mended_by_any_read(
    store: ReplicatedStore, parts: list[Switched]
) -> None:
    store.put("a", b"0123")
    store.put("b", b"0123")
    lose(parts[0])
    assert store.get("a") == b"0123"
    assert store.get_range("b", 1, 2) == b"12"
    assert (parts[0].get("a"), parts[0].get("b")) == (b"0123", b"0123")


def test_not_found_is_said_only_when_nobody_who_is_silent_could_hold_it(
    store: ReplicatedStore, parts: list[Switched]
) -> None:
    parts[0].down = True
    with pytest.raises(ObjectNotFound):
        store.get("a")
    with pytest.raises(StoreUnavailable):
        store.get("models/m/log/000000000001.json")  # the primary may have decided it
    parts[1].down = True
    with pytest.raises(StoreUnavailable, match="reading a"):
        store.get("a")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_any_of_three_may_be_down_for_a_write(
    store: ReplicatedStore, parts: list[Switched], lost: int
) -> None:
    parts[lost].down = True
    store.put(CHUNK, memoryview(DATA))
    assert store.get(CHUNK) == DATA


def test_without_a_quorum_nothing_is_acknowledged_and_each_failure_is_named(
    store: ReplicatedStore, parts: list[Switched]
) -> None:
    parts[1].down = parts[2].down = True
    for write in (lambda: store.put("a", b"x"), lambda: store.put_if_absent("log/1", b"x")):
        with pytest.raises(StoreUnavailable) as caught:
            write()
        assert "2 of 3" in str(caught.value)
        assert all(f"{part.url} is switched off" in str(caught.value) for part in parts[1:])
        assert caught.value.safe
        assert caught.value.next
    assert list(parts[0].list("log/")) == []


def test_of_two_the_primary_is_the_quorum(parts: list[Switched]) -> None:
    store = ReplicatedStore(parts[:2])
    parts[1].down = True
    store.put("a", b"x")
    assert store.put_if_absent("log/1", b"x") is True
    assert store.get("a") == b"x"
    parts[1].down, parts[0].down = False, True
    with pytest.raises(StoreUnavailable, match="the primary among them"):
        store.put("b", b"x")


def test_a_store_that_hangs_is_waited_for_once(parts: list[Switched]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = ReplicatedStore([*parts[:2], GcsStore(bucket="b", endpoint=endpoint, deadline=2)])
        store.put("warm-up", b"")
        began = time.monotonic()
        for number in range(20):
            store.put(f"a/{number}", b"x")
        assert time.monotonic() - began < 2, "as long as waiting once more takes"
    assert len(list(store.list("a/"))) == 20
    for thread in threading.enumerate():
        if thread.name.startswith("replica-"):  # a straggler's retries draw from Python's random generator
            thread.join(10)


# --- logs ---------------------------------------------------------------------------------------


def log_entry(number: int) -> str:
    return f"models/m/log/{number:012d}.json"


def note(text: str) -> Held:
    return Held(reason=text)


def append(store: ReplicatedStore, *texts: str) -> None:
    log = ModelLog(store, "m")
    for text in texts:
        log.append(note(text), after=log.state())


def reasons(store: ReplicatedStore | LocalStore) -> list[str]:
    return [record.reason for record in ModelLog(store, "m").records()]


def test_without_the_primary_a_log_is_read_and_not_written(
    store: ReplicatedStore, parts: list[Switched]
) -> None:
    append(store, "1", "2")
    parts[0].down = True
    assert reasons(store) == ["1", "2"]
    with pytest.raises(StoreUnavailable) as caught:
        append(store, "3")
    assert f"the primary {parts[0].url} does not answer" in str(caught.value)
    assert "CKPT_OPS_STORE" in caught.value.next
    parts[0].down = False
    assert [reasons(part) for part in parts] == [["1", "2"]] * 3


def test_a_store_that_missed_entries_catches_up_when_the_log_is_read(parts: list[Switched]) -> None:
    parts[1].down = True
    append(ReplicatedStore(parts), "1", "2")
    parts[1].down = False
    assert reasons(ReplicatedStore(parts)) == ["1", "2"]
    assert reasons(parts[1]) == ["1", "2"]


def test_a_gap_is_never_read_as_the_truth(parts: list[Switched]) -> None:
    append(ReplicatedStore(parts), "1", "2", "3")
    for part in parts[1:]:
        part.delete("models/m/log/000000000002.json")
    parts[0].down = True
    with pytest.raises(StoreUnavailable, match=r"000000000002\.json is not at"):
        reasons(ReplicatedStore(parts))
    parts[0].down = False
    assert reasons(ReplicatedStore(parts)) == ["1", "2", "3"]


def test_a_listing_from_a_later_entry_is_not_judged_by_the_entries_before_it(parts: list[Switched]) -> None:
    append(ReplicatedStore(parts), *"123456")
    for part in parts[1:]:
        part.delete(log_entry(2))
    parts[0].down = True
    listed = ReplicatedStore(parts).list("models/m/log/", start=log_entry(3))
    assert [entry.name for entry in listed] == [log_entry(number) for number in (3, 4, 5, 6)]
    with pytest.raises(StoreUnavailable, match=r"000000000002\.json is not at"):
        ReplicatedStore(parts).list("models/m/log/", start=log_entry(2))


def test_a_listing_from_a_later_entry_brings_a_store_up_to_date_from_there(parts: list[Switched]) -> None:
    parts[1].down = True
    append(ReplicatedStore(parts), *"1234")
    parts[1].down = False
    list(ReplicatedStore(parts).list("models/m/log/", start=log_entry(3)))
    assert [entry.name for entry in parts[1].list("models/m/log/")] == [log_entry(3), log_entry(4)]


def test_two_histories_are_found_by_a_listing_that_begins_behind_the_end_of_one(
    parts: list[Switched],
) -> None:
    append(ReplicatedStore(parts), "1")
    ModelLog(parts[0], "m").decide(lambda state: note("a says 2"))
    for text in ("b says 2", "b says 3", "b says 4"):
        log = ModelLog(parts[1], "m")
        log.append(note(text), after=log.state())
    for first in (1, 2, 3, 4):
        with pytest.raises(Corrupt, match=r"000000000002\.json differs between"):
            ReplicatedStore(parts).list("models/m/log/", start=log_entry(first))


def test_a_snapshot_that_one_store_holds_damaged_takes_nothing_from_the_log(
    parts: list[Switched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_ops.lineage.log.EVERY", 3)
    append(ReplicatedStore(parts), *"12345678")
    for name in ("000000000006", "000000000003"):
        parts[0].put(f"models/m/snapshots/{name}.json", b"damaged")
        state = ModelLog(ReplicatedStore(parts), "m").state()
        assert (state.sequence, state.held) == (8, "8")


def test_without_the_primary_a_log_is_read_from_its_snapshot(
    store: ReplicatedStore, parts: list[Switched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_ops.lineage.log.EVERY", 3)
    append(store, *"1234567")
    for part in parts:
        part.delete(log_entry(1))  # so that nobody can read it from the beginning
    parts[0].down = True
    assert ModelLog(ReplicatedStore(parts), "m").state().held == "7"


def test_a_primary_that_lost_its_disk_decides_no_number_again(parts: list[Switched]) -> None:
    """Not for a reader of the log, and not for a zombie that knows it from before."""
    store = ReplicatedStore(parts)
    zombie = CandidateLog(store, "m", 1).start_attempt()
    CandidateLog(store, "m", 1).start_attempt()
    truth = parts[1].get("models/m/v1/log/000002.json")
    lose(parts[0])
    assert store.put_if_absent("models/m/v1/log/000002.json", b"zombie") is False
    assert parts[0].get("models/m/v1/log/000002.json") == truth
    assert zombie.token == 1
    assert CandidateLog(ReplicatedStore(parts), "m", 1).progress().attempts == 2
    assert len(list(parts[0].list("models/m/v1/log/"))) == 2


def test_two_primaries_are_found_out_and_both_named(parts: list[Switched]) -> None:
    elsewhere = LocalStore(parts[0].root.parent)
    append(ReplicatedStore(parts), "1")
    append(ReplicatedStore([parts[0], elsewhere]), "a says 2")
    append(ReplicatedStore(parts[1:]), "b says 2", "b says 3")
    store = ReplicatedStore(parts)
    for verb in (
        lambda: reasons(store),
        lambda: store.put_if_absent("models/m/log/000000000002.json", b"mine"),
    ):
        with pytest.raises(Corrupt) as caught:
            verb()
        assert parts[0].url in str(caught.value)
        assert parts[1].url in str(caught.value)
        assert "both have acted as the primary" in str(caught.value)
    assert reasons(parts[0]) == ["1", "a says 2"]
    assert reasons(parts[1]) == ["1", "b says 2", "b says 3"]


def test_nothing_is_appended_to_histories_that_parted(parts: list[Switched]) -> None:
    append(ReplicatedStore(parts), "1")
    for part, text in ((parts[0], "a says 2"), (parts[1], "b says 2")):
        log = ModelLog(part, "m")
        log.append(note(text), after=log.state())
    with pytest.raises(Corrupt, match=r"000000000002\.json differs between"):
        append(ReplicatedStore(parts), "3")
    assert reasons(parts[0]) == ["1", "a says 2"]


# --- deleting -----------------------------------------------------------------------------------


def test_a_delete_needs_every_store(store: ReplicatedStore, parts: list[Switched]) -> None:
    store.put("a", b"x")
    (listed,) = store.list("a")
    parts[2].down = True
    for delete in (lambda: store.delete("a"), lambda: store.delete_unchanged(listed)):
        with pytest.raises(StoreUnavailable, match="deleting a"):
            delete()
    assert store.get("a") == b"x"
    assert [each.name for each in store.list("")] == ["a"]


def test_a_copy_written_after_the_listing_stands_wherever_it_was_written(
    store: ReplicatedStore, parts: list[Switched]
) -> None:
    store.put(CHUNK, DATA)
    (listed,) = store.list("chunks/")
    for part in parts[1:]:  # the writer could not reach the primary
        part.put(CHUNK, DATA)
    assert store.delete_unchanged(listed) is False
    assert [part.get(CHUNK) for part in parts[1:]] == [DATA] * 2
    assert store.get(CHUNK) == DATA


def test_what_was_listed_while_a_store_was_down_is_not_deleted_on_a_condition(parts: list[Switched]) -> None:
    ReplicatedStore(parts).put("a", b"x")
    parts[2].down = True
    store = ReplicatedStore(parts)
    (listed,) = store.list("a")
    parts[2].down = False
    with pytest.raises(StoreUnavailable, match="was not listed"):
        store.delete_unchanged(listed)
    with pytest.raises(BadInput, match="entry"):
        store.delete_unchanged(next(iter(parts[0].list("a"))))
