"""`verify`: what is whole, what was pruned, and what is wrong and where."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from saved import MODEL, STEPS, manifest_name, save_history

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.verify import Condition, verify
from ckpt_ops.errors import StoreUnavailable
from ckpt_ops.lineage import ModelLog
from ckpt_ops.store import LocalStore
from ckpt_ops.store.content import chunk_name


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "saved").mkdir()
    store = LocalStore(tmp_path / "saved")
    monkeypatch.setenv("CKPT_OPS_STORE", store.url)
    save_history(store)
    return store


def own_chunk(store: LocalStore, version: int, step: int) -> str:
    """The object of a chunk that no other checkpoint shares."""
    mine = load_manifest(store, manifest_name(version, step)).chunks
    shared = load_manifest(store, manifest_name(version, sum(STEPS) - step)).chunks
    return chunk_name(next(digest for digest in mine if digest not in shared))


def shared_chunk(store: LocalStore) -> str:
    one, other = (load_manifest(store, manifest_name(1, step)).chunks for step in STEPS)
    return chunk_name(next(digest for digest in one if digest in other))


def conditions(done) -> dict[tuple[int, int], str]:
    return {(view["version"], view["step"]): view["condition"] for view in json.loads(done.stdout)}


def flip(store: LocalStore, name: str) -> None:
    data = store.get(name)
    store.put(name, data[:-1] + bytes([data[-1] ^ 1]))


def test_what_is_whole_is_ok(ckpt_ops, store):
    done = ckpt_ops("verify", MODEL, "--json")
    assert done.exit_code == 0, done.stderr
    assert conditions(done) == dict.fromkeys([(1, 50), (1, 100), (2, 50), (2, 100)], "ok")
    view = json.loads(done.stdout)[0]
    assert view["chunks"] == len(load_manifest(store, view["manifest"]).chunks) == 2
    assert (view["bytes"], view["problems"]) == (500_000 * 4 + 3 * 4, [])


def test_one_version_can_be_asked_for(ckpt_ops, store):
    assert conditions(ckpt_ops("verify", MODEL, "2", "--json")) == {(2, 50): "ok", (2, 100): "ok"}


def test_each_shared_chunk_is_read_once_and_progress_counts_them(store):
    reads: Counter[str] = Counter()

    class Counting(LocalStore):
        def get(self, name: str) -> bytes:
            reads[name] += name.startswith("chunks/")
            return super().get(name)

    told: list[tuple[int, int]] = []
    state = ModelLog(store, MODEL).state()
    checked = verify(
        Counting(store.root), state, sorted(state.versions), lambda done, of: told.append((done, of))
    )
    assert [each.condition for each in checked] == [Condition.OK] * 4
    assert reads[shared_chunk(store)] == 1
    assert told == [(done, 5) for done in range(1, 6)]  # four of their own and the one that all share


@pytest.mark.parametrize(
    ("damage", "message"),
    [(flip, "does not match its hash"), (LocalStore.delete, "no object")],
    ids=["a flipped bit", "missing"],
)
def test_a_damaged_chunk_fails_and_is_named(ckpt_ops, store, damage, message):
    name = own_chunk(store, 2, 50)
    damage(store, name)
    done = ckpt_ops("verify", MODEL, "--json")
    assert done.exit_code == 1
    assert [at for at, found in conditions(done).items() if found == "damaged"] == [(2, 50)]
    (problem,) = next(view for view in json.loads(done.stdout) if view["condition"] == "damaged")["problems"]
    assert message in problem
    assert name in problem
    assert "1 of 4 checkpoints of flight_delay are damaged: v2 step 50" in done.stderr


def test_a_damaged_chunk_damages_every_checkpoint_that_shares_it(ckpt_ops, store):
    name = shared_chunk(store)
    flip(store, name)
    done = ckpt_ops("verify", MODEL)
    assert done.exit_code == 1
    assert done.stdout.count(name) == 1
    assert "  in v1 step 50, v1 step 100, v2 step 50, v2 step 100\n" in done.stdout


def test_a_manifest_that_is_no_manifest_fails_and_is_named(ckpt_ops, store):
    store.put(manifest_name(1, 50), b"{")
    done = ckpt_ops("verify", MODEL)
    assert done.exit_code == 1
    assert f"{manifest_name(1, 50)} is not a valid manifest" in done.stdout
    assert "v1 step 50" in done.stderr


def test_what_retention_pruned_is_no_error(ckpt_ops, store):
    for version, step in ((1, 50), (2, 50), (2, 100)):
        store.delete(manifest_name(version, step))
    done = ckpt_ops("verify", MODEL, "--json")
    assert done.exit_code == 0, done.stderr
    assert conditions(done) == {(1, 50): "pruned", (1, 100): "ok", (2, 50): "pruned", (2, 100): "pruned"}


def test_the_final_checkpoint_of_a_promoted_version_is_never_pruned(ckpt_ops, store):
    store.delete(manifest_name(1, 100))
    done = ckpt_ops("verify", MODEL)
    assert done.exit_code == 1
    assert "the final checkpoint of a promoted version" in done.stdout
    assert "v1 step 100" in done.stderr


def test_what_is_pruned_while_it_is_read_is_pruned_and_not_damaged(store):
    chunk, manifest = own_chunk(store, 2, 50), manifest_name(2, 50)

    class Pruning(LocalStore):
        """Retention comes between the manifest and its chunk."""

        def get(self, name: str) -> bytes:
            if name == chunk:
                self.delete(manifest)
                self.delete(chunk)
            return super().get(name)

    checked = verify(Pruning(store.root), ModelLog(store, MODEL).state(), [2])
    assert [each.condition for each in checked] == [Condition.PRUNED, Condition.OK]


def test_a_store_that_does_not_answer_says_nothing_of_any_checkpoint(store):
    class Unavailable(LocalStore):
        def get(self, name: str) -> bytes:
            if name.startswith("chunks/"):
                raise StoreUnavailable("injected")
            return super().get(name)

    with pytest.raises(StoreUnavailable, match="injected"):
        verify(Unavailable(store.root), ModelLog(store, MODEL).state(), [1])


def test_a_version_that_has_saved_nothing_yet_has_nothing_to_verify(ckpt_ops, store):
    done = ckpt_ops("verify", MODEL, "3")
    assert (done.exit_code, done.stdout) == (0, "No committed checkpoints.\n")


@pytest.mark.parametrize(
    ("arguments", "message"), [(["nobody"], "one of flight_delay"), ([MODEL, "9"], "1, 2, 3")]
)
def test_an_unknown_model_or_version_is_refused(ckpt_ops, store, arguments, message):
    done = ckpt_ops("verify", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
