"""The layers of a Keras model, as its configuration lists them: class, settings, and what each is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALIKE = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "LayerNormalization",
        "LeakyReLU",
        "Masking",
        "Normalization",
        "PReLU",
        "ReLU",
        "Rescaling",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "UnitNormalization",
    }
)
"""Classes of layers that change values, and neither their shape nor their order."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer.

    Attributes:
        kind: its class.
        given: the layers whose outputs it takes, in order, where it is called first.
        shapes: of what it takes, the batch's axis first; None for a length that is not known.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    given: tuple[str, ...] = ()
    shapes: tuple[tuple[int | None, ...], ...] = ()

    @property
    def has_inputs(self) -> bool:
        return self.kind != "InputLayer"

    @property
    def named_by_keras(self) -> bool:
        """Its name is its class and perhaps a number: Keras counted, nobody chose it."""
        return re.fullmatch(rf"{re.escape(in_snake_case(self.kind))}(_\d+)?", self.name) is not None


def layers_of(config: Mapping[str, Any]) -> list[Layer]:
    """Every layer of a configuration, those of models inside models too; none where it has no layers."""
    return list(_layers(config))


def _layers(config: Mapping[str, Any]) -> Iterator[Layer]:
    inside = config.get("config")
    each = inside.get("layers") if isinstance(inside, Mapping) else None
    if not isinstance(each, list):
        return
    before: tuple[str, ...] = ()
    for written in each:
        name = written.get("name") or written["config"].get("name", "")
        if config.get("class_name") == "Sequential":
            shapes = tuple(_shape(one) for one in [_built_on(written)] if one is not None)
            given = before if shapes else ()
            before = (name,)
        else:
            given, shapes = _first_call(written)
        yield Layer(
            name=name, kind=written["class_name"], config=written["config"], given=given, shapes=shapes
        )
        yield from _layers(written)


def _built_on(written: Mapping[str, Any]) -> Sequence[int | None] | None:
    shape = (written.get("build_config") or {}).get("input_shape")
    if isinstance(shape, list) and shape and not isinstance(shape[0], list):
        return shape
    return None


def _first_call(
    written: Mapping[str, Any],
) -> tuple[tuple[str, ...], tuple[tuple[int | None, ...], ...]]:
    nodes = written.get("inbound_nodes") or []
    found = list(_tensors(nodes[0].get("args"))) if nodes else []
    return tuple(name for name, _ in found), tuple(shape for _, shape in found)


def _tensors(value: Any) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """Keras' own tensors in the arguments of a call, in order."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            config = value["config"]
            yield config["keras_history"][0], _shape(config["shape"])
            return
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list):
        for one in value:
            yield from _tensors(one)


def _shape(written: Sequence[int | None]) -> tuple[int | None, ...]:
    return tuple(written)


def in_snake_case(kind: str) -> str:
    """As Keras makes a layer's name of its class."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
