"""The process that rebuilds a version from its lineage and compares. Started by `reproducing`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Any

from ckpt_ops.checkpoints import read_tensors
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.attempt import Bench, final_manifest
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.pipeline.history.reproducing import Comparison, compare, not_kept, refused, trained_version, way
from ckpt_ops.pipeline.history.retrain import changed, kept_checkpoint, retrain
from ckpt_ops.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the answer is what came out, equal or not. Otherwise it says why not, if it could."""
    options = parser("ckpt_ops.pipeline.history.reproduce_process")
    options.add_argument("--from-scratch", action="store_true")
    options.add_argument("--anyway", action="store_true")
    given = options.parse_args(arguments)
    return answer(
        given,
        lambda pipeline, store: reproduce(
            pipeline, store, given.version, from_scratch=given.from_scratch, anyway=given.anyway
        ),
    )


def reproduce(
    pipeline: Pipeline, store: Store, number: int, *, from_scratch: bool = False, anyway: bool = False
) -> dict[str, Any]:
    """Train version `number` again, from the nearest kept ancestor or from nothing, and compare it.

    Returns:
        `begins_at`: the version that it was trained from, or None; `trained`: each version on the way with
        its steps and seconds and whether it is, to the bit, what its checkpoint holds (None: that is not
        kept); `equal`, `different`: names of tensors, and how they differ; `recorded`, `again`: hashes over
        all; `changes`: what is not today as it was, by version.

    Raises:
        BadInput: no such version, or it was never trained to its end.
        ObjectNotFound: its checkpoint is not kept, or a slice that is to be learned again is gone.
        TerminalError: today's code, settings or libraries are others, and `anyway` was not said.
    """
    state = ModelLog(store, pipeline.name).state()
    version = trained_version(state, number)
    line = state.ancestry(number)
    manifests = [kept_checkpoint(store, state, one) for one in line]
    if manifests[-1] is None:
        raise not_kept(store, version, pipeline.name)
    begin = way([manifest is not None for manifest in manifests], from_scratch=from_scratch)
    changes = {
        one.version: list(found.values())
        for one, manifest in zip(line[begin:], manifests[begin:], strict=True)
        if (found := changed(pipeline, state, one, manifest))
    }
    if changes and not anyway:
        raise refused(pipeline.name, number, changes)
    bench = Bench(pipeline, store, from_nothing=begin == 0)
    bench.stand_at(final_manifest(state, line[begin - 1].version) if begin else None)
    trained: list[dict[str, Any]] = []
    compared: dict[int, Comparison] = {}
    for one, manifest in zip(line[begin:], manifests[begin:], strict=True):
        began = time.monotonic()
        steps = retrain(bench, state, one).step
        seconds = time.monotonic() - began
        if manifest is not None:
            compared[one.version] = compare(read_tensors(store, manifest), bench.hold())
        same = not compared[one.version].different if manifest is not None else None
        trained.append(
            {
                "version": one.version,
                "slices": [ref.key for ref in one.slices],
                "steps": steps,
                "stopped_by": one.trained.stopped_by if one.trained else None,
                "equal": same,
                "seconds": seconds,
            }
        )
        said = {True: "equal to its checkpoint", False: "not its checkpoint", None: "not kept"}[same]
        print(f"version {one.version}: {steps} steps, {said}", flush=True)
    result = compared[number]
    return {
        "begins_at": line[begin - 1].version if begin else None,
        "trained": trained,
        "equal": list(result.equal),
        "different": [asdict(one) for one in result.different],
        "recorded": result.recorded,
        "again": result.again,
        "changes": {str(number): words for number, words in changes.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
