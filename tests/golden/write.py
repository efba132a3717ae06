"""Writes golden checkpoints with whatever ckpt_ops is imported. Run by hand, once a schema: README.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from ckpt_ops.checkpoints import BackgroundWriter, Manifest, Snapshot, writer
from ckpt_ops.checkpoints.manifest import SCHEMA
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import LocalStore

STEPS = (1, 2, 3, 4)
SMALL = 512  # bytes from which on a tensor is a segment of its own, instead of a MiB


def tensors(step: int) -> dict[str, Any]:
    """A table of which few rows change between steps, one that changes in all, every kind of small one."""
    table = np.arange(64 * 4, dtype="float32").reshape(64, 4) / 7
    for earlier in range(2, step + 1):
        table[[earlier, 60 + earlier % 4]] = -earlier / 3
    return {
        "model/table/embeddings": table,
        "model/dense/kernel": np.linspace(-step, step, 16 * 9, dtype="float32").reshape(16, 9),
        "model/dense/bias": np.array([np.nan, -0.0, np.inf, step], "float32"),
        "model/half": np.array([[1.5, -2.25], [step, 0.0]], ml_dtypes.bfloat16),
        "model/flags": np.array([True, False, step % 2 == 0]),
        "model/nothing": np.zeros((0, 3), "float64"),
        "model/seed_generator_state": np.array([2**32 - 1, step], "uint32"),
        "optimizer/iteration": np.array(2**40 + step, "int64"),
    }


def main(out: Path) -> None:
    store = LocalStore(out / "store")
    attempt = CandidateLog(store, "golden", 1).start_attempt()
    options = {"large": SMALL} if SCHEMA > 1 else {}
    writer._PACK_BELOW = SMALL  # what `large` was called when it was none of the caller's business
    with BackgroundWriter(
        store,
        # schema 1 was described by the step alone, later ones by the snapshot
        describe=lambda at, segments: Manifest(
            model="golden",
            version=1,
            step=getattr(at, "step", at),
            parent=None,
            cursor={"epoch": 0, "step": getattr(at, "step", at)},
            slices=(("2013-01-06", "r1"), ("2013-01-13", "r2")),
            segments=segments,
            code_digest="c0de",
            lock_digest="10cc",
            structure={"class_name": "Functional", "config": {"layers": ["table", "dense"]}},
        ),
        name=lambda step: f"models/golden/v1/iter_num={step}/manifest-{attempt.token:06d}.json",
        commit=lambda saved: attempt.commit(step=saved.step, manifest=saved.manifest),
        **options,
    ) as background:
        for step in STEPS:
            background.submit(Snapshot(step=step, tensors=tensors(step)))
            background.wait()
    expected = {
        f"{step} {array.dtype.name} {name}": array for step in STEPS for name, array in tensors(step).items()
    }
    np.savez_compressed(out / "expected.npz", **expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
