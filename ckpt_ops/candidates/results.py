"""What training leaves for the evaluation: two models' predictions on the same rows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.candidates.as_served.asked import Scores
from ckpt_ops.candidates.champion import ChampionScore, labels_of
from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.candidates.export import by_batches, export
from ckpt_ops.candidates.forward_pass import ForwardPass
from ckpt_ops.candidates.past import PastExamples
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.evaluation import Basis, EvaluatedRows, LatencyAtMost, Past, ServableCheck, past_slices
from ckpt_ops.lineage import VersionState
from ckpt_ops.outputs import each, form, names_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Latest
from ckpt_ops.transfer.document import TransferDocument


def predict(
    model: Any,
    inputs: Mapping[str, Any],
    lengths: Mapping[str, npt.NDArray[np.int64]] | None = None,
    *,
    forward: ForwardPass | None = None,
) -> Scores:
    """The model's predictions: shape (rows,), or (rows, k) for a model that predicts k numbers.

    Of several outputs, and of positions, as `ckpt_ops.outputs` has them. Raises `ModelCodeError` for any
    other shape.

    Args:
        lengths: by output with numbers for each position, how many positions each row has, as
            `Examples.positions` has them.
        forward: the model's, for whoever predicts with it more than once; it is traced once.
    """
    rows = len(next(iter(inputs.values())))
    predictions = by_batches(forward or ForwardPass(model), inputs, lengths)
    if not names_of(predictions) and predictions.shape in ((rows,), (rows, 1)):
        return predictions.reshape(-1)
    shapes = [[one for one in shape if one is not None] for shape in form(predictions).values()]
    if len(predictions) != rows or any(len(one) > 1 for one in shapes):
        raise ModelCodeError(
            f"the model predicts {_shapes(predictions)} for {rows} rows; gates evaluate one number a row, "
            f"shape ({rows},) or ({rows}, 1), or the probabilities of k classes, shape ({rows}, k)",
            safe="the champion serves on; the version stays open in the log and keeps its checkpoints",
            next="end the model in Dense(1), or in Dense(k) with softmax",
        )
    return predictions


def _shapes(predictions: Scores) -> str:
    return f"shape {', '.join(str(one.shape) for one in each(predictions).values())}"


def write_results(
    pipeline: Pipeline,
    store: Store,
    version: VersionState,
    token: int,
    model: Any,
    data: TrainingData,
    champion: ChampionScore | None,
    past: PastExamples | None = None,
) -> dict[str, str]:
    """Write predictions on the held-out rows and the SavedModel; returns object names by kind."""
    folder = _folder(pipeline.name, version, token)
    forward = ForwardPass(model)
    candidate = predict(model, data.holdout.inputs, data.holdout.positions, forward=forward)
    champion = champion.beside(candidate) if champion else None
    timed = any(isinstance(gate, LatencyAtMost) for gate in pipeline.gates)
    check = export(
        model,
        store,
        f"{folder}/export",
        data.holdout,
        candidate,
        timed=timed,
        positions=data.train.follows,
    )
    evaluated = evaluated_rows_of(pipeline, version, data, candidate, champion, servable=check)
    artifacts = {"predictions": f"{folder}/predictions.parquet", "export": f"{folder}/export"}
    _write(store, artifacts["predictions"], evaluated.to_table())
    if past_slices(pipeline.gates):
        artifacts["past"] = f"{folder}/past.parquet"
        _write(store, artifacts["past"], past_of(model, champion, past, forward=forward).to_table())
    return artifacts


def write_transfer(
    store: Store, model: str, version: VersionState, token: int, document: TransferDocument
) -> str:
    """Write what the transfer that began the version came to; the object's name."""
    name = f"{_folder(model, version, token)}/transfer.json"
    store.put(name, document.encode())
    return name


def _folder(model: str, version: VersionState, token: int) -> str:
    return f"models/{model}/v{version.version}/attempt={token:06d}"


def evaluated_rows_of(
    pipeline: Pipeline,
    version: VersionState,
    data: TrainingData,
    candidate: Scores,
    champion: ChampionScore | None,
    *,
    servable: ServableCheck,
    past: Past | None = None,
) -> EvaluatedRows:
    """What the gates are shown: both models' predictions on the held-out rows."""
    keys = ", ".join(ref.key for ref in version.slices)
    newest = isinstance(pipeline.holdout, Latest)
    return EvaluatedRows(
        label=labels_of(data.holdout),
        candidate=candidate,
        champion=champion.holdout if champion else None,
        champion_missing=champion.missing if champion else "",
        former={"champion": champion.former} if champion else {},
        segments=dict(data.holdout.segments),
        groups=data.holdout.groups,
        slice=slices_of(data),
        slice_key=version.slices[-1].key,
        rows=f"{'newest rows' if newest else 'holdout'} of slice {keys}",
        drawn_from=data.held_out.rows if data.drawn else None,
        basis=Basis.LATEST if newest else Basis.HOLDOUT,
        servable=servable,
        past=past,
    )


def slices_of(data: TrainingData) -> npt.NDArray[np.str_]:
    """The key of the slice that each evaluated row comes from; shape (rows,)."""
    counts = [
        len(data.drawn[key]) if key in data.drawn else held.stop - held.start
        for key, (_, held) in data.slices.items()
    ]
    return np.repeat(np.array(list(data.slices), np.str_), counts)


def past_of(
    model: Any,
    champion: ChampionScore | None,
    past: PastExamples | None,
    *,
    forward: ForwardPass | None = None,
) -> Past:
    """Both models' predictions on what was consumed before; without rows when that is nothing."""
    missing = champion.missing if champion else ""
    if past is None:
        nothing = np.empty(0)
        before = nothing if champion and not missing else None
        return Past(
            slice=np.empty(0, np.str_),
            label=nothing,
            candidate=nothing,
            champion=before,
            champion_missing=missing,
        )
    return Past(
        slice=past.slices,
        label=labels_of(past.examples),
        candidate=predict(model, past.examples.inputs, past.examples.positions, forward=forward),
        champion=champion.past if champion else None,
        groups=past.examples.groups,
        champion_missing=missing,
        drawn_from=None if past.drawn is None else past.held_out,
    )


def _write(store: Store, name: str, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    store.put(name, buffer.getvalue())
