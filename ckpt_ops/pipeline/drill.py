"""A restore drill: does a checkpoint, picked by chance, come back and train on, and how long does it take?

A backup that was never restored is a hope. The drill does what a machine does that has just taken over:
a fresh process, the model built anew, every variable restored and compared, one step trained. It
writes nothing to the store.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ckpt_ops.checkpoints.committed import committed
from ckpt_ops.errors import BadInput, CkptOpsError, DrillFailed, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.launch import run_process
from ckpt_ops.store import Store


def pick(store: Store, state: LineageState, versions: Sequence[int], seed: int) -> tuple[int, int]:
    """Version and step of a committed checkpoint of `versions` that retention has kept.

    The same seed picks the same one as long as the same ones are there.

    Raises:
        BadInput: there is no such version, or nothing to pick.
    """
    found = [
        (number, commit)
        for number in versions
        for commit in committed(store, state.model, state.version(number).version)
    ]
    for number, commit in random.Random(seed).sample(found, len(found)):
        if _kept(store, commit.manifest):
            return number, commit.step
    asked = ", ".join(map(str, versions)) or None
    raise BadInput("version", asked, f"a version of {state.model} with a checkpoint that is kept")


def run_drill(
    pipeline: Pipeline, store: Store, version: int, step: int, report: Callable[[str], None]
) -> dict[str, Any]:
    """Drill the checkpoint of `version` at `step` in a process of its own.

    Returns:
        What `drill_process.drill` says, and under `seconds` also `total`: from the start of the process to
        its end, the interpreter's own start included.

    Raises:
        DrillFailed: what came back is not the checkpoint, or the process died.
        CkptOpsError: what restoring, building or reading raised, as it raised it.
    """

    def died(how: str, log: Path) -> CkptOpsError:
        return DrillFailed(
            f"the drill of {pipeline.name} v{version} step {step} {how}",
            safe="a drill writes nothing to the store",
            next=f"the whole log is {log}",
        )

    began = time.monotonic()
    result: dict[str, Any] = run_process(
        "drill", pipeline, store, version, ["--step", str(step)], report=report, died=died
    )
    result["seconds"]["total"] = time.monotonic() - began
    return result


def _kept(store: Store, manifest: str) -> bool:
    try:
        store.get(manifest)  # one that is damaged should be there: the drill says what is wrong
    except ObjectNotFound:
        return False
    return True
