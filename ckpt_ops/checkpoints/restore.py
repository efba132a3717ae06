"""From a manifest back to tensors and variables."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ckpt_ops.checkpoints.chunks import read_chunk
from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.errors import IncompatibleCheckpoint
from ckpt_ops.store import Store

_READS = 8


def load_manifest(store: Store, name: str) -> Manifest:
    """The manifest under the object name `name`. Raises `ObjectNotFound`, `Corrupt`."""
    return Manifest.decode(store.get(name), name=f"{store.url}/{name}")


def read_tensors(store: Store, manifest: Manifest) -> dict[str, np.ndarray[Any, Any]]:
    """Every tensor of the checkpoint by name, each chunk checked against its hash."""
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    with ThreadPoolExecutor(_READS) as pool:
        for segment in manifest.segments:
            data = b"".join(pool.map(lambda digest: read_chunk(store, digest), segment.chunks))
            for entry in segment.tensors:
                flat = np.frombuffer(
                    data, dtype=_dtype(entry.dtype), count=_count(entry.shape), offset=entry.offset
                )
                tensors[entry.name] = flat.reshape(entry.shape)
    return tensors


def restore(store: Store, manifest: Manifest, variables: Mapping[str, Any]) -> None:
    """Set `variables` to the checkpoint's values. All are compared before the first is set.

    Raises:
        IncompatibleCheckpoint: names, shapes or dtypes differ; the message says which.
    """
    _check(manifest, variables)
    tensors = read_tensors(store, manifest)
    for name, variable in variables.items():
        variable.assign(tensors[name])


def _check(manifest: Manifest, variables: Mapping[str, Any]) -> None:
    stored = manifest.tensors
    differences = [f"{name}: in the checkpoint only" for name in stored if name not in variables]
    for name, variable in variables.items():
        if name not in stored:
            differences.append(f"{name}: in the model only")
            continue
        entry, shape, dtype = stored[name], tuple(variable.shape), _dtype_name(variable)
        if entry.shape != shape or entry.dtype != dtype:
            differences.append(
                f"{name}: checkpoint {entry.dtype}{list(entry.shape)}, model {dtype}{list(shape)}"
            )
    if differences:
        raise IncompatibleCheckpoint(
            f"the model does not fit the checkpoint of {manifest.model} v{manifest.version} "
            f"step {manifest.step}:\n  " + "\n  ".join(differences),
            safe="no variable was changed; the checkpoint is intact",
            next="undo the change of build_model(), or give the changed model a pipeline name of its own",
        )


def _dtype_name(variable: Any) -> str:
    dtype = variable.dtype
    return str(getattr(dtype, "name", dtype))


def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(name)


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
