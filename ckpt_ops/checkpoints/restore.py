"""From a manifest back to tensors and variables.

All chunks of all segments are read in parallel, checked, and put straight into one buffer per segment.
For large tensors those buffers are TensorFlow's own tensors: a variable takes one over as it is, and the
first step after that may write to it in place. Nothing that was read is copied again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.chunks import CHUNK_BYTES, read_chunk
from ckpt_ops.checkpoints.manifest import Manifest, Segment
from ckpt_ops.checkpoints.segments import apply_delta
from ckpt_ops.checkpoints.sound import DTYPES
from ckpt_ops.errors import Corrupt, IncompatibleCheckpoint
from ckpt_ops.store import Store
from ckpt_ops.store.content import chunk_name
from ckpt_ops.store.named import Named, read_named

_READS = 8

AVERAGE = "<average>/"
"""Prefix of the names of running averages: checkpoints on the way may hold them, a model has none."""
BEST = "<best>/"
"""Prefix of what a training that may stop early remembers: its best weights so far, and their metric."""
BESIDE = (AVERAGE, BEST)

Octets = npt.NDArray[np.uint8]


def load_manifest(store: Store, named: Named | str) -> Manifest:
    """The manifest that a commit or a record names; by its name alone where nobody knows its hash.

    Raises:
        ObjectNotFound: it is gone.
        Corrupt: it is not the one that was committed, or is not sound.
    """
    if isinstance(named, str):
        named = Named(name=named)
    return Manifest.decode(read_named(store, named), name=f"{store.url}/{named.name}")


def read_tensors(store: Store, manifest: Manifest) -> dict[str, npt.NDArray[Any]]:
    """Every tensor of the checkpoint by name, each chunk checked against its hash."""
    return _read(store, manifest, lambda segment: np.empty(segment.nbytes, np.uint8))


def _none(name: str) -> bool:
    return False


def restore(
    store: Store,
    manifest: Manifest,
    variables: Mapping[str, Any],
    *,
    own: Callable[[str], bool] = _none,
) -> None:
    """Set `variables` to the checkpoint's values. All are checked before the first is set.

    Running averages and best weights belong to the training that keeps them: they are set where both sides
    have them.

    Args:
        own: whether the variable of this name is the model's own: it is not set, and either side may lack it.

    Raises:
        IncompatibleCheckpoint: names, shapes or dtypes differ; the message says which.
        Corrupt, ObjectNotFound: a chunk is damaged or missing. No variable was changed.
    """
    import tensorflow as tf

    check_fits(manifest, variables, own=own)
    owned: dict[str, Any] = {}

    def buffer(segment: Segment) -> Octets:
        if len(segment.tensors) > 1:
            return np.empty(segment.nbytes, np.uint8)
        (entry,) = segment.tensors
        with tf.device("CPU:0"):
            owned[entry.name] = tf.raw_ops.Empty(shape=entry.shape, dtype=entry.dtype)
        return _octets_of(owned[entry.name])

    tensors = _read(store, manifest, buffer)
    for name, variable in variables.items():
        if own(name) or (name.startswith(BESIDE) and name not in tensors and name not in owned):
            continue
        tensor = owned.pop(name) if name in owned else tf.convert_to_tensor(tensors[name])
        tensorflow_variable(variable).assign(tensor)


def _read(
    store: Store, manifest: Manifest, buffer: Callable[[Segment], Octets]
) -> dict[str, npt.NDArray[Any]]:
    tensors: dict[str, npt.NDArray[Any]] = {}
    with ThreadPoolExecutor(_READS) as pool:
        reading = [_begin(store, segment, buffer(segment), pool) for segment in manifest.segments]
        for segment, (octets, whole, deltas) in zip(manifest.segments, reading, strict=True):
            for read in whole:
                read.result()
            for entry in segment.tensors:
                flat = octets[entry.offset : entry.offset + entry.nbytes].view(DTYPES[entry.dtype])
                tensors[entry.name] = flat.reshape(entry.shape)
            for delta, chunks in zip(segment.deltas, deltas, strict=True):
                payload = b"".join(chunk.result() for chunk in chunks)
                apply_delta(tensors[segment.tensors[0].name], delta, payload)
    return tensors


def _begin(
    store: Store, segment: Segment, octets: Octets, pool: ThreadPoolExecutor
) -> tuple[Octets, list[Future[None]], list[list[Future[bytes]]]]:
    """Start to read a segment. Returns its buffer, the reads that fill it, and those of its deltas."""
    whole = [
        pool.submit(_read_into, store, digest, octets[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES])
        for number, digest in enumerate(segment.chunks)
    ]
    deltas = [[pool.submit(read_chunk, store, digest) for digest in delta.chunks] for delta in segment.deltas]
    return octets, whole, deltas


def _read_into(store: Store, digest: str, part: Octets) -> None:
    data = read_chunk(store, digest)
    if len(data) != len(part):
        raise Corrupt(
            f"{store.url}/{chunk_name(digest)} has {len(data)} bytes instead of {len(part)}",
            safe="no other checkpoint was touched; nothing was restored",
            next="restore the manifest that names it from a replica, or resume from an earlier checkpoint",
        )
    part[:] = np.frombuffer(data, np.uint8)


def _octets_of(tensor: Any) -> Octets:
    """The memory of a tensor that nobody else has seen yet, to be filled; as many bytes as the tensor has."""
    memory = np.asarray(tensor)
    if not memory.nbytes:
        return np.empty(0, np.uint8)
    address = memory.__array_interface__["data"][0]
    return np.ctypeslib.as_array((ctypes.c_uint8 * memory.nbytes).from_address(address))


def check_fits(
    manifest: Manifest, variables: Mapping[str, Any], *, own: Callable[[str], bool] = _none
) -> None:
    """Refuse, with `IncompatibleCheckpoint`, what `restore` would refuse, without reading a chunk."""
    stored = manifest.tensors
    differences = [
        f"{name}: in the checkpoint only"
        for name in stored
        if name not in variables and not name.startswith(BESIDE) and not own(name)
    ]
    for name, variable in variables.items():
        if own(name):
            continue
        if name not in stored:
            if name.startswith(BESIDE):
                continue
            differences.append(f"{name}: in the model only")
            continue
        entry, shape, dtype = stored[name], tuple(variable.shape), dtype_name(variable)
        if entry.shape != shape or entry.dtype != dtype:
            differences.append(
                f"{name}: checkpoint {entry.dtype}{list(entry.shape)}, model {dtype}{list(shape)}"
            )
    if differences:
        raise IncompatibleCheckpoint(
            f"the model does not fit the checkpoint of {manifest.model} v{manifest.version} "
            f"step {manifest.step}:\n  " + "\n  ".join(differences),
            safe="no variable was changed; the checkpoint is intact",
            next="undo the change of build_model(): this checkpoint fits the model that it was saved from",
        )


def dtype_name(variable: Any) -> str:
    """A numpy name, of a variable of Keras or TensorFlow."""
    dtype = variable.dtype
    return str(getattr(dtype, "name", dtype))
