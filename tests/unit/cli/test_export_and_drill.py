"""`export` and `drill`, as far as they need no TensorFlow: choosing a checkpoint, refusing, safetensors."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from saved import MODEL, STEPS, manifest_name, save_history, tensors

from ckpt_ops.diagnostics import drill
from ckpt_ops.diagnostics.drill import pick
from ckpt_ops.errors import BadInput, DrillFailed
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.store import LocalStore

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "saved").mkdir()
    store = LocalStore(tmp_path / "saved")
    monkeypatch.setenv("CKPT_OPS_STORE", store.url)
    save_history(store)
    return store


def contents(store: LocalStore) -> list[object]:
    return list(store.list(""))


# --- export -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "step"), [([], STEPS[-1]), (["--step", "50"], 50)])
def test_safetensors_holds_the_final_checkpoint_or_the_one_asked_for(
    ckpt_ops, store, tmp_path, options, step
):
    out = tmp_path / "v2.safetensors"
    done = ckpt_ops("export", MODEL, "2", "--format", "safetensors", *options, str(out))
    assert done.exit_code == 0, done.stderr
    assert f"flight_delay v2 step {step}" in done.stdout
    with safe_open(out, framework="np") as opened:
        assert opened.metadata() == {"model": MODEL, "version": "2", "step": str(step)}
        found = opened.get_tensors()
    expected = tensors(2, step)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_safetensors_needs_neither_tensorflow_nor_the_pipeline(store, tmp_path):
    out = tmp_path / "v1.safetensors"
    code = (
        "import sys; from ckpt_ops.cli.main import app; "
        "app(sys.argv[1:], standalone_mode=False); "
        "sys.exit(sum(name in sys.modules for name in ('tensorflow', 'keras', 'flight_delay')))"
    )
    asked = ["export", MODEL, "1", "--format", "safetensors", str(out), "--store", store.url]
    environment = {"PYTHONPATH": str(PROJECT), "CKPT_OPS_DAGS": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code, *asked], env=environment, check=True)
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nobody", "1", "--format", "safetensors", "OUT"], 2, "one of flight_delay"),
        ([MODEL, "9", "--format", "safetensors", "OUT"], 2, "1, 2, 3"),
        ([MODEL, "1", "--format", "safetensors", "--step", "70", "OUT"], 2, "version 1: 50, 100"),
        ([MODEL, "3", "--format", "safetensors", "OUT"], 2, "3 has none"),
        ([MODEL, "1", "--format", "onnx", "OUT"], 2, "onnx"),
        ([MODEL, "1", "OUT"], 2, "--format"),
        ([MODEL, "1", "--format", "keras", "OUT"], 2, "ends in .keras"),
        ([MODEL, "1", "--format", "saved-model", "OUT"], 2, "CKPT_OPS_DAGS"),
        ([MODEL, "2", "--format", "safetensors", "--step", "50", "OUT"], 1, "was pruned"),
    ],
)
def test_an_export_that_is_refused_writes_nothing(
    ckpt_ops, store, tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.setenv("CKPT_OPS_DAGS", str(tmp_path / "no pipelines"))
    store.delete(manifest_name(2, 50))
    out = tmp_path / "out"
    done = ckpt_ops("export", *(str(out) if word == "OUT" else word for word in arguments))
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_a_damaged_checkpoint_is_not_exported(ckpt_ops, store, tmp_path):
    for entry in list(store.list("chunks/")):
        store.put(entry.name, store.get(entry.name)[:-1])
    done = ckpt_ops("export", MODEL, "1", "--format", "safetensors", str(tmp_path / "out"))
    assert done.exit_code == 1
    assert "does not match its hash" in done.stderr
    assert not (tmp_path / "out").exists()


# --- which checkpoint is drilled --------------------------------------------------------------------


def test_the_same_seed_picks_the_same_checkpoint_and_all_are_picked_by_some(store):
    state = ModelLog(store, MODEL).state()
    picked = [pick(store, state, [1, 2, 3], seed) for seed in range(60)]
    assert picked == [pick(store, state, [1, 2, 3], seed) for seed in range(60)]
    assert set(picked) == {(version, step) for version in (1, 2) for step in STEPS}


def test_what_was_pruned_is_never_picked(store):
    store.delete(manifest_name(1, 50))
    store.delete(manifest_name(2, 100))
    state = ModelLog(store, MODEL).state()
    assert {pick(store, state, [1, 2], seed) for seed in range(20)} == {(1, 100), (2, 50)}
    assert pick(store, state, [1], 0) == (1, 100)


def test_nothing_to_pick_is_refused(store):
    with pytest.raises(BadInput, match="a kept checkpoint"):
        pick(store, ModelLog(store, MODEL).state(), [3], 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "one of flight_delay"),
        ([MODEL, "--version", "9"], "1, 2, 3"),
        ([MODEL, "--version", "3"], "a kept checkpoint"),
        ([MODEL, "--seed", "1"], "CKPT_OPS_DAGS"),
    ],
)
def test_a_drill_that_is_refused_starts_nothing(ckpt_ops, store, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setenv("CKPT_OPS_DAGS", str(tmp_path / "no pipelines"))
    before = contents(store)
    done = ckpt_ops("drill", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert contents(store) == before


# --- what a drill finds -----------------------------------------------------------------------------


@dataclass
class Rounding:
    """A variable that keeps less than it is given, as one with a constraint on assignment would."""

    path: str
    held: np.ndarray[Any, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.held.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.held.dtype

    def assign(self, value: np.ndarray[Any, Any]) -> None:
        self.held = np.floor(value / 100) * 100

    def numpy(self) -> np.ndarray[Any, Any]:
        return self.held


def test_a_variable_that_does_not_equal_the_checkpoint_fails_the_drill_by_name(store, monkeypatch):
    fresh = [Rounding(name.removeprefix("model/"), array * 0) for name, array in tensors(1, 50).items()]
    optimizer = SimpleNamespace(built=True, variables=[])
    model = SimpleNamespace(built=True, optimizer=optimizer, variables=fresh, trainable_variables=fresh)
    monkeypatch.setattr(drill, "build_model", lambda pipeline, given: model)
    pipeline = load_pipeline(MODEL, PROJECT / "dags")
    with pytest.raises(DrillFailed, match=r"2 of 2 variables differ: model/frozen, model/w"):
        drill.drill(pipeline, store, 1, 50)
