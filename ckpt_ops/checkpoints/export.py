"""A checkpoint in the formats of other libraries.

| format | holds | opened by |
|---|---|---|
| `keras` | structure, weights, optimizer | `keras.saving.load_model` |
| `tf-checkpoint` | weights, optimizer | `tf.train.Checkpoint(model=..., optimizer=...)` of the same objects |
| `safetensors` | every tensor by name; model, version, step as metadata | safetensors; needs no TensorFlow |
| `saved-model` | the forward pass | `tf.saved_model.load`, TensorFlow Serving |

A `tf.Module` has its optimizers inside: `tf.train.Checkpoint(model=...)` opens it; `keras` holds no module.

Only `safetensors` keeps the state of seed generators: `.keras` files have no place for it, and
TensorFlow's checkpoints do not track a Keras seed generator. A training resumed from those two draws
different dropout masks than one resumed from the checkpoint. And the cursor, the training's position in
its data, is in the manifest only. These formats are for using a model elsewhere, not for exact resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.checkpoints.atomic_output import check_new, whole
from ckpt_ops.checkpoints.saved_model import InputSpec, write_saved_model
from ckpt_ops.errors import BadInput


class Format(Enum):
    """What a checkpoint can be written as."""

    KERAS = "keras"
    TF_CHECKPOINT = "tf-checkpoint"
    SAFETENSORS = "safetensors"
    SAVED_MODEL = "saved-model"

    @property
    def needs_model(self) -> bool:
        """Whether it takes the built model; else the tensors are enough."""
        return self is not Format.SAFETENSORS


def check_output(out: Path, format: Format) -> None:
    """Refuse, with `BadInput` and before any work, what `export_model` or `export_tensors` would refuse."""
    if format is Format.KERAS and out.suffix != ".keras":
        raise BadInput("OUT", str(out), "a name that ends in .keras: Keras opens no other name")
    check_new(out)


def export_tensors(
    tensors: Mapping[str, np.ndarray[Any, Any]], out: Path, *, about: Mapping[str, str]
) -> None:
    """Write `tensors` by name as the safetensors file `out`; bfloat16 stays bfloat16.

    Args:
        about: the file's `__metadata__`.

    Raises:
        BadInput: `out` exists, or its folder does not.
        ExportFailed: the format lacks a dtype, such as strings, or the file could not be written.
    """
    from safetensors.numpy import save_file

    check_output(out, Format.SAFETENSORS)
    # The library copies memory as it is: a transposed view would be written in the wrong order.
    contiguous = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    with whole(out) as staged:
        save_file(contiguous, staged, dict(about))


def export_model(
    model: Any, format: Format, out: Path, *, inputs: Mapping[str, InputSpec] | None = None
) -> None:
    """Write `model`, a compiled and built Keras model or a `tf.Module`, with its present values, as `out`.

    `keras` makes a file, `tf-checkpoint` and `saved-model` a folder. The checkpoint in a `tf-checkpoint`
    folder is the one that `tf.train.latest_checkpoint(out)` names.

    Args:
        inputs: what the model takes, by name; used for `saved-model`, where a module needs it.

    Raises:
        BadInput: `out` exists, or its folder does not; `format` is safetensors, or `keras` for a module.
        ExportFailed: it could not be written, or the model cannot be exported.
    """
    check_output(out, format)
    if format is Format.KERAS and not hasattr(model, "save"):
        others = "saved-model, tf-checkpoint or safetensors: a tf.Module is not a Keras model"
        raise BadInput("format", format.value, others)
    with whole(out) as staged:
        match format:
            case Format.KERAS:
                model.save(staged)
            case Format.TF_CHECKPOINT:
                import tensorflow as tf

                beside = {} if isinstance(model, tf.Module) else {"optimizer": model.optimizer}
                tf.train.Checkpoint(model=model, **beside).save(str(staged / "ckpt"))
            case Format.SAVED_MODEL:
                write_saved_model(model, staged, inputs)
            case Format.SAFETENSORS:
                raise BadInput("format", format.value, "a format for models; export_tensors writes this one")
