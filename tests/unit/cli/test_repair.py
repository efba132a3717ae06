"""`repair`: what it copies, what it leaves to a person, and what it says of both."""

from __future__ import annotations

import json
from pathlib import Path

import blake3
import pytest

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held
from ckpt_ops.store import LocalStore, ReplicatedStore

DATA = b"payload"
DIGEST = blake3.blake3(DATA).hexdigest()
CHUNK = f"chunks/{DIGEST[:2]}/{DIGEST}"


@pytest.fixture
def parts(store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LocalStore]:
    """The hand-written history at the primary, and two empty stores beside it."""
    for name in ("second", "third"):
        (tmp_path / name).mkdir()
    parts = [store, *(LocalStore(tmp_path / name) for name in ("second", "third"))]
    monkeypatch.setenv("CKPT_OPS_STORE", ReplicatedStore(parts).url)
    return parts


def contents(part: LocalStore) -> dict[str, bytes]:
    return {entry.name: part.get(entry.name) for entry in part.list("")}


def test_empty_stores_are_filled(ckpt_ops, parts):
    parts[1].put(CHUNK, DATA)  # what the primary lacks is given to it as well
    done = ckpt_ops("repair", "--json")
    assert done.exit_code == 0, done.stderr
    view = json.loads(done.stdout)
    assert [each["url"] for each in view["replicas"]] == [part.url for part in parts]
    assert [each["missing"] for each in view["replicas"]] == [1, 19, 20]
    assert [each["copied"] for each in view["replicas"]] == [1, 19, 20]
    assert view["replicas"][0]["nbytes"] == len(DATA)
    assert contents(parts[0]) == contents(parts[1]) == contents(parts[2])
    assert len(contents(parts[0])) == 20


def test_a_dry_run_says_the_same_and_changes_nothing(ckpt_ops, parts):
    done = ckpt_ops("repair", "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert "would be copied" in done.stdout
    assert "the stores differ" in done.stdout
    assert contents(parts[1]) == contents(parts[2]) == {}


@pytest.mark.parametrize(("damage", "option"), [(b"payl", []), (b"pAyload", ["--deep"])])
def test_a_damaged_chunk_is_replaced(ckpt_ops, parts, damage, option):
    for part in parts:
        part.put(CHUNK, DATA)
    parts[0].put(CHUNK, damage)
    view = json.loads(ckpt_ops("repair", "--json", *option).stdout)
    assert [each["damaged"] for each in view["replicas"]] == [1, 0, 0]
    assert parts[0].get(CHUNK) == DATA


def test_a_damaged_only_copy_is_not_spread(ckpt_ops, parts):
    parts[0].put(CHUNK, b"damage")
    done = ckpt_ops("repair")
    assert done.exit_code == 1
    assert f"{CHUNK} is damaged at every store that holds it" in done.stderr
    assert CHUNK not in contents(parts[1])


@pytest.mark.parametrize(("other", "option"), [(b"longer", []), (b"one", ["--deep"])])
def test_two_contents_under_one_name_are_reported_and_left(ckpt_ops, parts, other, option):
    name = "models/m/v1/manifest.json"
    parts[0].put(name, b"two")
    parts[1].put(name, other)
    done = ckpt_ops("repair", *option)
    assert done.exit_code == 1
    assert f"{name} differs between {parts[0].url} and {parts[1].url}" in done.stderr
    assert [part.get(name) for part in parts[:2]] == [b"two", other]
    assert name not in contents(parts[2])


def test_of_a_log_that_two_stores_continued_nothing_is_copied(ckpt_ops, parts):
    assert ckpt_ops("repair").exit_code == 0
    for part, texts in ((parts[0], ["as a"]), (parts[2], ["as c", "and more"])):
        log = ModelLog(part, "flight_delay")
        for text in texts:
            log.append(Held(reason=text), after=log.state())
    before = [contents(part) for part in parts]
    done = ckpt_ops("repair")
    assert done.exit_code == 1
    assert "log/000000000017.json differs between" in done.stderr
    assert f"{parts[0].url} and {parts[2].url}: each has acted as the primary" in done.stderr
    assert [contents(part) for part in parts] == before


def test_a_store_that_does_not_answer_is_named(ckpt_ops, parts, tmp_path, monkeypatch):
    gone = (tmp_path / "gone").as_uri()
    done = ckpt_ops("repair", "--store", f"{parts[0].url},{gone}")
    assert done.exit_code == 1
    assert f"{gone}: the directory {tmp_path / 'gone'} does not exist" in done.stderr


def test_a_store_of_one_is_refused(ckpt_ops, store):
    done = ckpt_ops("repair")
    assert done.exit_code == 2
    assert "CKPT_OPS_STORE" in done.stderr
    assert "two or three URLs" in done.stderr
