"""Buckets and objects of the server on this machine, beneath its API: whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.embedded.gcs.former_layout import take_over
from ckpt_ops.embedded.gcs.objects import Objects
from ckpt_ops.embedded.gcs.refusals import Refused
from ckpt_ops.embedded.gcs.stored import ANY, Conditions, StoredObject


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    with Objects(tmp_path) as found:
        found.create_bucket("bucket")
        yield found


def put(objects: Objects, name: str, data: bytes, when: Conditions = ANY, **attributes: str) -> StoredObject:
    came = objects.incoming()
    try:
        came.write(data)
        return objects.put("bucket", name, came, attributes, when)
    finally:
        came.discard()


def read(objects: Objects, name: str) -> bytes:
    with objects.open(objects.get("bucket", name)) as file:
        return file.read()


def files(root: Path) -> list[Path]:
    return [path for path in (root / "v2").rglob("*") if path.is_file() and path.parent.name != "v2"]


def refused(reason: str) -> object:
    return pytest.raises(Refused, check=lambda error: error.reason == reason)


def test_an_object_is_what_was_put_with_its_checksums(objects: Objects) -> None:
    made = put(objects, "a/b", b"hello", contentType="text/plain")
    found = objects.get("bucket", "a/b")
    assert found == made
    assert (found.size, found.metageneration, found.attributes) == (5, 1, {"contentType": "text/plain"})
    assert found.md5 == base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    assert found.crc32c == base64.b64encode(google_crc32c.value(b"hello").to_bytes(4, "big")).decode()
    assert read(objects, "a/b") == b"hello"


def test_names_never_become_paths_and_one_may_begin_another(objects: Objects, tmp_path: Path) -> None:
    names = ["a", "a/b", "a/", "../../etc/passwd", "/abs", "CON", "é/日本"]
    for name in names:
        put(objects, name, name.encode())
    assert [each.name for each in objects.list("bucket").objects] == sorted(names)
    assert all(read(objects, name) == name.encode() for name in names)
    assert all(len(path.name) == 32 and path.is_relative_to(tmp_path / "v2") for path in files(tmp_path))


def test_what_is_replaced_or_deleted_leaves_no_file_and_a_reader_reads_to_the_end(
    objects: Objects, tmp_path: Path
) -> None:
    put(objects, "a", b"first")
    with objects.open(objects.get("bucket", "a")) as reading:
        put(objects, "a", b"second")
        assert reading.read() == b"first"
    assert len(files(tmp_path)) == 1
    objects.delete("bucket", "a")
    assert files(tmp_path) == []
    with refused("notFound"):
        objects.get("bucket", "a")


class TestConditions:
    def test_create_only_lets_one_win(self, objects: Objects, tmp_path: Path) -> None:
        put(objects, "a", b"1", Conditions(generation=0))
        with refused("conditionNotMet"):
            put(objects, "a", b"2", Conditions(generation=0))
        assert (read(objects, "a"), len(files(tmp_path))) == (b"1", 1)

    def test_every_verb_honours_them(self, objects: Objects) -> None:
        first = put(objects, "a", b"1")
        second = put(objects, "a", b"2")
        assert second.generation > first.generation
        old, new = Conditions(generation=first.generation), Conditions(generation=second.generation)
        for verb in (
            lambda when: objects.get("bucket", "a", when),
            lambda when: objects.update("bucket", "a", {}, when),
            lambda when: objects.delete("bucket", "a", when),
            lambda when: put(objects, "a", b"3", when),
            lambda when: objects.copy(second, "bucket", "a", {}, when),
        ):
            with refused("conditionNotMet"):
                verb(old)
        assert objects.update("bucket", "a", {"contentType": "x"}, new).metageneration == 2
        with refused("conditionNotMet"):
            objects.get("bucket", "a", Conditions(metageneration=1))
        with refused("conditionNotMet"):
            objects.get("bucket", "a", Conditions(generation_not=second.generation))
        with refused("conditionNotMet"):
            objects.get("bucket", "a", Conditions(metageneration_not=2))
        objects.delete("bucket", "a", new)

    def test_other_bytes_than_were_announced_are_no_object(self, objects: Objects) -> None:
        for kind in ("md5Hash", "crc32c"):
            with refused("invalid"):
                put(objects, "a", b"1", **{kind: "AAAAAA=="})
        assert objects.list("bucket").objects == []


def test_attributes_change_one_by_one_and_none_removes(objects: Objects) -> None:
    put(objects, "a", b"1", contentType="x")
    objects.update("bucket", "a", {"metadata": {"k": "1", "l": "2"}})
    objects.update("bucket", "a", {"metadata": {"k": None}, "contentType": None, "cacheControl": "no-store"})
    assert objects.get("bucket", "a").attributes == {"metadata": {"l": "2"}, "cacheControl": "no-store"}


def test_a_copy_is_an_object_of_its_own(objects: Objects) -> None:
    first = put(objects, "a", b"1", contentType="x")
    objects.create_bucket("other")
    made = objects.copy(first, "other", "b", {})
    objects.delete("bucket", "a")
    with objects.open(made) as file:
        assert file.read() == b"1"
    assert (made.attributes, made.md5) == ({"contentType": "x"}, first.md5)


def test_buckets_are_made_once_and_removed_when_empty(objects: Objects) -> None:
    with refused("conflict"):
        objects.create_bucket("bucket")
    put(objects, "a", b"1")
    with refused("conflict"):
        objects.delete_bucket("bucket")
    objects.delete("bucket", "a")
    objects.delete_bucket("bucket")
    for ask in (
        lambda: objects.list("bucket"),
        lambda: put(objects, "a", b"1"),
        lambda: objects.bucket("bucket"),
    ):
        with refused("notFound"):
            ask()


_NAMES = st.lists(st.text(alphabet="ab/é𝄞", min_size=1, max_size=6), max_size=25, unique=True)


@settings(max_examples=60, deadline=None)
@given(
    names=_NAMES,
    prefix=st.text(alphabet="ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "b"]),
    start=st.text(alphabet="ab/é", max_size=3),
    limit=st.integers(1, 4),
)
def test_pages_together_are_the_listing_that_google_describes(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    prefix: str,
    delimiter: str,
    start: str,
    limit: int,
) -> None:
    expected_names, expected_prefixes = [], []
    for name in sorted(names):
        if not name.startswith(prefix) or name < start:
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            expected_names.append(name)
        elif name[: cut + len(delimiter)] not in expected_prefixes:
            expected_prefixes.append(name[: cut + len(delimiter)])
    with Objects(tmp_path_factory.mktemp("objects")) as objects:
        objects.create_bucket("bucket")
        for name in names:
            put(objects, name, b"")
        found_names: list[str] = []
        found_prefixes: list[str] = []
        while True:
            page = objects.list("bucket", prefix=prefix, delimiter=delimiter, start=start, limit=limit)
            assert len(page.objects) + len(page.prefixes) <= limit
            found_names += [each.name for each in page.objects]
            found_prefixes += page.prefixes
            if not page.next_start:
                break
            start = page.next_start
    assert (found_names, found_prefixes) == (expected_names, expected_prefixes)


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


@pytest.mark.parametrize("at", range(1, 8))
def test_killed_anywhere_in_a_replacement_either_object_is_there_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Every step on files or in the index may be the last one."""
    first = Objects(tmp_path)
    first.create_bucket("bucket")
    put(first, "a", b"before")
    steps = 0

    def step(inner):
        def counted(*arguments, **named):
            nonlocal steps
            steps += 1
            if steps == at:
                raise Killed
            return inner(*arguments, **named)

        return counted

    came = first.incoming()
    came.write(b"after!")
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "_write", step(Objects._write))
        patch.setattr(Objects, "_forget", step(Objects._forget))
        patch.setattr(Path, "replace", step(Path.replace))
        patch.setattr(Path, "unlink", step(Path.unlink))
        try:
            first.put("bucket", "a", came, {})
            done = True
        except Killed:
            done = False
    # as the kernel does for a dead process; what its transaction did not commit is undone
    first._index.close()
    first._lock.close()
    with Objects(tmp_path) as second:
        assert read(second, "a") in ([b"after!"] if done else [b"before", b"after!"])
        assert len(files(tmp_path)) == 1
        assert second._index.execute("SELECT count(*) FROM unused").fetchone() == (0,)


def test_a_folder_has_one_server_and_a_newer_index_is_left_alone(tmp_path: Path) -> None:
    with Objects(tmp_path), pytest.raises(BlockingIOError):
        Objects(tmp_path)
    with sqlite3.connect(tmp_path / "v2" / "index.sqlite") as index:
        index.execute("PRAGMA user_version=99")
    with pytest.raises(Refused, match="newer version"):
        Objects(tmp_path)


class TestFormerLayout:
    """What fake-gcs-server 1.x left in a platform's home."""

    @pytest.fixture
    def former(self, tmp_path: Path) -> Path:
        for name, data in (("a/b.txt", b"hello"), ("a/c", b""), ("note.metadata", b"{}")):
            path = tmp_path / "my-bucket" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (tmp_path / "empty").mkdir()
        for bucket in ("my-bucket", "empty"):
            (tmp_path / f"{bucket}.bucketMetadata").write_text('{"DefaultEventBasedHold":false}')
        self.known = {
            "ContentType": "text/plain",
            "Metadata": {"k": "v"},
            "Md5Hash": "of other bytes",
            "Created": "2026-11-01T10:00:00.5Z",
            "Updated": "2026-11-02T10:00:00Z",
            "Generation": 1790000000000001,
        }
        return tmp_path

    def check(self, root: Path) -> None:
        with Objects(root) as objects:
            assert take_over(objects) == 3
            assert [name for name, _ in objects.buckets()] == ["empty", "my-bucket"]
            names = [each.name for each in objects.list("my-bucket").objects]
            assert names == ["a/b.txt", "a/c", "note.metadata"]
            found = objects.get("my-bucket", "a/b.txt")
            assert found.attributes == {"contentType": "text/plain", "metadata": {"k": "v"}}
            assert (found.generation, found.created) == (1790000000000001, 1793527200.5)
            assert found.md5 == base64.b64encode(hashlib.md5(b"hello").digest()).decode()
            with objects.open(found) as file:
                assert file.read() == b"hello"
        assert sorted(path.name for path in root.iterdir()) == ["v2"]
        with Objects(root) as objects:
            assert take_over(objects) == 0

    def test_is_taken_over_with_what_was_known_in_files_beside(self, former: Path) -> None:
        (former / "my-bucket/a/b.txt.metadata").write_text(json.dumps(self.known))
        self.check(former)

    def test_is_taken_over_with_what_was_known_in_extended_attributes(self, former: Path) -> None:
        try:
            os.setxattr(former / "my-bucket/a/b.txt", "user.metadata", json.dumps(self.known).encode())
        except OSError:
            pytest.skip("this file system has no extended attributes")
        self.check(former)

    def test_goes_on_where_it_was_stopped(self, former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (former / "my-bucket/a/b.txt.metadata").write_text(json.dumps(self.known))
        calls = 0
        inner = Objects.take

        def take(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == 2:
                raise Killed
            return inner(*arguments, **named)

        with monkeypatch.context() as patch, Objects(former) as objects:
            patch.setattr(Objects, "take", take)
            with pytest.raises(Killed):
                take_over(objects)
        with Objects(former) as objects:
            assert take_over(objects) == 2
            assert len(objects.list("my-bucket").objects) == 3
