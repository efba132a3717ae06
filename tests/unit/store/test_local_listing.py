"""A directory as a store lists names in order, and reads no more folders than it is asked for."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.lineage import ModelLog, model_names
from ckpt_ops.lineage.records import Held
from ckpt_ops.store import LocalStore

PARTS = st.sampled_from(["a", "a-b", "a.b", "a0", "b!", "log", "z"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
MAYBE = NAMES | st.just("")


@settings(max_examples=60, deadline=None)
@given(names=st.sets(NAMES, max_size=12), prefix=MAYBE, start=MAYBE, data=st.data())
def test_names_come_in_the_order_of_their_bytes(
    tmp_path_factory, names: set[str], prefix: str, start: str, data: st.DataObject
) -> None:
    root: Path = tmp_path_factory.mktemp("store")
    store = LocalStore(root)
    there = set()
    for name in sorted(names, key=len, reverse=True):
        if not any(other.startswith(f"{name}/") for other in there):  # no file is a folder, too
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"x")
            there.add(name)
    cut = data.draw(st.integers(0, len(prefix)))
    found = [entry.name for entry in store.list(prefix[:cut], start=start)]
    assert found == sorted(name for name in there if name.startswith(prefix[:cut]) and name >= start)


def test_links_to_folders_are_not_followed_and_what_is_gone_is_left_out(store: LocalStore) -> None:
    for name in ("a/1", "b/1", "b/2"):
        store.put(name, b"x")
    (store.root / "c").symlink_to(store.root / "a")
    listing = store.list("")
    assert next(listing).name == "a/1"
    store.delete("b/1")
    assert [entry.name for entry in listing] == ["b/2"]


def test_the_beginning_of_a_listing_reads_one_folder_of_many(store: LocalStore, monkeypatch) -> None:
    for number in range(50):
        store.put(f"models/m/v{number}/x", b"x")
    scanned = []
    scandir = __import__("os").scandir
    monkeypatch.setattr("ckpt_ops.store.local.os.scandir", lambda path: scanned.append(path) or scandir(path))
    assert [entry.name for entry in islice(store.list("models/"), 1)] == ["models/m/v0/x"]
    assert len(scanned) == 3


def test_models_are_found_among_any_number_of_other_names(store: LocalStore) -> None:
    for model in ("a", "a-b", "b", "empty"):
        for number in range(70):
            path = store.root / "models" / model / "code" / f"{number}.tar"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    for model in ("a", "a-b", "b", "z"):
        log = ModelLog(store, model)
        log.append(Held(), after=log.state())
    store.put("models/z/log/x/1.json", b"")
    store.put("models/only/v1/log/000001.json", b"")
    assert model_names(store) == ["a", "a-b", "b", "z"]
