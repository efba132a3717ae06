"""What training leaves for those who judge and serve: predictions and the export."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.evaluation import Judged, ServableCheck, metrics_of
from ckpt_ops.lineage import VersionState
from ckpt_ops.pipeline.data import TrainingData
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Examples

_BATCH = 4096
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChampionScore:
    """What the champion says before the candidate trains.

    Attributes:
        holdout: its predictions on the held-out rows, shape (rows,).
        newest: its metrics on every row of the newest slice: nothing has trained on them.
    """

    holdout: Scores
    newest: dict[str, float]


def score(model: Any, data: TrainingData) -> ChampionScore:
    """Test, then train: the champion on rows that it has not seen."""
    labels = np.concatenate([np.asarray(part.labels, np.float64).reshape(-1) for part in data.newest])
    predictions = np.concatenate([predict(model, part.inputs) for part in data.newest])
    return ChampionScore(holdout=predict(model, data.holdout.inputs), newest=metrics_of(labels, predictions))


def predict(model: Any, inputs: Mapping[str, npt.NDArray[Any]]) -> Scores:
    """The model's predictions, shape (rows,). Raises `ModelCodeError` for another shape."""
    rows = len(next(iter(inputs.values())))
    predictions = _by_batches(lambda batch: model(batch, training=False), inputs)
    if predictions.size != rows:
        raise ModelCodeError(
            f"the model predicts shape {predictions.shape} for {rows} rows; gates judge one number a row",
            safe="the champion serves on; the version stays open in the log and keeps its checkpoints",
            next="end the model in Dense(1)",
        )
    return predictions.reshape(-1)


def write_results(
    pipeline: Pipeline,
    store: Store,
    version: VersionState,
    token: int,
    model: Any,
    data: TrainingData,
    champion: ChampionScore | None,
) -> dict[str, str]:
    """Write predictions on the held-out rows and the SavedModel; object names by kind."""
    folder = f"models/{pipeline.name}/v{version.version}/attempt={token:06d}"
    candidate = predict(model, data.holdout.inputs)
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-export-") as export:
        check = _export(model, Path(export), data.holdout, candidate)
        for path in sorted(Path(export).rglob("*")):
            if path.is_file():
                store.put(f"{folder}/export/{path.relative_to(export).as_posix()}", path.read_bytes())
    keys = ", ".join(ref.key for ref in version.slices)
    judged = Judged(
        label=np.asarray(data.holdout.labels, np.float64).reshape(-1),
        candidate=candidate,
        champion=champion.holdout if champion else None,
        segments=dict(data.holdout.segments),
        slice_key=version.slices[-1].key,
        rows=f"holdout of slice {keys}",
        servable=check,
    )
    buffer = io.BytesIO()
    pq.write_table(judged.to_table(), buffer)
    predictions = f"{folder}/predictions.parquet"
    store.put(predictions, buffer.getvalue())
    return {"predictions": predictions, "export": f"{folder}/export"}


def _export(model: Any, folder: Path, holdout: Examples, candidate: Scores) -> ServableCheck:
    """Export, load what was exported, and compare: what is served must be what was judged."""
    import tensorflow as tf

    try:
        model.export(str(folder), verbose=False)
        loaded = tf.saved_model.load(str(folder))
        exported = _by_batches(loaded.serve, holdout.inputs).reshape(-1)
    except Exception as error:  # noqa: BLE001 - whatever the export raises is the gate's verdict
        return ServableCheck(max_abs_difference=None, rows=0, error=f"{type(error).__name__}: {error}")
    return ServableCheck(
        max_abs_difference=float(np.max(np.abs(exported - candidate), initial=0.0)), rows=holdout.rows
    )


def _by_batches(model: Callable[[Any], Any], inputs: Mapping[str, npt.NDArray[Any]]) -> Scores:
    """What `model` says of the rows, asked so many at a time that memory does not follow their number."""
    import tensorflow as tf

    parts = [np.empty(0)]
    for start in range(0, len(next(iter(inputs.values()))), _BATCH):
        batch = {
            name: tf.convert_to_tensor(column[start : start + _BATCH]) for name, column in inputs.items()
        }
        parts.append(np.asarray(model(batch), np.float64))
    return np.concatenate(parts[1:] or parts)
