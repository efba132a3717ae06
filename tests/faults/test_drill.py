"""Checkpoints of a real training are verified, drilled and exported by the commands that a person runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.checkpoints.restore import AVERAGE
from ckpt_ops.cli.main import app
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.store import LocalStore
from ckpt_ops.store.content import chunk_name

DAGS = Path(__file__).parents[1] / "dags"

pytestmark = pytest.mark.slow


@pytest.fixture
def ckpt_ops(steady: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command on a store, from a project that has the pipeline `steady`."""
    monkeypatch.setenv("CKPT_OPS_DAGS", str(DAGS))

    def invoke(store: LocalStore, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--store", store.url])

    return invoke


def stored(store: LocalStore, step: int) -> dict[str, Any]:
    commits = CandidateLog(store, "steady", 1).progress().commits
    (name,) = (commit.manifest for commit in commits if commit.step == step)
    return read_tensors(store, load_manifest(store, name))


def test_every_checkpoint_of_a_training_is_whole(
    undisturbed_store: LocalStore, ckpt_ops: Callable[..., Result]
) -> None:
    done = ckpt_ops(undisturbed_store, "verify", "steady", "--json")
    assert done.exit_code == 0, done.stderr
    views = json.loads(done.stdout)
    steps = [view["step"] for view in views]
    assert [step for step in steps if step is not None] == list(range(20, 2_501, 20))
    assert {view["condition"] for view in views} == {"ok"}


def test_a_drill_restores_compares_and_trains_a_step_and_writes_nothing(
    undisturbed_store: LocalStore, ckpt_ops: Callable[..., Result]
) -> None:
    before = list(undisturbed_store.list(""))
    done = ckpt_ops(undisturbed_store, "drill", "steady", "--seed", "7", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], found["version"], found["seed"]) == ("steady", 1, 7)
    assert f"seed 7: version 1, step {found['step']}" in done.stderr
    tensors = stored(undisturbed_store, found["step"])
    of_model = {name: tensor for name, tensor in tensors.items() if not name.startswith(AVERAGE)}
    assert found["variables"] == len(of_model)
    assert found["bytes"] == sum(tensor.nbytes for tensor in of_model.values())
    assert found["next_batch"] is True
    assert 0 < found["loss"] < 2
    parts = dict(found["seconds"])
    total = parts.pop("total")
    assert set(parts) == {"import_and_build", "read_and_restore", "load_data", "first_step"}
    assert all(seconds > 0 for seconds in parts.values())
    assert sum(parts.values()) < total
    assert list(undisturbed_store.list("")) == before


def test_a_drill_of_a_damaged_checkpoint_fails_with_what_is_wrong_and_where(
    undisturbed_store: LocalStore, ckpt_ops: Callable[..., Result], tmp_path: Path
) -> None:
    shutil.copytree(undisturbed_store.root, tmp_path / "damaged")
    store = LocalStore(tmp_path / "damaged")
    trained = ModelLog(store, "steady").state().versions[1].trained
    assert trained is not None
    final = load_manifest(store, trained.manifest)
    others = [commit.manifest for commit in CandidateLog(store, "steady", 1).progress().commits[:-1]]
    for name in others:
        store.delete(name)  # as retention does: the final one is all there is to pick
    for digest in final.chunks:
        store.put(chunk_name(digest), store.get(chunk_name(digest))[:-1])
    done = ckpt_ops(store, "drill", "steady")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "step 2500" in done.stderr
    assert f"{chunk_name(final.chunks[0])} does not match its hash" in done.stderr
    assert "nothing was restored" in done.stderr


def test_the_pipelines_own_model_is_exported_at_the_step_asked_for(
    undisturbed_store: LocalStore, ckpt_ops: Callable[..., Result], tmp_path: Path
) -> None:
    import keras

    out = tmp_path / "steady.keras"
    done = ckpt_ops(undisturbed_store, "export", "steady", "1", "--step", "40", "--format", "keras", str(out))
    assert done.exit_code == 0, done.stderr
    assert "steady v1 step 40" in done.stdout
    assert "has changed" not in done.stderr
    tensors = stored(undisturbed_store, 40)
    opened = keras.saving.load_model(out)
    for variable in opened.weights:
        if "seed_generator" not in variable.path:
            assert variable.numpy().tobytes() == tensors[f"model/{variable.path}"].tobytes()
    assert int(opened.optimizer.iterations.numpy()) == 40
    assert list(tmp_path.iterdir()) == [out]
