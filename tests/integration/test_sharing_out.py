"""Two devices that share each batch train the model that one device trains, and resume exactly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.gang.meeting import free_port

pytestmark = pytest.mark.slow

PROGRAM, PROJECT = Path(__file__).with_name("sharing_out.py"), Path(__file__).parents[2]
TOLERANCE = 1e-6
"""Of weights of size 1, as docs/how-to/distribute.md states it: sums in another order round differently."""

SHORT = ("weights",)
MORE = (
    "adam",
    "norm and dropout",
    "sgd, weight decay",
    "two outputs",
    "loss is a sum",
    "steps_per_execution",
    "a schedule",
    "average",
    "fewer rows than a batch",
)
ONLY_ALIKE = ("norm and dropout", "fewer rows than a batch")
"""Here shares differ: each is normed by itself, and rows that cannot be shared evenly are left out."""


@cache
def compared(kinds: Sequence[str]) -> dict[str, Any]:
    """What the program found, in a process whose CPU is two devices."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *kinds],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(kinds: Sequence[str]) -> None:
    for kind, of in compared(kinds)["trained"].items():
        assert of["again"] == 0, f"{kind}: another run gave other weights"
        assert of.get("resumed", 0) == 0, f"{kind}: resumed half way, it ended elsewhere"
        if kind not in ONLY_ALIKE:
            assert of["weights"] <= TOLERANCE, f"{kind}: one device trains a different model"
            assert of["reported"] <= TOLERANCE, f"{kind}: loss or metrics are not those of the whole batch"


def test_they_end_with_the_weights_and_metrics_of_one_device_and_resume_to_the_bit() -> None:
    check(SHORT)


@pytest.mark.soak
def test_so_do_models_of_other_kinds() -> None:
    check(MORE)


@pytest.mark.soak
@pytest.mark.parametrize(("count", "kinds"), [(2, ("adam", "weights", "two outputs")), (4, ("weights",))])
def test_processes_that_share_a_batch_end_with_the_weights_and_metrics_of_one(
    count: int, kinds: Sequence[str]
) -> None:
    """Each draws its own rows alone, and TensorFlow's collectives go over the loopback address."""
    addresses = ",".join(f"127.0.0.1:{free_port('127.0.0.1')}" for _ in range(count))
    running = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), "--worker", str(worker), addresses, *kinds],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for worker in range(count)
    ]
    try:
        told = [one.communicate(timeout=300)[0] for one in running]
    finally:
        for one in running:
            one.kill()
    assert [one.returncode for one in running] == [0] * count
    for said in told:
        for kind, of in json.loads(said.splitlines()[-1])["trained"].items():
            assert of["again"] == 0, f"{kind}: another run gave other weights"
            assert of["weights"] <= TOLERANCE, f"{kind}: one process trains a different model"
            assert of["reported"] <= TOLERANCE, f"{kind}: loss or metrics are not those of the whole batch"


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("clipnorm", "an Adam with clipnorm"),
        ("global_clipnorm", "an Adam with global_clipnorm"),
        ("use_ema", "an Adam with use_ema"),
        ("gradient_accumulation_steps", "an Adam with gradient_accumulation_steps"),
        ("a train_step of its own", "OwnStep, with a train_step or compute_loss of its own,"),
        ("run_eagerly", "run_eagerly=True"),
        ("a loss divided by its weights", "mean_with_sample_weight"),
        ("LossScaleOptimizer", "a LossScaleOptimizer"),
    ],
)
def test_a_model_whose_step_cannot_be_shared_out_is_refused_by_what_it_is(kind: str, what: str) -> None:
    message = compared(SHORT)["refused"][kind]
    assert what in message
    assert "set distribution=None in the pipeline" in message
