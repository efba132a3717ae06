"""What a GPU is worth to a training, and whether it resumes exactly on one: by pipelines of the product.

    make bench WHAT=gpu                                       # where there is a GPU; a quarter of an hour
    make bench WHAT=gpu ARGS="--rehearse --steps 20"          # the same on the CPU, to see that it works

Each line is a training in a process of its own, as a pipeline makes it: steps a second as its record has
them, the first step with its tracing too, and where it ran as its checkpoint says.

* the CPU, and one GPU, on a model of matrices and one of convolutions
* mixed precision, bfloat16 and float16
* operations that are not deterministic
* all of a GPU's memory at once; what the process holds of it is asked of nvidia-smi
* all GPUs together, by `Pipeline(distribution=Mirrored())`, where this ckpt_ops has it
* killed (SIGKILL) behind a checkpoint, resumed, and compared with a training that nobody disturbed

Without a GPU it says so, and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.gpu_pipelines import KEY, Way, write_pipeline, write_rows
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.diagnostics.reproduce import run_reproduce
from ckpt_ops.errors import TrainingDied
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.slices import pull
from ckpt_ops.store import LocalStore, Store

WAYS = (
    Way(name="dense_cpu", hidden=True),
    Way(name="dense_one"),
    Way(name="dense_bfloat16", numerics='mixed_precision="bfloat16"'),
    Way(name="dense_float16", numerics='mixed_precision="float16"'),
    Way(name="dense_free", numerics="deterministic=False"),
    Way(name="dense_free_bfloat16", numerics='deterministic=False, mixed_precision="bfloat16"'),
    Way(name="dense_all_memory", numerics="gpu_memory_growth=False"),
    Way(name="convolutions_cpu", model="convolutions", hidden=True),
    Way(name="convolutions_one", model="convolutions"),
    Way(name="convolutions_free", model="convolutions", numerics="deterministic=False"),
    Way(name="convolutions_bfloat16", model="convolutions", numerics='mixed_precision="bfloat16"'),
)
MIRRORED = Way(name="dense_mirrored", mirrored=True)
KILLED = (
    Way(name="killed"),
    Way(name="killed_float16", numerics='mixed_precision="float16"'),
    Way(name="killed_free", numerics="deterministic=False"),
)


def gpus() -> list[str]:
    """The GPUs that TensorFlow sees; asked in another process, so that this one holds no memory of them."""
    ask = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return [f"GPU:{at}" for at in range(int(done.stdout.split()[-1]))]


def mirrored_there() -> bool:
    """Whether this ckpt_ops trains on several GPUs of one machine."""
    distribution = importlib.import_module("ckpt_ops.training.distribution")
    set_by = {field.name for field in fields(Pipeline)}
    return hasattr(distribution, "Mirrored") and "distribution" in set_by


def opened(home: Path, way: Way, **sizes: int) -> tuple[Pipeline, Store]:
    """The pipeline of a way, written and loaded, with its one slice accepted in a store of its own."""
    write_pipeline(home / "dags", home / "landing", way, **sizes)
    importlib.invalidate_caches()
    pipeline = load_pipeline(way.name)
    (home / way.name).mkdir()
    store = LocalStore(home / way.name)
    manifest = pull(store, pipeline.source, KEY)
    ref = SliceRef(key=KEY, revision=manifest.revision, rows=manifest.rows)
    ModelLog(store, way.name).decide(lambda state: SliceAccepted(slice=ref))
    return pipeline, store


def trained(
    pipeline: Pipeline, store: Store, report: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Train the candidate; what its record and its checkpoint say."""
    memory: list[int] = []

    def told(line: str) -> None:
        if line.startswith("checkpoint at step"):
            memory.extend(_memory_of_children())
        report(line)

    steps.train(pipeline, store, KEY, told)
    record = ModelLog(store, pipeline.name).state().versions[1].trained
    if record is None:
        raise RuntimeError(f"{pipeline.name} was not trained")
    placement = load_manifest(store, record.final).placement
    return {
        "steps_per_second": record.step / record.seconds,
        "placement": placement.message if placement else "",
        "memory_mib": max(memory, default=None),
    }


def resumed(pipeline: Pipeline, store: Store) -> dict[str, Any]:
    """Killed behind a checkpoint, resumed, and compared with a training that nobody disturbed."""
    killed: list[str] = []

    def kill(line: str) -> None:
        if line.startswith("checkpoint at step") and not killed:
            killed.append(line)
            for pid in _children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    with suppress(TrainingDied):
        steps.train(pipeline, store, KEY, kill)
    found = trained(pipeline, store)
    again = run_reproduce(pipeline, store, 1, from_scratch=True, anyway=False, progress=lambda progress: None)
    return {
        **found,
        "killed": killed[0] if killed else "never",
        "outcome": again.outcome.value,
        "different": len(again.different),
        "share_of_the_way": again.apart,
    }


def _children() -> list[int]:
    """Processes that this one started, and their own."""
    found, at = [os.getpid()], 0
    while at < len(found):
        for task in Path(f"/proc/{found[at]}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(pid) for pid in task.read_text().split()]
        at += 1
    return found[1:]


def _memory_of_children() -> list[int]:
    """MiB of GPU memory that they hold, by nvidia-smi; nothing where there is none."""
    if shutil.which("nvidia-smi") is None:
        return []
    ask = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    told = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    rows = [line.split(",") for line in told.splitlines() if line.count(",") == 1]
    ours = set(_children())
    return [int(mib) for pid, mib in rows if int(pid) in ours and mib.strip().isdigit()]


def measure(home: Path, *, steps: int, rows: int, batch: int, ways: int | None) -> dict[str, Any]:
    """All of it, each line printed as it comes."""
    dags = home / "dags"
    dags.mkdir()
    os.environ["CKPT_OPS_DAGS"] = str(dags)
    sys.path.insert(0, str(dags))
    write_rows(home / "landing", rows)
    found: dict[str, Any] = {}
    together = (MIRRORED,) if mirrored_there() else ()
    if not together:
        print("this ckpt_ops has no Mirrored(): all GPUs together are not measured")
    for way in (*WAYS, *together)[:ways]:
        hiding = os.environ.get("CUDA_VISIBLE_DEVICES")
        if way.hidden:
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        try:
            found[way.name] = one = trained(*opened(home, way, steps=steps, save=steps // 2, batch=batch))
        finally:
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
            if hiding is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = hiding
        memory = "" if one["memory_mib"] is None else f", {one['memory_mib']:,} MiB"
        print(f"{way.name:22} {one['steps_per_second']:8.1f} steps/s{memory}; {one['placement']}", flush=True)
    for way in KILLED[:ways]:
        pipeline, store = opened(home, way, steps=steps, save=max(1, steps // 4), batch=batch)
        found[way.name] = one = resumed(pipeline, store)
        apart = "" if one["share_of_the_way"] is None else f", {one['share_of_the_way']:.2g} of the way off"
        told = f"killed at '{one['killed']}', resumed: {one['outcome']}"
        print(f"{way.name:22} {told}, {one['different']} tensors differ{apart}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000, help="of each training; 2,000")
    parser.add_argument("--rows", type=int, default=500_000, help="500,000")
    parser.add_argument("--batch", type=int, default=4096, help="rows of a step; 4,096")
    parser.add_argument("--ways", type=int, help="only so many of each kind; all")
    parser.add_argument("--rehearse", action="store_true", help="go on without a GPU")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    given = parser.parse_args()
    there = gpus()
    if not there and not given.rehearse:
        print("TensorFlow sees no GPU here: nothing was measured. --rehearse runs it on the CPU.")
        return
    print(f"{', '.join(there) or 'no GPU: a rehearsal'}; {given.steps:,} steps of {given.batch:,} rows")
    with tempfile.TemporaryDirectory() as home:
        found = measure(Path(home), steps=given.steps, rows=given.rows, batch=given.batch, ways=given.ways)
    given.out.write_text(json.dumps({"gpus": there, **found}, indent=2))


if __name__ == "__main__":
    main()
