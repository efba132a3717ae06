"""Each step and command in a process of its own: what it has loaded by its end, and what a person reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from training import KEYS

from ckpt_ops.lineage import ModelLog
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[1] / "dags"
HEAVY = {"tensorflow", "keras", "great_expectations", "jax", "torch", "airflow"}
NOISE = re.compile(
    r"cuInit|cuda|absl|oneDNN|XLA|TensorRT|rebuild TensorFlow|^[IWE]\d{4} |[a-z_]+\.cc:\d+",
    re.IGNORECASE | re.MULTILINE,
)

STEP = """
import json, os, sys
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import open_store
name, pipeline, store = sys.argv[1], load_pipeline("steady"), open_store(os.environ["CKPT_OPS_STORE"])
step = getattr(steps, name)
if name in ("evaluate", "promote"):
    step(pipeline, store, 1)
elif name == "validate":
    step(pipeline, store, sys.argv[2], steps.pull(pipeline, store, sys.argv[2]).revision)
else:
    step(pipeline, store, sys.argv[2])
"""
COMMAND = "import sys; from ckpt_ops.cli.main import main; main()"
AT_END = """
import atexit, json, os, sys
def keep():
    with open(os.environ["MODULES"], "w") as file:
        json.dump(sorted(sys.modules), file)
atexit.register(keep)
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A process that has ended: the roots of what it loaded, and what it printed."""

    loaded: frozenset[str]
    shown: str


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    return LocalStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def ran(
    store: LocalStore, landing: LocalStore, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Done]:
    folder = tmp_path_factory.mktemp("ran")

    def run(code: str, *arguments: str) -> Done:
        modules = folder / "modules.json"
        modules.unlink(missing_ok=True)
        environment = {
            "CKPT_OPS_DAGS": str(DAGS),
            "CKPT_OPS_STORE": store.url,
            "CKPT_OPS_LANDING": landing.url,
            "MODULES": str(modules),
            "PYTHONPATH": os.pathsep.join([str(DAGS.parents[1]), os.environ.get("PYTHONPATH", "")]),
        }
        kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        done = subprocess.run(
            [sys.executable, "-c", AT_END + code, *arguments],
            env={**kept, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=folder,
        )
        assert done.returncode == 0, done.stdout
        loaded = frozenset(name.partition(".")[0] for name in json.loads(modules.read_text()))
        return Done(loaded=loaded, shown=done.stdout)

    return run


@pytest.fixture(scope="module")
def steps_of_a_run(ran: Callable[..., Done]) -> dict[str, Done]:
    """A slice, from its source to a promoted version."""
    names = ("validate", "decide", "train", "evaluate", "promote")
    return {name: ran(STEP, name, KEYS[0]) for name in names}


@pytest.mark.parametrize("step", ["decide", "train", "evaluate", "promote"])
def test_a_step_loads_nothing_that_trains_or_validates(steps_of_a_run: dict[str, Done], step: str) -> None:
    assert "pyarrow" in steps_of_a_run[step].loaded
    assert steps_of_a_run[step].loaded & HEAVY == set()


def test_the_run_did_promote(steps_of_a_run: dict[str, Done], store: LocalStore) -> None:
    assert ModelLog(store, "steady").state().head == 1
    assert "great_expectations" in steps_of_a_run["validate"].loaded, "the look at modules sees what is there"


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("show", "steady", "1"),
        ("slices", "steady"),
        ("plan", "steady", "--from", KEYS[0], "--to", KEYS[0]),
    ],
    ids=lambda words: words[0],
)
def test_a_command_that_looks_loads_nothing_that_trains_or_validates(
    steps_of_a_run: dict[str, Done], ran: Callable[..., Done], words: tuple[str, ...]
) -> None:
    done = ran(COMMAND, *words)
    assert {"steady", KEYS[0]} & {*done.shown.split()}
    assert done.loaded & HEAVY == set()


def test_what_a_training_prints_for_its_developers_is_not_shown(steps_of_a_run: dict[str, Done]) -> None:
    shown = steps_of_a_run["train"].shown
    assert "step" in shown
    assert NOISE.search(shown) is None, shown


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "steady", "--slice", KEYS[0]),
        ("convert", "steady", "1", "--format", "tflite"),
        ("export", "steady", "1", "model.keras", "--format", "keras"),
        ("show", "steady", "1"),
    ],
    ids=lambda words: words[0],
)
def test_nor_is_what_another_command_prints_for_them(
    steps_of_a_run: dict[str, Done], ran: Callable[..., Done], words: tuple[str, ...]
) -> None:
    shown = ran(COMMAND, *words).shown
    assert shown.strip()
    assert NOISE.search(shown) is None, shown
