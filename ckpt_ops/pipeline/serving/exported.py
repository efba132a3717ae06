"""A version as it is served: its SavedModel, brought to this machine and asked for predictions.

The export and not the checkpoint: it is what the gates judged and what a model server loads, and it needs
no `build_model()`, which may have changed since.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import ModelCodeError, ObjectNotFound
from ckpt_ops.store import Store

Array = npt.NDArray[Any]
_BATCH = 4096
_SAFE = "nothing was written; the champion serves on"


@contextmanager
def exported(store: Store, name: str) -> Iterator[Path]:
    """The export, whose folder in the store is `name`, as a folder while the block runs.

    Raises `ObjectNotFound` when it is gone.
    """
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-served-") as folder:
        names = [entry.name for entry in store.list(f"{name}/")]
        if not any(one.endswith("/saved_model.pb") for one in names):
            raise ObjectNotFound(
                f"{store.url.rstrip('/')}/{name} holds no SavedModel",
                safe=_SAFE,
                next="restore it from the bucket's versions; another version may still have its own",
            )
        for one in names:
            path = Path(folder) / one.removeprefix(f"{name}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.get(one))
        yield Path(folder)


def served(folder: Path) -> Callable[[Mapping[str, Array]], Array]:
    """The SavedModel in `folder` as a function of inputs by name, shape (rows, ...); see `by_batches`."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))

    def ask(batch: Mapping[str, Array]) -> Any:
        tensors = {name: tf.convert_to_tensor(column) for name, column in batch.items()}
        if hasattr(loaded, "serve"):  # as Keras exports it, and as it was judged
            return loaded.serve(tensors)
        return loaded.signatures["serving_default"](**tensors)

    return lambda inputs: by_batches(ask, inputs)


def by_batches(ask: Callable[[Mapping[str, Array]], Any], inputs: Mapping[str, Array]) -> Array:
    """What `ask` says of the rows, 4,096 at a time: shape (rows,), or (rows, k) for k > 1 numbers a row.

    Raises `ModelCodeError` when it says anything else.
    """
    rows = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, rows, _BATCH):
        batch = {name: column[start : start + _BATCH] for name, column in inputs.items()}
        parts.append(_one_output(ask(batch), len(next(iter(batch.values())))))
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _one_output(said: Any, rows: int) -> Array:
    outputs = list(said.values()) if isinstance(said, Mapping) else [said]
    found = [np.asarray(output) for output in outputs]
    shapes = ", ".join(str(one.shape) for one in found)
    if len(found) != 1 or found[0].shape[:1] != (rows,) or found[0].ndim > 2:
        raise ModelCodeError(
            f"the model says {shapes} of {rows} rows: one number or k numbers a row are kept",
            safe=_SAFE,
            next="let the model have one output of shape (rows,) or (rows, k)",
        )
    (output,) = found
    return output.reshape(-1) if output.size == rows else output
