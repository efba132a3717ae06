"""The process that asks an export again about the rows that it was judged on. Started by `rechecking`."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.champion import labels_of
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.pipeline.kept_predictions import SaidAgain, kept_predictions, said_again
from ckpt_ops.pipeline.serving.exported import exported, served
from ckpt_ops.pipeline.serving.objects import exported_version
from ckpt_ops.pipeline.serving.rows import held_out
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the answer is what was found of each version. Otherwise it says why not, if it could."""
    options = parser("ckpt_ops.pipeline.serving.recheck_process")
    options.add_argument("--versions", required=True, help="numbers, with commas between")
    given = options.parse_args(arguments)
    numbers = [int(number) for number in given.versions.split(",")]
    return answer(
        given, lambda pipeline, store: [recheck(pipeline, store, number).to_json() for number in numbers]
    )


def recheck(pipeline: Pipeline, store: Store, number: int) -> SaidAgain:
    """Load the export of version `number`, ask it about its held-out rows, and compare with what was kept.

    What is not there any more, or cannot be loaded or asked, is said as the reason why nothing was compared:
    an export that cannot be loaded differs without bound.
    """
    print(f"asking the export of version {number}", flush=True)
    version = exported_version(ModelLog(store, pipeline.name).state(), number)
    kept = kept_predictions(store, version)
    if kept is None or version.trained is None:
        return said_again(None, np.empty(0), np.empty(0))
    try:
        parts = list(held_out(pipeline, store, version))
        with exported(store, version) as folder:
            try:
                ask = served(folder)
                said = [_alike(kept.candidate, ask(part.inputs)) for part in parts]
            except Exception as error:  # noqa: BLE001 - whatever it raises is what was found
                broken = f"the export cannot be asked: {in_short(error)}"
                return SaidAgain(difference=float("inf"), why_not=broken)
    except CkptOpsError as error:
        return SaidAgain(why_not=in_short(error))
    labels = [labels_of(part) for part in parts]
    return said_again(
        kept, np.concatenate([np.empty(0), *labels]), np.concatenate(said) if said else np.empty(0)
    )


def _alike(kept: Any, said: Any) -> Any:
    """A part of one row says k numbers as it would say those of k rows."""
    return said.reshape(-1, *kept.shape[1:])


if __name__ == "__main__":
    sys.exit(main())
