"""What layers hold beside variables: vocabularies, tables, bounds, constants; some made of variables.

A checkpoint holds variables. What else shapes a model's predictions is made by `build_model()` each time,
perhaps from files, and restoring does not bring it back. So a manifest keeps a digest of it, and a
checkpoint is not restored into a model in which it differs.

Some of it is made from variables: `Normalization` keeps the mean as a constant beside the variable, and so
do the weights of TF-IDF. `restore` sets the variables; `settle` makes the constants from them again.

The search covers every layer, nested and wrapped ones too, and what attributes of a `tf.Module` lead to:
tables, arrays and constant tensors, and the lists of layers with an `adapt()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from blake3 import blake3

from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.checkpoints.naming import attributes, walk
from ckpt_ops.checkpoints.restore import restore
from ckpt_ops.errors import IncompatibleCheckpoint
from ckpt_ops.store import Store

KEY = "state"
"""Its key in `Manifest.structure`. Older manifests lack it: nothing is compared then."""

_SHORT = 256
"""Arrays of up to so many fractions also keep sums: on another machine, their last bits may differ."""
_CLOSE = 1e-5

LayerState = Mapping[str, Mapping[str, Any]]


def layer_state(model: Any) -> dict[str, dict[str, Any]]:
    """What the model holds beside its variables, by `{layer's path}/{attribute}/...`: kind, size and digest.

    Call this before the model is used: a layer may keep what it saw last.
    """
    return {
        name: described
        for layer, path in holders(model)
        for name, value in _held_by(layer, path)
        if not (_makes_constants(layer) and _is_array(value))
        if (described := _described(value)) is not None
    }


def check_state(manifest: Manifest, state: LayerState) -> None:
    """Raises `IncompatibleCheckpoint` naming what layers hold differently than at the checkpoint."""
    kept: LayerState | None = manifest.structure.get(KEY)
    if kept is None:
        return
    found = [f"{name}: {message}" for name, message in differences(kept, state).items()]
    if found:
        raise IncompatibleCheckpoint(
            f"what layers hold beside their variables differs from the checkpoint of {manifest.model} "
            f"v{manifest.version} step {manifest.step}:\n  " + "\n  ".join(found),
            safe="no variable was changed; the checkpoint is intact",
            next="undo the change of build_model() or of the file that it reads: this checkpoint fits the "
            "model that it was saved from",
        )


def differences(kept: LayerState, state: LayerState) -> dict[str, str]:
    """By place, how what layers hold today differs from what a checkpoint says: a text for people."""
    compared = ((name, _difference(kept.get(name), state.get(name))) for name in sorted({*kept, *state}))
    return {name: message for name, message in compared if message}


def restore_model(
    store: Store,
    manifest: Manifest,
    model: Any,
    variables: Mapping[str, Any],
    state: LayerState,
    *,
    own: Callable[[str], bool] = lambda name: False,
) -> None:
    """Restore the model to the checkpoint: its variables, and what layers make of them.

    Args:
        state: `layer_state` of the model as it was built.
        own: see `restore`.

    Raises:
        IncompatibleCheckpoint: names, shapes or dtypes differ, or what layers hold beside them.
        Corrupt, ObjectNotFound: a chunk is damaged or missing. No variable was changed.
    """
    check_state(manifest, state)
    restore(store, manifest, variables, own=own)
    settle(model)


def settle(model: Any) -> None:
    """Let layers make their constants again from variables that were set from outside."""
    changed = False
    for layer, path in holders(model):
        if _makes_constants(layer):
            before = _constants(layer, path)
            layer.finalize_state()
            changed = changed or _constants(layer, path) != before
    if changed:  # traced functions have the old ones in their graph
        for function in ("train_function", "test_function", "predict_function"):
            if hasattr(model, function):
                setattr(model, function, None)


def holders(model: Any) -> Iterator[tuple[Any, str]]:
    """Every layer of a Keras model; a `tf.Module`, and the layers that it leads to. Each with its path."""
    import keras

    if isinstance(model, keras.Layer):
        yield from ((layer, layer.path or layer.name) for layer in model._flatten_layers())
        return
    yield model, ""
    for name, found in _held_by(model, ""):
        if isinstance(found, keras.Layer):  # by their place: Keras numbers names by what was built before
            layers = enumerate(found._flatten_layers())
            yield from ((layer, f"{name}/{place}" if place else name) for place, layer in layers)


def _held_by(layer: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What attributes lead to. A list that `adapt()` found counts as one; `input_...` is what it came from.

    Left out is what every layer has: it is Keras' own and may differ in its next version.
    """
    adapts = hasattr(layer, "adapt")
    for attribute, value in attributes(layer):
        if attribute in _of_every_layer() or (adapts and attribute.startswith("input_")):
            continue
        name = f"{path}/{attribute}" if path else attribute
        if adapts and not attribute.startswith("_") and isinstance(value, list | tuple) and _is_plain(value):
            yield name, np.asarray(value)
        else:
            yield from walk(value, name, set())


@cache
def _of_every_layer() -> frozenset[str]:
    import keras

    variables = {"_trainable_variables", "_non_trainable_variables"}
    return frozenset(vars(keras.layers.Layer(name="any"))) - variables


def _makes_constants(layer: Any) -> bool:
    """Whether it has a `finalize_state()`, and variables of its own to make constants from."""
    import keras
    import tensorflow as tf

    variables = tf.Variable | keras.Variable
    return hasattr(layer, "finalize_state") and any(
        isinstance(value, variables) for _, value in _held_by(layer, "")
    )


def _constants(layer: Any, path: str) -> list[tuple[str, Any]]:
    return [(name, _described(value)) for name, value in _held_by(layer, path) if _is_array(value)]


def _is_array(value: Any) -> bool:
    """An array or a constant of numbers or text: no symbolic tensor, and no Python objects in it."""
    import tensorflow as tf

    if isinstance(value, tf.Tensor):
        return hasattr(value, "numpy") and value.dtype not in (tf.resource, tf.variant)
    if isinstance(value, np.ndarray):
        return value.dtype.kind != "O" or all(isinstance(one, str | bytes) for one in value.ravel())
    return False


def _is_plain(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(isinstance(one, str | bytes | int | float) for one in value)


def _described(value: Any) -> dict[str, Any] | None:
    """How a manifest describes it; None when it is no state, or is empty."""
    if _is_array(value):
        return _of_array(np.asarray(value))
    table = getattr(value, "_table", value)  # of a vocabulary table with buckets for what it lacks
    if hasattr(table, "key_dtype") and callable(getattr(table, "export", None)):
        keys, values = (np.asarray(one) for one in table.export())
        order = np.argsort(keys, kind="stable")
        digest = _digest(keys[order], values[order])
        return {"kind": "table", "size": int(keys.size), "digest": digest} if keys.size else None
    return None


def _of_array(value: npt.NDArray[Any]) -> dict[str, Any]:
    dtype = "text" if value.dtype.kind in "OSU" else value.dtype.name
    described = {"kind": "array", "shape": list(value.shape), "dtype": dtype, "digest": _digest(value)}
    if value.dtype.kind == "f" and value.size <= _SHORT and np.isfinite(value).all():
        described["sums"] = _sums(value.ravel().astype(np.float64))
    return described


def _sums(values: npt.NDArray[np.float64]) -> list[float]:
    """Three sums that tell arrays apart which are not nearly the same. The values may be those of rows."""
    places = np.arange(1, values.size + 1)
    return [float(values @ np.cos(places)), float(values @ np.sin(places)), float(np.abs(values).sum())]


def _digest(*arrays: npt.NDArray[Any]) -> str:
    hashed = blake3()
    for array in arrays:
        if array.dtype.kind in "OSU":
            texts = [one if isinstance(one, bytes) else str(one).encode() for one in array.ravel()]
            hashed.update(b"".join(len(one).to_bytes(8, "little") + one for one in texts))
        else:
            swapped = array.byteswap() if array.dtype.byteorder == ">" else array
            hashed.update(np.ascontiguousarray(swapped).tobytes())
    return hashed.hexdigest()[:32]


def _difference(kept: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> str:
    """As text; "" when they are the same."""
    if kept is None or found is None:
        one = found if kept is None else kept
        where = "model" if kept is None else "checkpoint"
        # a different version of Keras may bring an array; without a table, a word gets a different number
        return f"{_message(one)}, in the {where} only" if one and one["kind"] == "table" else ""
    same = ("kind", "digest", "shape", "dtype")
    if all(kept.get(what) == found.get(what) for what in same):
        return ""
    was, now = kept.get("sums"), found.get("sums")
    if (
        was
        and now
        and kept["shape"] == found["shape"]
        and np.allclose(was, now, rtol=0.0, atol=_CLOSE * was[2])
    ):
        return ""
    return f"{_message(found)}; the checkpoint has a different one, {_message(kept)}"


def _message(described: Mapping[str, Any]) -> str:
    if described["kind"] == "table":
        return f"a table of {described['size']:,} entries"
    return f"an array {described['dtype']}{described['shape']}"
