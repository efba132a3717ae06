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

from ckpt_ops.checkpoints.exports import fetch_export
from ckpt_ops.checkpoints.saved_model import argument_names
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage import VersionState
from ckpt_ops.outputs import together
from ckpt_ops.store import Store
from ckpt_ops.training.light_import import light_import

Array = npt.NDArray[Any]
SIGNATURE = "serving_default"
_BATCH = 4096
_SAFE = "nothing was written; the champion serves on"


@contextmanager
def exported(store: Store, version: VersionState) -> Iterator[Path]:
    """The version's export as a folder on this machine while the block runs.

    Raises `ObjectNotFound`, `Corrupt` when it is gone, or is not what was recorded.
    """
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-served-") as folder:
        fetch_export(store, version, Path(folder))
        yield Path(folder)


def served(folder: Path) -> Callable[[Mapping[str, Array]], Array]:
    """The SavedModel in `folder` as a function of inputs by name, shape (rows, ...); see `by_batches`.

    It is called by its signature, which exists however the model takes its inputs: one that Keras exported
    may take one tensor, or a list.
    """
    with light_import():
        import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    specs = loaded.signatures[SIGNATURE].structured_input_signature[1]

    def ask(batch: Mapping[str, Array]) -> Any:
        given = by_argument(batch, specs)
        dtypes = {
            name: "O" if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
            for name, spec in specs.items()
        }
        return loaded.signatures[SIGNATURE](
            **{name: tf.convert_to_tensor(as_dtype(name, given[name], dtypes[name])) for name in specs}
        )

    return lambda inputs: by_batches(ask, inputs)


def by_argument(columns: Mapping[str, Array], arguments: Iterable[str]) -> dict[str, Array]:
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


def by_batches(ask: Callable[[Mapping[str, Array]], Any], inputs: Mapping[str, Array]) -> Array:
    """What `ask` predicts on the rows, 4,096 at a time: shape (rows,), or (rows, k) for k > 1 numbers a row.

    Several outputs, a mapping by name, are one array, as `ckpt_ops.outputs` has them. Raises
    `ModelCodeError` when it returns anything else.
    """
    rows = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, rows, _BATCH):
        batch = {name: column[start : start + _BATCH] for name, column in inputs.items()}
        parts.append(_outputs(ask(batch), len(next(iter(batch.values())))))
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _outputs(answer: Any, rows: int) -> Array:
    several = answer if isinstance(answer, Mapping) else {"": answer}
    found = {name: np.asarray(output) for name, output in several.items()}
    if any(one.shape[:1] != (rows,) or one.ndim > 2 for one in found.values()):
        shapes = ", ".join(str(one.shape) for one in found.values())
        raise ModelCodeError(
            f"the model returns shape {shapes} for {rows} rows, not one number or k numbers per row",
            safe=_SAFE,
            next="let the model have outputs of shape (rows,) or (rows, k)",
        )
    flat = {name: one.reshape(-1) if one.size == rows else one for name, one in found.items()}
    return together(flat) if len(flat) > 1 else next(iter(flat.values()))
