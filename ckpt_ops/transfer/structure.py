"""What a transfer needs to know of a model: its variables, its layers, and what layers hold beside variables.

It is the same for a model in memory and for a checkpoint, whose manifest keeps the model's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ckpt_ops.checkpoints.layer_state import KEY, LayerState
from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.checkpoints.restore import BESIDE, dtype_name

MODEL, OPTIMIZER = "model/", "optimizer/"
"""What the names of a Keras model's variables, and of its optimizer's, begin with in a checkpoint."""


Values = Mapping[str, Mapping[int, str | int]]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Shape and dtype of a variable."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, kw_only=True)
class Structure:
    """The structure of one model.

    Attributes:
        variables: by their names in a checkpoint.
        config: as Keras writes it (`model.to_json()`); None for a `tf.Module`, and where Keras cannot.
        state: see `layer_state`.
        values: the value of each row that has one, by the column of a vocabulary that grows.
    """

    variables: Mapping[str, Spec]
    config: Mapping[str, Any] | None = None
    state: LayerState = field(default_factory=dict)
    values: Values = field(default_factory=dict)

    @property
    def optimizer(self) -> str:
        """The class of a Keras model's optimizer, in lower case; "" if it is not known."""
        compiled = (self.config or {}).get("compile_config") or {}
        optimizer = compiled.get("optimizer")
        if isinstance(optimizer, Mapping):
            return str(optimizer.get("class_name", "")).lower()
        return optimizer.lower() if isinstance(optimizer, str) else ""


def of_manifest(manifest: Manifest, values: Values | None = None) -> Structure:
    """The structure of a checkpoint's model, with the values of its vocabularies."""
    variables = {
        name: Spec(shape=entry.shape, dtype=entry.dtype)
        for name, entry in manifest.tensors.items()
        if not name.startswith(BESIDE)
    }
    known = manifest.structure
    return Structure(
        variables=variables,
        config=known.get("config"),
        state=known.get(KEY) or {},
        values=values or {},
    )


def of_model(
    variables: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    state: LayerState,
    values: Values | None = None,
) -> Structure:
    """The structure of a model in memory.

    Args:
        variables: see `model_variables`.
        config: as its checkpoints would keep it.
        state: see `layer_state`.
        values: those of its vocabularies.
    """
    specs = {
        name: Spec(shape=tuple(variable.shape), dtype=dtype_name(variable))
        for name, variable in variables.items()
    }
    return Structure(variables=specs, config=config, state=state, values=values or {})


def shown(name: str) -> str:
    """A variable's name as people read and write it."""
    return name.removeprefix(MODEL)
