"""The export of a trained model, checked where it is made: what is served must be what was evaluated."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.candidates.forward_pass import ForwardPass
from ckpt_ops.candidates.several_batches import SeveralBatches
from ckpt_ops.candidates.streaming import streamed
from ckpt_ops.checkpoints.saved_model import inputs_of, precision_of, write_saved_model
from ckpt_ops.checkpoints.warmup_requests import write_warmup_requests
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.evaluation import Latency, ServableCheck
from ckpt_ops.lists import ListColumn, cut, dense
from ckpt_ops.outputs import differences, magnitudes, names_of, numbers, together
from ckpt_ops.short_errors import in_short, where
from ckpt_ops.store import Store
from ckpt_ops.training import Examples

_PADDED_ROWS, _MORE = 64, 3
ON_PADDING = 1e-4
"""How far a prediction may move with the padding of its batch, for predictions up to 1: sums of more terms
are rounded in other places."""
_PADDED = "predictions differ by up to {:.2g} with the padding of a batch: mask it, or set Lists(length=)"
_WARM_UP, _REQUESTS = 20, 200
Scores = npt.NDArray[np.float64]


def export(
    model: Any,
    store: Store,
    name: str,
    holdout: Examples,
    candidate: Scores,
    *,
    timed: bool,
    positions: Mapping[str, str] | None = None,
) -> ServableCheck:
    """Write the SavedModel below `name`, load it again, and compare it on the held-out rows.

    Args:
        candidate: what `model` predicts for them.
        timed: measure how long a request of one row takes, on this machine.
        positions: which outputs are of positions, and of which input's, as `Examples.follows` has them; None:
            as `holdout` has them.
    """
    positions = holdout.follows if positions is None else positions
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-export-") as folder:
        check = _checked(model, Path(folder), holdout, candidate, timed=timed, positions=positions)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                store.put(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return check


def _checked(
    model: Any,
    folder: Path,
    holdout: Examples,
    candidate: Scores,
    *,
    timed: bool,
    positions: Mapping[str, str],
) -> ServableCheck:
    import tensorflow as tf

    try:
        write_saved_model(model, folder, inputs_of(holdout.inputs), positions=positions)
        loaded = tf.saved_model.load(str(folder))
        asked = SeveralBatches(loaded.serve, traced=True)
        exported = by_batches(asked, holdout.inputs, holdout.positions)
        if not names_of(candidate):
            exported = exported.reshape(candidate.shape)
        apart, sizes = differences(exported, candidate), magnitudes(candidate)
        on_padding = _apart_by_padding(loaded.serve, holdout, candidate)
        latency = _latency(loaded.serve, holdout.inputs) if timed and holdout.rows else None
        write_warmup_requests(loaded, folder)
    except Exception as error:  # noqa: BLE001 - whatever the export raises is the gate's verdict
        print(f"the export failed, at\n{where(error)}{in_short(error, longest=4_000)}", flush=True)
        return ServableCheck(max_abs_difference=None, rows=0, error=in_short(error))
    if not on_padding <= ON_PADDING:
        print(f"predictions differ by up to {on_padding:.3g} with the padding", flush=True)
        return ServableCheck(max_abs_difference=None, rows=0, error=_PADDED.format(on_padding))
    return ServableCheck(
        max_abs_difference=float(np.max(apart, initial=0.0)),
        relative_difference=float(np.max(apart / np.maximum(1.0, sizes), initial=0.0)),
        precision=precision_of(loaded),
        rows=holdout.rows,
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        latency=latency,
    )


def _apart_by_padding(serve: Callable[[Any], Any], holdout: Examples, candidate: Scores) -> float:
    """How far predictions move, by the size of what was predicted, when lists are padded further.

    Which lists share a batch is different wherever the model is served: a request of one row has no padding.
    """
    import tensorflow as tf

    rows = slice(0, _PADDED_ROWS)
    some = {name: column[rows] for name, column in holdout.inputs.items()}
    if (
        not any(isinstance(one, ListColumn) and one.length is None for one in some.values())
        or not holdout.rows
    ):
        return 0.0

    def widened(column: Any) -> Any:
        free = isinstance(column, ListColumn) and column.length is None
        return tf.convert_to_tensor(column.padded(more=_MORE) if free else dense(column))

    lengths = {name: one[rows] for name, one in holdout.positions.items()}
    found = _numbers(serve({name: widened(one) for name, one in some.items()}), lengths)
    found = found if names_of(candidate) else found.reshape(candidate[rows].shape)
    sizes = np.maximum(1.0, magnitudes(candidate[rows]))
    return float(np.max(differences(found, candidate[rows]) / sizes, initial=0.0))


def _latency(serve: Callable[[Any], Any], inputs: Mapping[str, Any]) -> Latency:
    """One row a request, one request after the other."""
    import tensorflow as tf

    rows = len(next(iter(inputs.values())))
    taken = []
    for request in range(_WARM_UP + _REQUESTS):
        at = request % rows
        row = {name: tf.convert_to_tensor(dense(column[at : at + 1])) for name, column in inputs.items()}
        began = time.perf_counter()
        answer = serve(row)
        for output in answer.values() if isinstance(answer, Mapping) else (answer,):
            np.asarray(output)
        taken.append(1000 * (time.perf_counter() - began))
    p50, p95, p99 = np.quantile(taken[_WARM_UP:], (0.5, 0.95, 0.99)).tolist()
    return Latency(p50_ms=p50, p95_ms=p95, p99_ms=p99, requests=_REQUESTS)


def by_batches(
    model: SeveralBatches | ForwardPass,
    inputs: Mapping[str, Any],
    lengths: Mapping[str, npt.NDArray[np.int64]] | None = None,
) -> Scores:
    """What `model` predicts on the rows, in batches: memory does not grow with their number.

    Several outputs, a mapping by name, are one array, as `ckpt_ops.outputs` has them.

    Args:
        lengths: by output with numbers for each position, how many positions each row has.
    """
    import tensorflow as tf

    def ready(rows: slice) -> dict[str, Any]:
        return {name: tf.convert_to_tensor(dense(column[rows])) for name, column in inputs.items()}

    chosen = model.over(inputs, ready)

    def ask(rows: slice, batches: Mapping[str, Any]) -> Scores:
        return _numbers(chosen.ask(batches), {name: one[rows] for name, one in (lengths or {}).items()})

    found = streamed(len(next(iter(inputs.values()))), ready, ask, at_once=chosen.at_once)
    return np.empty(0) if found is None else found


def _numbers(predicted: Any, lengths: Mapping[str, npt.NDArray[np.int64]]) -> Scores:
    if isinstance(predicted, Mapping):
        found = {
            name: _numbers(one, {"": lengths[name]} if name in lengths else {})
            for name, one in predicted.items()
        }
        return numbers(together(found))
    if isinstance(predicted, list | tuple):
        raise ModelCodeError(
            f"the model predicts a {type(predicted).__name__} of {len(predicted)} outputs without names",
            safe="the champion serves on; the version stays open in the log and keeps its checkpoints",
            next="let the model return one tensor, shape (rows,), (rows, 1) or (rows, classes), or a mapping "
            "of such by the outputs' names",
        )
    array = np.atleast_1d(np.asarray(predicted, np.float64))
    if "" not in lengths:
        return array
    cells = cut(array, lengths[""])
    if cells is None:
        rows, longest = len(lengths[""]), lengths[""].max(initial=0)
        raise ModelCodeError(
            f"the model predicts shape {array.shape} for {rows} rows of up to {longest} positions",
            safe="the champion serves on; the version stays open in the log and keeps its checkpoints",
            next="let it predict for each position, shape (rows, length, 1) or (rows, length, k)",
        )
    return numbers(cells)
