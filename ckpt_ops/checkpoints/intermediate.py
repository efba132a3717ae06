"""Intermediate results of a training: what its layers do with a few fixed rows, and how far they move.

For inspecting a model while it trains, not for resuming. One `.npz` a capture, under
`models/{model}/v{version}/iter_num={step}/intermediate_results/`:

| array | shape | |
|---|---|---|
| `activations/{layer}` | the layer's output on the probe rows | |
| `gradients/{layer}` | the same | of the loss by that output |
| `predictions`, `labels` | (rows, ...) | of the probe rows; of several outputs `predictions/{output}` ... |
| `loss` | () | on the probe rows |
| `update_norm/{layer}` | () | Euclidean norm of the change in the layer's weights since the capture before |
| `since_step`, `step` | () | between which that was |
| `metrics/{name}` | () | of training so far |

The probe runs the model in inference mode, so no state of the training changes: the weights that come
out are, bit for bit, those of a training that recorded nothing.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops import checks
from ckpt_ops.checkpoints.capture import Snapshot, capture
from ckpt_ops.checkpoints.model_inputs import as_taken, as_trained, by_name
from ckpt_ops.checkpoints.triggers import SaveTrigger, SinceSave
from ckpt_ops.checkpoints.writer import BackgroundWriter
from ckpt_ops.errors import BadInput
from ckpt_ops.outputs import as_given
from ckpt_ops.store import Store

_FOLDER = "intermediate_results"
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Intermediate:
    """What to record, and when.

    Attributes:
        layers: names of layers of the model, as `model.get_layer` takes them.
        save: when a capture is due.
        rows: how many of the held-out rows, from the first, are the probe.
        latest_only: a capture replaces the previous one; otherwise all stay.
    """

    layers: tuple[str, ...]
    save: SaveTrigger
    rows: int = 32
    latest_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise BadInput("Intermediate.layers", self.layers, "the name of at least one layer")
        checks.whole("Intermediate.rows", self.rows)


class IntermediateWriter:
    """Captures what `settings` ask for of a Keras model on the probe rows, and writes it to `store`.

    Args:
        inputs, labels: the probe rows, as the model takes them; labels of several outputs by name.
        weights: of the labels of positions, which may be padded, as the loss takes them; None: all count.
        folder: the version's folder in the store.
        suffix: of the file's name, before `.npz`: it tells attempts apart.
        step: the step that training begins or resumes at.

    Raises:
        BadInput: the model has no such layer, or no loss to take gradients of.
    """

    def __init__(
        self,
        store: Store,
        model: Any,
        settings: Intermediate,
        *,
        inputs: Mapping[str, npt.NDArray[Any]],
        labels: Any,
        folder: str,
        weights: Any = None,
        suffix: str = "",
        step: int = 0,
    ) -> None:
        self._store, self._model, self._settings = store, model, settings
        self._inputs, self._labels, self._counted = inputs, labels, weights
        self._folder, self._suffix = folder, suffix
        self._layers = [_layer(model, name) for name in settings.layers]
        _check_loss(model)
        self._before = self._weights(step)
        self._saved_at = time.monotonic()

    def name_of(self, step: int) -> str:
        return f"{self._folder}/iter_num={step}/{_FOLDER}/results{self._suffix}.npz"

    def after_step(
        self, step: int, metrics: Callable[[], Mapping[str, float]], writer: BackgroundWriter, *, wanted: bool
    ) -> None:
        """Capture if one is due or `wanted`; the file is written after `writer`'s other work."""
        now = time.monotonic()
        since = SinceSave(steps=step - self._before.step, seconds=now - self._saved_at)
        if not wanted and not self._settings.save.due(since):
            return
        found = probe(self._model, self._layers, self._inputs, self._labels, self._counted)
        found |= {f"metrics/{name}": np.asarray(value) for name, value in metrics().items()}
        before, after = self._before, self._weights(step)
        self._before, self._saved_at = after, now
        writer.run(lambda: self._write(step, found, before, after))

    def _weights(self, step: int) -> Snapshot:
        return capture({each.path: each for each in self._model.trainable_variables}, step=step)

    def _write(self, step: int, found: Arrays, before: Snapshot, after: Snapshot) -> None:
        buffer = io.BytesIO()
        steps = {"step": np.asarray(step), "since_step": np.asarray(before.step)}
        arrays: dict[str, Any] = {**found, **update_norms(before, after), **steps}
        np.savez(buffer, **arrays)
        self._store.put(self.name_of(step), buffer.getvalue())
        if self._settings.latest_only:
            for entry in self._store.list(f"{self._folder}/iter_num="):
                if f"/{_FOLDER}/" in entry.name and entry.name != self.name_of(step):
                    self._store.delete(entry.name)


def probe(
    model: Any,
    layers: list[Any],
    inputs: Mapping[str, npt.NDArray[Any]],
    labels: Any,
    weights: Any = None,
) -> Arrays:
    """Activations of `layers`, the loss's gradients by them, predictions and loss; in inference mode."""
    import tensorflow as tf

    rows = {name: tf.convert_to_tensor(column) for name, column in inputs.items()}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        with _watching(layers, tape.watch) as seen:
            predictions = model(as_taken(model, rows), training=False)
        x, y = as_trained(model, rows), tf.nest.map_structure(tf.convert_to_tensor, _given(labels))
        weighted = {} if weights is None else {"sample_weight": weights}
        loss = model.compute_loss(x=x, y=y, y_pred=predictions, **weighted, training=False)
    gradients = tape.gradient(loss, seen)
    found = {f"activations/{name}": np.asarray(value) for name, value in seen.items()}
    found |= {
        f"gradients/{name}": np.asarray(tf.convert_to_tensor(value))
        for name, value in gradients.items()
        if value is not None
    }
    return {
        **found,
        **_by_output("predictions", by_name(model, predictions)),
        **_by_output("labels", _given(labels)),
        "loss": np.asarray(loss),
    }


def _given(labels: Any) -> Any:
    return labels if isinstance(labels, Mapping) else as_given(labels)


def _by_output(kind: str, found: Any) -> Arrays:
    if not isinstance(found, Mapping):
        return {kind: np.asarray(found)}
    return {f"{kind}/{name}": np.asarray(one) for name, one in found.items()}


def update_norms(before: Snapshot, after: Snapshot) -> Arrays:
    """By layer (a weight's path without its last part), the norm of how far its weights moved."""
    squares: dict[str, float] = {}
    for path, tensor in after.tensors.items():
        layer = path.rpartition("/")[0]
        moved = np.asarray(tensor, np.float64) - np.asarray(before.tensors[path], np.float64)
        squares[layer] = squares.get(layer, 0.0) + float(np.vdot(moved, moved))
    return {f"update_norm/{layer}": np.asarray(np.sqrt(square)) for layer, square in squares.items()}


@contextmanager
def _watching(layers: list[Any], watch: Callable[[Any], None]) -> Iterator[dict[str, Any]]:
    """Inside, the output of each of `layers` is watched and kept by the layer's name."""
    seen: dict[str, Any] = {}

    def watched(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def calls(*arguments: Any, **named: Any) -> Any:
            output = call(*arguments, **named)
            watch(output)
            seen[layer.name] = output
            return output

        return calls

    for layer in layers:
        layer.call = watched(layer, layer.call)
    try:
        yield seen
    finally:
        for layer in layers:
            del layer.call


def _layer(model: Any, name: str) -> Any:
    known = [layer.name for layer in model.layers]
    if name not in known:
        raise BadInput("Intermediate.layers", name, f"a layer of {model.name}: {', '.join(known)}")
    return model.get_layer(name)


def _check_loss(model: Any) -> None:
    import keras

    own = type(model).compute_loss is not keras.Model.compute_loss
    if not own and model.loss is None and not model.losses:
        raise BadInput(
            "intermediate",
            model.name,
            "a model compiled with a loss, or with a compute_loss of its own: gradients are of that loss",
            next="leave intermediate= out, or move the loss from train_step into compute_loss",
        )
