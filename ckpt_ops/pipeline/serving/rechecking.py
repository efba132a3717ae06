"""Do exports still say what was judged? Each is asked again about its held-out rows, in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ckpt_ops.errors import CkptOpsError, PredictionDied
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.launch import run_process
from ckpt_ops.pipeline.serving.objects import is_leaving
from ckpt_ops.store import Store


def with_exports(state: LineageState, versions: Sequence[int]) -> list[int]:
    """Those of `versions` that were trained to their end and are not about to be removed."""
    found = [state.version(number) for number in versions]
    return [
        one.version
        for one in found
        if one.trained is not None
        and "export" in one.trained.artifacts
        and not is_leaving(state, one.version)
    ]


def recheck(
    pipeline: Pipeline, store: Store, versions: Sequence[int], *, report: Callable[[str], None]
) -> dict[int, dict[str, Any]]:
    """By version, what `SaidAgain.to_json` says of its export.

    Raises:
        PredictionDied: the process ended without an answer.
        CkptOpsError: the pipeline cannot be loaded, or the store cannot be read.
    """
    if not versions:
        return {}

    def died(how: str, log: Path) -> CkptOpsError:
        return PredictionDied(
            f"the process that asks exports of {pipeline.name} again {how}",
            safe="nothing was written; the champion serves on",
            next=f"ask again; the whole log is {log}",
        )

    arguments = ["--versions", ",".join(map(str, versions))]
    said = run_process("serving.recheck", pipeline, store, versions[0], arguments, report=report, died=died)
    return dict(zip(versions, said, strict=True))
