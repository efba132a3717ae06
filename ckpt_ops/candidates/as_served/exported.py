"""A version as it is served: its SavedModel, fetched to this machine and asked for predictions.

The export, not the checkpoint: it is what the gates evaluated and what a model server loads, and it needs no
`build_model()`, which may have changed since.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.candidates.several_batches import Chosen, SeveralBatches
from ckpt_ops.candidates.streaming import streamed
from ckpt_ops.checkpoints.exports import fetch_export
from ckpt_ops.checkpoints.saved_model import argument_names, positions_in
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage import VersionState
from ckpt_ops.lists import ListColumn, cut, dense
from ckpt_ops.outputs import together
from ckpt_ops.store import Store
from ckpt_ops.training.light_import import light_import

Array = npt.NDArray[Any]
SIGNATURE = "serving_default"
_SAFE = "nothing was written; the champion serves on"


@contextmanager
def exported(store: Store, version: VersionState) -> Iterator[Path]:
    """The version's export as a folder on this machine while the block runs.

    Raises `ObjectNotFound`, `Corrupt` when it is gone, or is not what was recorded.
    """
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-served-") as folder:
        fetch_export(store, version, Path(folder))
        yield Path(folder)


def served(folder: Path) -> Callable[[Mapping[str, Any]], Array]:
    """The SavedModel in `folder` as a function of inputs by name, shape (rows, ...); see `by_batches`.

    Outputs of positions have those of the input that the export names.

    It is called by its signature, which exists however the model takes its inputs: one that Keras exported
    may take one tensor, or a list.
    """
    with light_import():
        import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    specs = loaded.signatures[SIGNATURE].structured_input_signature[1]

    dtypes = {
        name: "O" if spec.dtype == tf.string else spec.dtype.as_numpy_dtype for name, spec in specs.items()
    }

    def ready(batch: Mapping[str, Array]) -> dict[str, Any]:
        given = by_argument(batch, specs)
        return {name: tf.convert_to_tensor(as_dtype(name, given[name], dtypes[name])) for name in specs}

    positions = positions_in(folder)
    ask = SeveralBatches(lambda given: loaded.signatures[SIGNATURE](**given), traced=True)
    return lambda inputs: by_batches(ask, inputs, positions, ready=ready)


def by_argument(columns: Mapping[str, Any], arguments: Iterable[str]) -> dict[str, Any]:
    """The columns under the names that a signature has for them.

    Raises `ModelCodeError` when the signature has a name without a column.
    """
    names = list(arguments)
    if len(names) == len(columns) == 1:
        return {names[0]: next(iter(columns.values()))}
    called = argument_names(columns)
    found = {called[name]: column for name, column in columns.items()}
    if missing := sorted(set(names) - set(found)):
        raise ModelCodeError(
            f"the export takes {', '.join(sorted(names))}; the pipeline makes {', '.join(columns)}: "
            f"missing: {', '.join(missing)}",
            safe=_SAFE,
            next="let examples() and inputs() of the pipeline make what the version was trained on",
        )
    return {name: found[name] for name in names}


def as_dtype(name: str, column: Array, dtype: npt.DTypeLike) -> Array:
    """The column as the export takes it, where that is the same kind of number.

    Raises `ModelCodeError` where it is not, such as fractions for whole numbers.
    """
    wanted = np.dtype(dtype)
    text = wanted.kind in "OSU"
    if text is not (column.dtype.kind in "OSU") or not (
        text or np.can_cast(column.dtype, wanted, "same_kind")
    ):
        raise ModelCodeError(
            f"the export takes {name} as {'text' if text else wanted.name}; the pipeline makes "
            f"{column.dtype.name} of it",
            safe=_SAFE,
            next="let examples() and inputs() give a column one dtype, whatever the rows are: .astype(...)",
        )
    return column if text and wanted.kind != "O" else column.astype(wanted, copy=False)


def by_batches(
    ask: SeveralBatches | Callable[[Any], Any],
    inputs: Mapping[str, Any],
    positions: Mapping[str, Any] | None = None,
    *,
    ready: Callable[[Mapping[str, Array]], Any] = dict,
) -> Array:
    """What `ask` predicts on the rows, 4,096 at a time: shape (rows,), or (rows, k) for k > 1 numbers a row.

    Several outputs, a mapping by name, and those of positions, are one array, as `ckpt_ops.outputs` has them.
    Raises `ModelCodeError` when it returns anything else.

    Args:
        positions: by output with numbers for each position, how many positions each row has, (rows,), or the
            name of the input that has them; "" where each row has all that the model predicts.
        ready: what `ask` is called with is made of a batch by it, ahead of time.
    """
    rows = len(next(iter(inputs.values())))
    lengths = {name: _lengths(name, of, inputs) for name, of in (positions or {}).items()}

    def made(some: slice) -> Any:
        return ready({name: dense(column[some]) for name, column in inputs.items()})

    chosen = ask.over(inputs, made) if isinstance(ask, SeveralBatches) else Chosen(ask=ask, at_once=1)

    def answered(some: slice, batch: Any) -> Array:
        in_batch = {name: None if one is None else one[some] for name, one in lengths.items()}
        return _outputs(chosen.ask(batch), some.stop - some.start, in_batch)

    found = streamed(rows, made, answered, at_once=chosen.at_once)
    return np.empty(0, np.float32) if found is None else found


def _lengths(output: str, of: Any, inputs: Mapping[str, Any]) -> npt.NDArray[np.int64] | None:
    if not isinstance(of, str):
        return np.asarray(of, np.int64)
    if not of:
        return None
    column = inputs.get(of)
    if not isinstance(column, ListColumn):
        made = "no such input" if column is None else "no lists of it"
        raise ModelCodeError(
            f"the export predicts {output or 'numbers'} for the positions of {of}; the pipeline makes {made}",
            safe=_SAFE,
            next="let examples() and inputs() of the pipeline make what the version was trained on",
        )
    return column.lengths


def _outputs(answer: Any, rows: int, lengths: Mapping[str, npt.NDArray[np.int64] | None]) -> Array:
    several = answer if isinstance(answer, Mapping) else {"": answer}
    if len(several) == 1 and lengths.keys() == {""}:
        several = {"": next(iter(several.values()))}
    found = {name: np.asarray(output) for name, output in several.items()}
    of_positions = {
        name: _cells(found.pop(name), rows, lengths[name]) for name in [*found] if name in lengths
    }
    if any(one.shape[:1] != (rows,) or one.ndim > 2 for one in found.values()):
        shapes = ", ".join(str(one.shape) for one in found.values())
        raise ModelCodeError(
            f"the model returns shape {shapes} for {rows} rows, not one number or k numbers per row",
            safe=_SAFE,
            next="let the model have outputs of shape (rows,) or (rows, k)",
        )
    flat = {name: one.reshape(-1) if one.size == rows else one for name, one in found.items()} | of_positions
    return together(flat) if len(flat) > 1 else next(iter(flat.values()))


def _cells(output: Array, rows: int, lengths: npt.NDArray[np.int64] | None) -> Array:
    output = output[..., 0] if output.ndim == 3 and output.shape[2] == 1 else output
    whole = output.shape[1] if output.ndim > 1 else 0
    cells = cut(output, np.full(rows, whole) if lengths is None else lengths)
    if cells is None:
        raise ModelCodeError(
            f"the model returns shape {output.shape} for {rows} rows, not a number or k numbers per position",
            safe=_SAFE,
            next="let the model have an output of shape (rows, length, 1) or (rows, length, k)",
        )
    return cells
