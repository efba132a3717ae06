"""On a GPU: where there is none these are skipped, and the benchmark says that nothing was measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import opened, resumed
from benchmarks.gpu_pipelines import Way, write_rows

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]


def test_the_benchmark_says_that_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    out = tmp_path / "gpu.json"
    command = [sys.executable, "-m", "benchmarks.gpu", "--out", str(out)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, out.exists()) == (0, False)
    assert done.stdout.startswith("TensorFlow sees no GPU here: nothing was measured.")


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("name", "numerics", "precision"),
    [
        ("exact", "", "float32"),
        ("half", 'mixed_precision="float16"', "mixed_float16"),
    ],
)
def test_killed_on_a_gpu_it_ends_as_an_undisturbed_training(
    name: str, numerics: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKPT_OPS_DAGS", str(tmp_path / "dags"))
    monkeypatch.syspath_prepend(str(tmp_path / "dags"))
    write_rows(tmp_path / "landing", 2000)
    found = resumed(*opened(tmp_path, Way(name=name, numerics=numerics), steps=40, save=10, batch=64))
    assert found["placement"].startswith("on GPU:0")
    assert precision in found["placement"]
    assert found["killed"] != "never"
    assert (found["outcome"], found["different"]) == ("equal", 0)
