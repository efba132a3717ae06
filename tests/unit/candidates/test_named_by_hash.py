"""Logs name manifests and files by hash: whoever reads one through a log gets what was meant, or an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from forgetting import apply, purge_at
from stand_in import FROZEN, W4, Place, segment
from typer.testing import CliRunner

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.committed import committed, committed_manifest
from ckpt_ops.checkpoints.exports import export_digest, export_files, fetch_export
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.cli.main import app
from ckpt_ops.diagnostics.diff import diff_view
from ckpt_ops.diagnostics.retrain import kept_checkpoint
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import CandidateTrained
from ckpt_ops.promotion import publish, rollback
from ckpt_ops.runs import steps
from ckpt_ops.runs.evaluate import read_evaluated_rows
from ckpt_ops.store import Store

OTHER = r"is not what was written there: its blake3 is [0-9a-f]{16}\.\.\., the log says [0-9a-f]{16}\.\.\."


@pytest.fixture
def ckpt_ops() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, arguments)


def version(place: Place, number: int) -> VersionState:
    return place.state().version(number)


def trained(place: Place, number: int) -> CandidateTrained:
    found = version(place, number).trained
    assert found is not None
    return found


def export_of(place: Place, number: int) -> str:
    return f"{trained(place, number).artifacts['export']}/saved_model.pb"


def negate(place: Place, number: int) -> str:
    """Another manifest in the place of the version's: sound, of the same step, with every tensor negated."""
    named = trained(place, number).final
    manifest = load_manifest(place.store, named)
    segments = (segment(place.store, "frozen", -FROZEN), *manifest.segments[1:])
    place.store.put(named.name, replace(manifest, segments=segments).encode())
    return named.name


def overwrite(place: Place, name: str) -> str:
    place.store.put(name, b"another model, as large as that".ljust(len(place.store.get(name))))
    return name


def found_by(done: Result) -> dict[tuple[int, str], str]:
    return {(one["version"], one["kind"]): one["condition"] for one in json.loads(done.stdout)}


# --- what is written ------------------------------------------------------------------------------


def test_commit_record_and_promotion_name_the_same_bytes(history: Place) -> None:
    (commit,) = committed(history.store, "people", 3)
    record, promoted = trained(history, 3), version(history, 3).promoted
    assert promoted is not None
    assert commit.named == record.final
    assert record.manifest_digest == promoted.manifest_digest != ""
    assert export_digest(record) == promoted.export_digest != ""
    assert {one.name for one in record.files} == {export_of(history, 3), record.artifacts["predictions"]}
    assert {one.name: one.size for one in record.files} == {
        one.name: len(history.store.get(one.name)) for one in record.files
    }


def test_two_exports_of_the_same_files_have_one_hash_wherever_they_lie(history: Place) -> None:
    record = trained(history, 3)
    moved = {**record.artifacts, "export": "elsewhere"}
    files = [
        replace(one, name=one.name.replace(record.artifacts["export"], "elsewhere")) for one in record.files
    ]
    assert export_digest(replace(record, artifacts=moved, files=tuple(files))) == export_digest(record)
    grown = tuple(replace(one, size=one.size + 1) for one in record.files)
    assert export_digest(replace(record, files=grown)) != export_digest(record)


# --- who reads it ---------------------------------------------------------------------------------

READERS: dict[str, Callable[[Place], Any]] = {
    "export and drill": lambda at: committed_manifest(at.store, "people", 3),
    "reproduce, bisect and backtest": lambda at: kept_checkpoint(at.store, at.state(), version(at, 3)),
    "diff": lambda at: diff_view(at.store, at.state(), 2, 3),
    "garbage collection": lambda at: find_garbage(at.store, grace=0.0),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_a_manifest_in_the_place_of_a_committed_one_is_not_read(
    history: Place, read: Callable[[Place], Any]
) -> None:
    name = negate(history, 3)
    with pytest.raises(Corrupt, match=f"{name} {OTHER}"):
        read(history)


def test_predictions_in_the_place_of_the_trainings_are_not_judged(history: Place) -> None:
    name = trained(history, 3).artifacts["predictions"]
    history.store.put(name, history.store.get(trained(history, 2).artifacts["predictions"]))
    with pytest.raises(Corrupt, match=OTHER):
        read_evaluated_rows(history.store, version(history, 3), model="people")


@pytest.mark.parametrize("damage", [negate, lambda at, number: overwrite(at, export_of(at, number))])
def test_what_is_not_what_was_trained_is_not_promoted_and_nothing_is_said(
    history: Place, damage: Callable[[Place, int], str]
) -> None:
    number = steps.train(history.pipeline, history.store, W4, lambda line: None).version
    steps.evaluate(history.pipeline, history.store, number)
    was = {one: history.store.get(one) for one in (trained(history, 4).manifest, export_of(history, 4))}
    name = damage(history, number)
    before = history.records()
    with pytest.raises(Corrupt, match=f"{name} {OTHER}"):
        steps.promote(history.pipeline, history.store, number)
    assert history.records() == before
    for one, data in was.items():
        history.store.put(one, data)
    assert steps.promote(history.pipeline, history.store, number).decision == "promoted"


@pytest.mark.parametrize("damage", [negate, lambda at, number: overwrite(at, export_of(at, number))])
def test_nor_is_it_rolled_back_to(history: Place, damage: Callable[[Place, int], str]) -> None:
    name, before = damage(history, 2), history.records()
    with pytest.raises(Corrupt, match=f"{name} {OTHER}"):
        rollback(history.store, "people", 2, "it was better")
    assert history.records() == before


# --- exports --------------------------------------------------------------------------------------


def test_an_export_is_fetched_as_it_was_recorded_or_not_at_all(history: Place, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    history.store.put(f"{trained(history, 3).artifacts['export']}/assets/left.txt", b"of somebody else")
    fetch_export(history.store, version(history, 3), folder)
    assert [path.name for path in folder.rglob("*")] == ["saved_model.pb"]
    assert (folder / "saved_model.pb").read_bytes() == history.store.get(export_of(history, 3))
    name = overwrite(history, export_of(history, 3))
    with pytest.raises(Corrupt, match=f"{name} {OTHER}"):
        fetch_export(history.store, version(history, 3), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    history.store.delete(name)
    with pytest.raises(ObjectNotFound, match=f"{name}, a file of an export, is missing"):
        fetch_export(history.store, version(history, 3), tmp_path / "other")


def test_an_overwritten_export_is_not_served(history: Place) -> None:
    name = overwrite(history, export_of(history, 3))
    history.store.delete("models/people/serving/3/saved_model.pb")
    with pytest.raises(Corrupt, match=f"{name} {OTHER}"):
        publish(history.store, "people", history.state())
    assert list(history.store.list("models/people/serving/3/")) == []


def test_a_served_file_of_another_size_is_copied_again_by_any_publication(history: Place) -> None:
    served = "models/people/serving/3/saved_model.pb"
    history.store.put(served, b"half")
    assert publish(history.store, "people", history.state()) == (served,)
    assert history.store.get(served) == history.store.get(export_of(history, 3))
    assert publish(history.store, "people", history.state()) == ()


# --- verify and publish ---------------------------------------------------------------------------


def test_verify_finds_everything_whole(history: Place, ckpt_ops: Callable[..., Result]) -> None:
    done = ckpt_ops("verify", "people", "--json")
    assert done.exit_code == 0, done.output
    kinds = ("checkpoint", "export", "predictions", "served")
    assert found_by(done) == {(number, kind): "ok" for number in (1, 2, 3) for kind in kinds}
    assert all(one["hashed"] for one in json.loads(done.stdout))
    assert "before hashes" not in ckpt_ops("verify", "people").stdout


def test_verify_finds_negated_tensors(history: Place, ckpt_ops: Callable[..., Result]) -> None:
    name = negate(history, 2)
    done = ckpt_ops("verify", "people")
    assert done.exit_code == 1
    assert f"{name} is not what was written there" in done.stdout
    assert "1 of 3 checkpoints of people are damaged: v2 step 30" in done.stderr


def test_verify_finds_a_manifest_of_another_step_even_without_hashes(
    history: Place, ckpt_ops: Callable[..., Result], as_older_code_wrote: Callable[[Store], None]
) -> None:
    as_older_code_wrote(history.store)
    history.store.put(trained(history, 3).manifest, history.store.get(trained(history, 2).manifest))
    done = ckpt_ops("verify", "people")
    assert done.exit_code == 1
    assert f"{trained(history, 3).manifest} is of people v2 step 30" in done.stdout


@pytest.mark.parametrize("kind", ["export", "predictions"])
def test_verify_finds_an_overwritten_file(history: Place, ckpt_ops: Callable[..., Result], kind: str) -> None:
    name = export_of(history, 2) if kind == "export" else trained(history, 2).artifacts[kind]
    overwrite(history, name)
    done = ckpt_ops("verify", "people", "2", "--json")
    assert done.exit_code == 1
    assert [what for what, condition in found_by(done).items() if condition == "damaged"] == [(2, kind)]
    assert f"are damaged: v2 {kind}" in done.stderr
    assert "ckpt-ops publish" not in done.stderr


def _other_bytes(place: Place) -> None:
    overwrite(place, "models/people/serving/3/saved_model.pb")


def _missing(place: Place) -> None:
    place.store.delete("models/people/serving/3/saved_model.pb")


def _surplus(place: Place) -> None:
    place.store.put("models/people/serving/3/variables/variables.index", b"of another model")


def _of_an_ancestor(place: Place) -> None:
    overwrite(place, "models/people/serving/1/saved_model.pb")


def _no_version(place: Place) -> None:
    place.store.put("models/people/serving/9/saved_model.pb", b"a server would take it for the newest")


def _not_in_the_line(place: Place) -> None:
    newest = {
        entry.name: place.store.get(entry.name) for entry in place.store.list("models/people/serving/3/")
    }
    rollback(place.store, "people", 2, "it was better")
    for name, data in newest.items():
        place.store.put(name, data)


@pytest.mark.parametrize(
    "damage", [_other_bytes, _missing, _surplus, _of_an_ancestor, _no_version, _not_in_the_line]
)
def test_what_is_served_is_compared_and_publish_makes_it_right(
    history: Place, ckpt_ops: Callable[..., Result], damage: Callable[[Place], None]
) -> None:
    damage(history)
    done = ckpt_ops("verify", "people", "--json")
    assert done.exit_code == 1
    assert [what[1] for what, condition in found_by(done).items() if condition == "damaged"] == ["served"]
    assert "ckpt-ops publish people makes what is served equal to the exports again" in done.stderr
    mended = ckpt_ops("publish", "people")
    assert mended.exit_code == 0, mended.output
    assert "1 objects below models/people/serving/" in mended.stdout
    assert ckpt_ops("verify", "people").exit_code == 0
    assert "0 objects" in ckpt_ops("publish", "people").stdout


def test_what_a_purge_took_is_no_damage(history: Place, ckpt_ops: Callable[..., Result]) -> None:
    apply(history)
    assert purge_at(history) is not None
    done = ckpt_ops("verify", "people", "--json")
    assert done.exit_code == 0, done.output
    found = found_by(done)
    assert {found[number, kind] for number in (2, 3) for kind in ("export", "predictions")} == {"pruned"}
    assert {found[number, "served"] for number in (1, 5)} == {"ok"}


# --- older logs -----------------------------------------------------------------------------------


def test_what_was_committed_before_hashes_were_kept_is_read_served_and_said(
    history: Place, ckpt_ops: Callable[..., Result], as_older_code_wrote: Callable[[Store], None]
) -> None:
    as_older_code_wrote(history.store)
    assert (trained(history, 3).manifest_digest, trained(history, 3).files) == ("", ())
    done = ckpt_ops("verify", "people")
    assert done.exit_code == 0, done.output
    assert "were committed before hashes of manifests and exports were kept: v1 step 30" in done.stdout
    found = json.loads(ckpt_ops("verify", "people", "--json").stdout)
    kinds = ("checkpoint", "export", "served")
    assert {(one["version"], one["kind"]): one["hashed"] for one in found} == {
        (number, kind): False for number in (1, 2, 3) for kind in kinds
    }
    assert [file.path for file in export_files(history.store, version(history, 3))] == ["saved_model.pb"]

    history.learn(W4)
    assert history.knows() == (9, 3373)
    assert version(history, 4).promoted is not None
    assert version(history, 4).promoted.export_digest  # type: ignore[union-attr]
    rollback(history.store, "people", 2, "it was better")
    served = [entry.name for entry in history.store.list("models/people/serving/")]
    assert served == [f"models/people/serving/{number}/saved_model.pb" for number in (1, 2)]


def test_what_is_served_of_an_older_version_is_compared_with_its_export(
    history: Place, ckpt_ops: Callable[..., Result], as_older_code_wrote: Callable[[Store], None]
) -> None:
    as_older_code_wrote(history.store)
    overwrite(history, "models/people/serving/2/saved_model.pb")
    done = ckpt_ops("verify", "people")
    assert done.exit_code == 1
    assert "serving/2/saved_model.pb differs from models/people/v2/attempt=000001/export" in done.stdout
    assert ckpt_ops("publish", "people").exit_code == 0
    assert ckpt_ops("verify", "people").exit_code == 0
