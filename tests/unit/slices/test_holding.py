"""Every revision in the store is searched, and what goes with a revision is all that nobody else names."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.slices import Files, SliceManifest, load_manifest, pull, read_slice
from ckpt_ops.slices.derive import forgotten, released, without_rows
from ckpt_ops.slices.predicate import parse
from ckpt_ops.slices.reading import staged
from ckpt_ops.slices.removal import objects_of, remove
from ckpt_ops.slices.row_search import find_keys, find_rows
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("person", pa.string()), ("n", pa.int64())])
ADA = [parse("person == 'ada'")]
W1, W2 = "2013-01-06", "2013-01-13"


@pytest.fixture
def landing(tmp_path: Path) -> LocalStore:
    (tmp_path / "landing").mkdir()
    return LocalStore(tmp_path / "landing")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


@pytest.fixture
def source(landing: LocalStore) -> Files:
    return Files(name="people", schema=SCHEMA, template="{key}/*.csv", url=landing.url)


def land(landing: LocalStore, name: str, *people: str) -> None:
    lines = "".join(f"{person},{n}\n" for n, person in enumerate(people))
    landing.put(f"{name}.csv", f"person,n\n{lines}".encode())


def left(store: LocalStore) -> list[str]:
    return [entry.name for entry in store.list("slices/")]


@pytest.fixture
def two_files(landing: LocalStore, store: LocalStore, source: Files) -> SliceManifest:
    """A slice of two files, of which the second holds her rows."""
    land(landing, f"{W1}/a", "bob", "eve")
    land(landing, f"{W1}/b", "ada", "bob", "ada")
    return pull(store, source, W1)


def test_all_revisions_are_searched_each_file_once(
    landing: LocalStore, store: LocalStore, source: Files, two_files: SliceManifest
) -> None:
    let_pass = released(store, two_files)
    land(landing, f"{W2}/a", "bob")
    pull(store, source, W2)
    told: list[tuple[int, int]] = []
    found = find_rows(store, "people", ADA, lambda done, of: told.append((done, of)))
    assert [(one.name, one.rows) for one in found.holding] == [
        ((W1, two_files.revision), 2),
        ((W1, let_pass.revision), 2),
    ]
    assert (found.looked_at, told[-1]) == (3, (3, 3))
    assert found.rows(W1, two_files.revision) == 2
    assert found.rows(W2, two_files.revision) == 0


def test_without_her_rows_it_is_the_revision_that_a_pull_without_them_gives(
    landing: LocalStore, store: LocalStore, source: Files
) -> None:
    land(landing, f"{W1}/a", "bob", "ada", "eve", "ada")
    whole = pull(store, source, W1)
    without = forgotten(store, whole, ADA)
    assert without is not None
    assert read_slice(store, without)["person"].to_pylist() == ["bob", "eve"]
    assert without.derived is not None
    assert (without.derived.revision, without.derived.how) == (whole.revision, "rows forgotten")
    landing.put(f"{W1}/a.csv", b"person,n\nbob,0\neve,2\n")
    assert pull(store, source, W1).revision == without.revision
    assert forgotten(store, without, ADA) is without
    assert forgotten(store, whole, [parse("n >= 0")]) is None


def test_one_after_the_other_or_together_is_the_same_revision(
    landing: LocalStore, store: LocalStore, source: Files, two_files: SliceManifest
) -> None:
    eve = [parse("person == 'eve'")]
    once = forgotten(store, two_files, [*ADA, *eve])
    first = forgotten(store, two_files, ADA)
    assert first is not None
    assert forgotten(store, first, eve) == once


def test_a_file_that_stays_in_another_revision_stays(
    landing: LocalStore, store: LocalStore, source: Files, two_files: SliceManifest
) -> None:
    land(landing, f"{W1}/b", "bob")  # corrected: shares the first file
    corrected = pull(store, source, W1)
    removal = objects_of(store, "people", [(W1, two_files.revision)])
    assert [entry.name for entry in removal.data] == [two_files.files[1].name]
    assert [entry.name for entry in removal.after] == [f"{two_files.prefix}/slice.json"]
    assert len(removal.before) == 1, "the receipt that names it"
    remove(store, removal)
    assert read_slice(store, load_manifest(store, "people", W1, corrected.revision)).num_rows == 3
    assert find_rows(store, "people", ADA).holding == ()


def test_files_that_no_revision_names_are_searched_and_go(
    store: LocalStore, two_files: SliceManifest
) -> None:
    """A pull that was killed before its commit leaves them."""
    store.delete(f"{two_files.prefix}/slice.json")
    found = find_rows(store, "people", ADA)
    assert (found.holding, found.loose) == ((), (two_files.files[1].name,))
    remove(store, objects_of(store, "people", [], found.loose))
    assert two_files.files[1].name not in left(store)
    assert two_files.files[0].name in left(store), "it holds no row of hers"


def test_a_whole_slice_leaves_nothing_and_other_slices_are_not_touched(
    landing: LocalStore, store: LocalStore, source: Files, two_files: SliceManifest
) -> None:
    land(landing, f"{W2}/a", "bob")
    other = pull(store, source, W2)
    with staged(store, two_files) as rows:
        without_rows(store, two_files, list(rows.batches())[:1])
    store.put(f"{two_files.prefix}/validation/report.json", b"{}")
    found = find_keys(store, "people", [W1])
    assert len(found.holding) == 2
    remove(store, objects_of(store, "people", [one.name for one in found.holding], found.loose))
    assert {name.split("/")[2] for name in left(store)} == {W2}
    assert read_slice(store, other).num_rows == 1


def test_a_column_of_another_type_leaves_it_open_whether_a_revision_holds_her_rows(
    store: LocalStore, two_files: SliceManifest
) -> None:
    found = find_rows(store, "people", [parse("person == 17 or n == 1")])
    assert found.holding == ()
    (unread,) = found.unread
    assert (unread.key, unread.revision) == (W1, two_files.revision)
    assert "person" in unread.why


def test_a_column_that_a_revision_lacks_is_null_in_it(store: LocalStore, two_files: SliceManifest) -> None:
    assert find_rows(store, "people", [parse("email == 'ada'")]).holding == ()
    (found,) = find_rows(store, "people", [parse("email is null")]).holding
    assert found.rows == 5
