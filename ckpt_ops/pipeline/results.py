"""What training leaves for those who judge and serve: predictions and the export."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
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
    newest = metrics_of(
        np.asarray(data.newest.labels, np.float64).reshape(-1), predict(model, data.newest.inputs)
    )
    return ChampionScore(holdout=predict(model, data.holdout.inputs), newest=newest)


def predict(model: Any, inputs: Mapping[str, npt.NDArray[Any]]) -> Scores:
    """The model's predictions, shape (rows,). Raises `ModelCodeError` for another shape."""
    rows = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, rows, _BATCH):
        batch = {name: _tensor(column[start : start + _BATCH]) for name, column in inputs.items()}
        parts.append(np.asarray(model(batch, training=False), np.float64))
    predictions = np.concatenate(parts)
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
        inputs = {name: _tensor(column) for name, column in holdout.inputs.items()}
        exported = np.asarray(loaded.serve(inputs), np.float64).reshape(-1)
    except Exception as error:  # noqa: BLE001 - whatever the export raises is the gate's verdict
        return ServableCheck(max_abs_difference=None, rows=0, error=f"{type(error).__name__}: {error}")
    return ServableCheck(
        max_abs_difference=float(np.max(np.abs(exported - candidate), initial=0.0)), rows=holdout.rows
    )


def _tensor(column: npt.NDArray[Any]) -> Any:
    import tensorflow as tf

    return tf.convert_to_tensor(column)
