"""A checkpoint says where it was trained; one that does not say is what it always was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ckpt_ops.checkpoints import Manifest
from ckpt_ops.checkpoints.placement import Placement
from ckpt_ops.errors import Corrupt

PLAIN = Manifest(model="m", version=1, step=7, parent=None, cursor={}, slices=(), segments=())
ON_GPU = Placement(
    seen=("CPU:0", "GPU:0 NVIDIA H200", "GPU:1 NVIDIA H200"),
    used=("GPU:0",),
    precision="mixed_bfloat16",
    deterministic=False,
)


def test_it_is_read_as_it_was_written() -> None:
    placed = replace(PLAIN, placement=ON_GPU)
    assert Manifest.decode(placed.encode(), name="manifest.json") == placed


def test_its_bytes_are_a_contract() -> None:
    assert json.loads(replace(PLAIN, placement=ON_GPU).encode())["placement"] == {
        "deterministic": False,
        "precision": "mixed_bfloat16",
        "seen": ["CPU:0", "GPU:0 NVIDIA H200", "GPU:1 NVIDIA H200"],
        "used": ["GPU:0"],
    }


def test_several_replicas_are_part_of_it_and_one_is_not_mentioned() -> None:
    shared = replace(ON_GPU, strategy="MultiWorkerMirroredStrategy", replicas=4)
    placed = replace(PLAIN, placement=shared)
    assert Manifest.decode(placed.encode(), name="manifest.json") == placed
    assert json.loads(placed.encode())["placement"]["replicas"] == 4
    assert "4 replicas by MultiWorkerMirroredStrategy" in shared.message


def test_a_manifest_without_one_has_the_bytes_that_it_always_had() -> None:
    assert "placement" not in json.loads(PLAIN.encode())
    assert Manifest.decode(PLAIN.encode(), name="manifest.json") == PLAIN


def test_a_manifest_of_an_earlier_shape_of_it_is_read() -> None:
    """What a placement gets later has a default."""
    fields = json.loads(PLAIN.encode()) | {"placement": {"seen": ["CPU:0"], "used": ["CPU:0"]}}
    read = Manifest.decode(json.dumps(fields).encode(), name="manifest.json")
    assert read.placement == Placement(seen=("CPU:0",), used=("CPU:0",))


def test_a_placement_that_is_none_is_refused_by_its_path() -> None:
    fields = json.loads(PLAIN.encode()) | {"placement": {"seen": [1], "used": []}}
    with pytest.raises(Corrupt, match=r"placement\.seen\[0\]"):
        Manifest.decode(json.dumps(fields).encode(), name="manifest.json")


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        (
            Placement(seen=("CPU:0",), used=("CPU:0",), precision="float32"),
            "on CPU:0, float32, operations deterministic",
        ),
        (Placement(seen=("CPU:0",), used=("CPU:0",)), "on CPU:0, operations deterministic"),
        (
            ON_GPU,
            "on GPU:0 (NVIDIA H200), with GPU:1 idle, mixed_bfloat16, operations not deterministic",
        ),
        (
            Placement(seen=("CPU:0", "GPU:0 NVIDIA H200"), used=("CPU:0",), precision="float32"),
            "on CPU:0, with GPU:0 idle, float32, operations deterministic",
        ),
    ],
)
def test_it_is_told_in_a_line(placement: Placement, message: str) -> None:
    assert placement.message == message
