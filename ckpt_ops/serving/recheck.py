"""Do exports still predict what was evaluated? Each predicts its held-out rows again, in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckpt_ops.candidates.as_served.exported import exported, served
from ckpt_ops.candidates.champion import labels_of
from ckpt_ops.candidates.kept_predictions import PredictionsAgain, kept_predictions, predictions_again
from ckpt_ops.errors import CkptOpsError, PredictionDied
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lists import is_cells
from ckpt_ops.outputs import cut_to, joined, names_of, numbers
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.serving.objects import exported_version, is_leaving
from ckpt_ops.serving.rows import evaluated, held_out
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store
from ckpt_ops.worker import Ended, Note, tell


@dataclass(frozen=True, kw_only=True)
class RecheckRequest(ModelRequest):
    """Let the exports of `versions` predict again."""

    versions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Rechecked:
    """The result for each of the versions, in the order of the request."""

    results: tuple[PredictionsAgain, ...]


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
    """By version, the result for its export, as `PredictionsAgain.to_json` gives it.

    Raises:
        PredictionDied: the process ended without an answer.
        CkptOpsError: the pipeline cannot be loaded, or the store cannot be read.
    """
    if not versions:
        return {}

    def died(ended: Ended) -> CkptOpsError:
        return PredictionDied(
            f"the process that checks exports of {pipeline.name} {ended.message}",
            safe="nothing was written; the champion serves on",
            next=f"run the command again; the whole log is {ended.log}",
        )

    request = RecheckRequest(
        pipeline=pipeline.name, store=store.url, version=versions[0], versions=tuple(versions)
    )
    done = run_work(recheck_apart, request, pipeline, named="recheck", report=report, died=died)
    return {number: one.to_json() for number, one in zip(versions, done.results, strict=True)}


def recheck_apart(request: RecheckRequest) -> Rechecked:
    """As `asked_again`, of each version."""
    pipeline, store = request.opened()
    return Rechecked(results=tuple(asked_again(pipeline, store, number) for number in request.versions))


def asked_again(pipeline: Pipeline, store: Store, number: int) -> PredictionsAgain:
    """Load the export of version `number`, let it predict its held-out rows, and compare with what was kept.

    What is missing, or cannot be loaded or does not predict, is the reason why nothing was compared:
    an export that cannot be loaded differs without bound.
    """
    tell(Note(text=f"checking the export of version {number}"))
    version = exported_version(ModelLog(store, pipeline.name).state(), number)
    kept = kept_predictions(store, version)
    if kept is None or version.trained is None:
        return predictions_again(None, np.empty(0), np.empty(0))
    try:
        drawn = kept.drawn_from is not None
        parts = evaluated(pipeline, store, version) if drawn else list(held_out(pipeline, store, version))
        with exported(store, version) as folder:
            try:
                ask = served(folder)
                answers = [cut_to(_alike(kept.candidate, ask(part.inputs)), part.positions) for part in parts]
            except Exception as error:  # noqa: BLE001 - whatever it raises is what was found
                broken = f"the export does not predict: {in_short(error)}"
                return PredictionsAgain(difference=float("inf"), why_not=broken)
    except CkptOpsError as error:
        return PredictionsAgain(why_not=in_short(error))
    labels = [labels_of(part) for part in parts]
    return predictions_again(kept, joined(labels), joined(answers))


def _alike(kept: Any, answer: Any) -> Any:
    """Predictions in the shape of `kept`: a part of one row has k numbers as k rows would have."""
    if names_of(kept) or names_of(answer):
        return numbers(answer)
    return numbers(answer) if is_cells(answer) else answer.reshape(-1, *kept.shape[1:])
