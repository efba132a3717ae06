"""One contract: what holds on a real GCS API server holds in a directory, and in both as one store."""

from __future__ import annotations

import multiprocessing
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.errors import BadInput, BucketNotFound, ObjectNotFound
from ckpt_ops.store import Entry, GcsStore, LocalStore, ReplicatedStore, Store, open_store

RACERS = 16
ROUNDS = 20


@pytest.fixture(params=["local", "gcs", "replicated"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path)
    request.getfixturevalue("gcs_server")
    gcs = GcsStore(bucket="ckpt-ops", prefix=f"contract/{uuid.uuid4().hex}", deadline=20)
    return gcs if request.param == "gcs" else ReplicatedStore([gcs, LocalStore(tmp_path)])


@pytest.fixture(params=["local", "gcs", "replicated"])
def open_missing(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens a store whose bucket, or directory, does not exist."""
    if request.param == "local":
        return lambda: LocalStore(tmp_path / "no-such-directory")
    request.getfixturevalue("gcs_server")
    if request.param == "gcs":
        return lambda: GcsStore(bucket="no-such-bucket", deadline=5)
    return lambda: open_store(f"gs://no-such-bucket,{(tmp_path / 'no-such-directory').as_uri()}")


# --- reading and writing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"a", bytes(range(256)) * 100], ids=["nothing", "one byte", "every byte value"]
)
def test_get_returns_what_was_put(store: Store, data: bytes) -> None:
    store.put("a/b.bin", data)
    assert store.get("a/b.bin") == data


@pytest.mark.parametrize("name", ["a#b", "a?b=c&d", "100%/x", "50%20off", "a b/ü+"])
def test_a_name_may_have_any_character_of_an_address(store: Store, name: str) -> None:
    store.put(name, b"data")
    assert store.put_if_absent(f"{name}.log", b"{}")
    assert [entry.name for entry in store.list(name)] == [name, f"{name}.log"]
    assert store.get(name) == b"data"
    assert store.get_range(name, 1, 2) == b"at"
    store.delete(name)
    assert [entry.name for entry in store.list("")] == [f"{name}.log"]


def test_an_object_larger_than_one_request_is_stored_whole(store: Store) -> None:
    data = uuid.uuid4().bytes * (9 * 1024 * 1024 // 16)
    store.put("large.bin", data)
    assert store.get("large.bin") == data


def test_put_may_be_repeated(store: Store) -> None:
    store.put("a", b"same")
    store.put("a", b"same")
    assert store.get("a") == b"same"
    assert [entry.name for entry in store.list("")] == ["a"]


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 3, b"012"), (4, 2, b"45"), (9, 1, b"9"), (8, 100, b"89"), (10, 5, b""), (500, 5, b"")],
    ids=["start", "middle", "last byte", "over the end", "at the end", "behind the end"],
)
def test_get_range_returns_the_bytes_that_exist(
    store: Store, start: int, length: int, expected: bytes
) -> None:
    store.put("digits", b"0123456789")
    assert store.get_range("digits", start, length) == expected


@pytest.mark.parametrize(("start", "length"), [(-1, 2), (0, 0), (0, -1)])
def test_get_range_refuses_what_is_no_range(store: Store, start: int, length: int) -> None:
    store.put("digits", b"0123456789")
    with pytest.raises(BadInput, match="range"):
        store.get_range("digits", start, length)


@pytest.mark.parametrize(
    "name",
    ["spaces and ünïcode.json", "key=2013-01-07/rev=1", "100%25", "a/.hidden", "a/.staging/b", "q?x=1#y"],
)
def test_names_survive_the_way_there_and_back(store: Store, name: str) -> None:
    store.put(name, b"x")
    assert store.get(name) == b"x"
    assert [entry.name for entry in store.list("")] == [name]


# --- missing things -----------------------------------------------------------------------------


def test_a_missing_object_is_named(store: Store) -> None:
    for read in (lambda: store.get("a/missing"), lambda: store.get_range("a/missing", 0, 1)):
        with pytest.raises(ObjectNotFound) as caught:
            read()
        assert f"{store.url}/a/missing" in str(caught.value)


def test_a_name_below_an_object_is_a_missing_object(store: Store) -> None:
    store.put("a", b"x")
    with pytest.raises(ObjectNotFound):
        store.get("a/b")
    with pytest.raises(ObjectNotFound):
        store.get_range("a/b", 0, 1)
    store.delete("a/b")
    assert store.get("a") == b"x"


def test_a_folder_is_no_object(store: Store) -> None:
    store.put("a/b", b"x")
    with pytest.raises(ObjectNotFound):
        store.get("a")
    store.delete("a")
    assert store.get("a/b") == b"x"


def test_delete_removes_and_may_be_repeated(store: Store) -> None:
    store.put("a", b"x")
    store.put("b", b"x")
    store.delete("a")
    store.delete("a")
    with pytest.raises(ObjectNotFound):
        store.get("a")
    assert [entry.name for entry in store.list("")] == ["b"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.get("a"),
        lambda store: store.get_range("a", 0, 1),
        lambda store: store.put("a", b""),
        lambda store: store.put_if_absent("a", b""),
        lambda store: list(store.list("")),
        lambda store: store.delete("a"),
    ],
    ids=["get", "get_range", "put", "put_if_absent", "list", "delete"],
)
def test_a_missing_bucket_is_said_to_be_missing(
    open_missing: Callable[[], Store], verb: Callable[[Store], Any]
) -> None:
    with pytest.raises(BucketNotFound, match="no-such-") as caught:
        verb(open_missing())
    assert caught.value.next


# --- listing ------------------------------------------------------------------------------------


def test_list_gives_names_below_the_prefix_in_order_with_sizes(store: Store) -> None:
    sizes = {"log/000002.json": 2, "log/000001.json": 1, "log/000010.json": 3, "logs/1": 4, "m/1": 5}
    for name, size in sizes.items():
        store.put(name, b"x" * size)
    listed = [(entry.name, entry.size) for entry in store.list("log/")]
    assert listed == [("log/000001.json", 1), ("log/000002.json", 2), ("log/000010.json", 3)]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a-b", "a/b/c", "a/bc", "a0", "b"]),
        ("a", ["a-b", "a/b/c", "a/bc", "a0"]),
        ("a/", ["a/b/c", "a/bc"]),
        ("a/b", ["a/b/c", "a/bc"]),
        ("a/b/", ["a/b/c"]),
        ("c", []),
        ("a/c/", []),
    ],
)
def test_a_prefix_is_a_prefix_of_the_name_not_a_folder(
    store: Store, prefix: str, expected: list[str]
) -> None:
    for name in ("b", "a0", "a/bc", "a/b/c", "a-b"):
        store.put(name, b"x")
    assert [entry.name for entry in store.list(prefix)] == expected


def test_a_listing_begins_at_a_name_whether_it_exists_or_not(store: Store) -> None:
    names = ["a-b", "a/b/c", "a/bc", "a/é", "a/\uffee", "a/\U0001f600", "a0", "b"]
    for name in reversed(names):
        store.put(name, b"x")
    for prefix in ("", "a", "a/", "a/b"):
        for start in ("", *names, "a/b/c/", "a/bb", "a/\uffef", "b0"):
            expected = [name for name in names if name.startswith(prefix) and name >= start]
            listed = [entry.name for entry in store.list(prefix, start=start)]
            assert listed == expected, f"below {prefix!r} from {start!r}"


@pytest.mark.parametrize("prefix", ["../", "/etc/", "a/../b"])
def test_list_refuses_a_prefix_that_leaves_the_root(store: Store, prefix: str) -> None:
    with pytest.raises(BadInput):
        list(store.list(prefix))


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert list(store.list("")) == []


def test_a_listing_of_more_than_one_page_is_complete_and_in_order(store: Store) -> None:
    names = [f"many/{number:06d}" for number in range(1100)]  # GCS answers at most 1000 a page
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.put(name, b"x"), reversed(names)))
    assert [entry.name for entry in store.list("many/")] == names
    assert [entry.name for entry in store.list("many/", start=names[50])] == names[50:]


def test_a_conditional_delete_removes_only_what_was_listed(store: Store) -> None:
    store.put("kept", b"old")
    store.put("gone", b"old")
    listed = {entry.name: entry for entry in store.list("")}
    store.put("kept", b"old")  # the same bytes again: somebody counts on them
    assert store.delete_unchanged(listed["kept"]) is False
    assert store.get("kept") == b"old"
    assert store.delete_unchanged(listed["gone"]) is True
    assert sum(entry.size for entry in store.list("gone")) == 0
    store.put("gone", b"new")
    assert store.get("gone") == b"new"


def test_a_conditional_delete_of_what_is_gone_removes_nothing(store: Store) -> None:
    store.put("a", b"x")
    (listed,) = store.list("a")
    store.delete("a")
    assert store.delete_unchanged(listed) is False


def test_a_conditional_delete_never_takes_what_another_thread_writes(store: Store) -> None:
    """A writer puts once more what is there as garbage, and counts on it, while a sweep removes it."""
    for number in range(30):
        name = f"chunk/{number}"
        store.put(name, b"payload")
        (garbage,) = store.list(name)
        start = threading.Barrier(2)

        def sweep(garbage: Entry = garbage, start: threading.Barrier = start) -> None:
            start.wait(10)
            store.delete_unchanged(garbage)

        with ThreadPoolExecutor(1) as pool:
            swept = pool.submit(sweep)
            start.wait(10)
            store.put(name, b"payload")
            swept.result()
        assert store.get(name) == b"payload"


def test_entries_say_when_they_were_written(store: Store) -> None:
    before = time.time()
    store.put("a", b"x")
    (listed,) = store.list("a")
    assert before - 2 <= listed.updated <= time.time() + 2


def test_a_buffer_is_stored_like_bytes(store: Store) -> None:
    store.put("view", memoryview(bytearray(b"0123456789"))[2:5])
    store.put("empty", memoryview(b""))
    assert (store.get("view"), store.get("empty")) == (b"234", b"")


def test_a_fingerprint_stays_until_the_content_is_written_anew(store: Store) -> None:
    store.put("a", b"one")
    first, again = (next(iter(store.list("a"))).fingerprint for _ in range(2))
    store.put("a", b"two")
    assert first == again
    assert next(iter(store.list("a"))).fingerprint != first


def test_stores_with_different_prefixes_do_not_see_each_other(gcs_server: object) -> None:
    root = f"contract/{uuid.uuid4().hex}"
    one, other = (GcsStore(bucket="ckpt-ops", prefix=f"{root}/{name}") for name in ("model", "model-2"))
    one.put("a", b"1")
    other.put("b", b"2")
    assert [entry.name for entry in one.list("")] == ["a"]
    assert [entry.name for entry in other.list("")] == ["b"]


# --- names --------------------------------------------------------------------------------------

BAD_NAMES = ["", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a\nb", "a\x00", "x" * 1025]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name[:8]))
def test_bad_names_are_refused_before_anything_is_asked(store: Store, name: str) -> None:
    for verb in (
        lambda: store.get(name),
        lambda: store.get_range(name, 0, 1),
        lambda: store.put(name, b""),
        lambda: store.put_if_absent(name, b""),
        lambda: store.delete(name),
    ):
        with pytest.raises(BadInput, match="object name"):
            verb()
    assert list(store.list("")) == []


@pytest.mark.parametrize(
    "url", ["", "gs://", "s3://bucket", "file://host/path", "/directory", "bucket/prefix"]
)
def test_open_store_refuses_what_is_no_store(url: str) -> None:
    with pytest.raises(BadInput, match="CKPT_OPS_STORE"):
        open_store(url)


def test_open_store_takes_the_url_that_a_store_gives(store: Store) -> None:
    store.put("a", b"x")
    assert open_store(store.url).get("a") == b"x"
    assert open_store(store.url).url == store.url


# --- one winner ---------------------------------------------------------------------------------


def test_put_if_absent_creates_once_and_never_overwrites(store: Store) -> None:
    assert store.put_if_absent("log/1", b"first") is True
    assert store.put_if_absent("log/1", b"second") is False
    assert store.get("log/1") == b"first"


def test_of_16_threads_exactly_one_wins_each_name(store: Store) -> None:
    barrier = threading.Barrier(RACERS)

    def race(racer: int) -> list[bool]:
        won = []
        for number in range(ROUNDS):
            barrier.wait(60)
            won.append(store.put_if_absent(f"race/{number:06d}", f"racer {racer}".encode()))
        return won

    with ThreadPoolExecutor(RACERS) as pool:
        results = list(pool.map(race, range(RACERS)))

    for number in range(ROUNDS):
        winners = [racer for racer, won in enumerate(results) if won[number]]
        assert len(winners) == 1, f"round {number}: {winners} all won"
        assert store.get(f"race/{number:06d}") == f"racer {winners[0]}".encode()


def _race_in_process(url: str, racer: int, barrier: Any, queue: Any) -> None:
    """Four threads, each with a client of its own, in a process of its own."""
    stores = [open_store(url) for _ in range(4)]
    for each in stores:
        list(each.list("warm-up/"))
    barrier.wait(60)
    with ThreadPoolExecutor(4) as pool:
        for number in range(ROUNDS):
            barrier.wait(60)
            claims = [
                pool.submit(each.put_if_absent, f"race/{number:06d}", f"racer {racer}.{thread}".encode())
                for thread, each in enumerate(stores)
            ]
            for thread, claim in enumerate(claims):
                if claim.result():
                    queue.put((number, f"racer {racer}.{thread}"))


def test_of_16_clients_in_4_processes_exactly_one_wins_each_name(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_race_in_process, args=(store.url, racer, barrier, queue))
        for racer in range(4)
    ]
    for process in processes:
        process.start()
    winners = dict(queue.get(timeout=60) for _ in range(ROUNDS))
    for process in processes:
        process.join(60)
        assert process.exitcode == 0

    assert queue.empty(), "a name was won twice"
    assert set(winners) == set(range(ROUNDS))
    for number, racer in winners.items():
        assert store.get(f"race/{number:06d}") == racer.encode()


def test_a_contested_object_that_one_request_cannot_carry_is_refused(gcs_server: object) -> None:
    store = GcsStore(bucket="ckpt-ops", prefix=f"contract/{uuid.uuid4().hex}")
    with pytest.raises(BadInput, match="contested object"):
        store.put_if_absent("log/1", b"x" * (8 * 1024 * 1024))
    assert list(store.list("")) == []


def test_no_reader_sees_a_part_of_an_object(store: Store) -> None:
    size, versions = 1024 * 1024, [b"a", b"b", b"c"]
    store.put("x", versions[0] * size)
    done = threading.Event()

    def read() -> set[bytes]:
        seen = set()
        while not done.is_set():
            seen.add(store.get("x"))
        return seen

    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(read) for _ in range(2)]
        for _ in range(5):
            for version in versions:
                store.put("x", version * size)
        done.set()
        for seen in reads:
            assert seen.result() <= {version * size for version in versions}
