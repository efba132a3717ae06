"""The layers of a Keras model as its configuration lists them: class, settings, and the inputs of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckpt_ops.transfer.shapes import Shape, shape_behind

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
"""Classes of layers that change values, but neither their shape nor their order."""


Call = tuple[tuple[str, ...], tuple[Shape, ...]]
"""The inputs of a layer: the layers that they come from, and their shapes."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer.

    Attributes:
        kind: its class.
        given: the layers whose outputs it takes in its first call, in order.
        shapes: the shapes of what it takes, the batch's axis first; None for a length that is not known.
            Empty if Keras does not write them, and they do not follow from the layers before.
        ends_with: for a nested model, the layer whose output is the model's; "" for a layer.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    given: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    ends_with: str = ""

    @property
    def is_input(self) -> bool:
        """It is an input of the whole model. An input of a nested model takes what that model is given."""
        return self.kind == "InputLayer" and not self.given

    @property
    def named_by_keras(self) -> bool:
        """Its name is its class and perhaps a number: Keras made it, nobody chose it."""
        return re.fullmatch(rf"{re.escape(in_snake_case(self.kind))}(_\d+)?", self.name) is not None


def layers_of(config: Mapping[str, Any]) -> list[Layer]:
    """Every layer of a configuration, those of nested models included; empty if it has no layers."""
    return list(_layers(config, {}))


def _layers(config: Mapping[str, Any], fed: Mapping[str, Call]) -> Iterator[Layer]:
    """The layers of one model; `fed`: what the model around it gives to each of its inputs, by name."""
    each = _inside(config)
    calls = _calls_in_turn(each) if config.get("class_name") == "Sequential" else map(_first_call, each)
    for written, (given, shapes) in zip(each, calls, strict=True):
        name = _name(written)
        if written["class_name"] == "InputLayer" and name in fed:
            given, shapes = fed[name]
        yield Layer(
            name=name,
            kind=written["class_name"],
            config=written["config"],
            given=given,
            shapes=shapes,
            ends_with=_end(written),
        )
        inputs = [_name(one) for one in _inside(written) if one["class_name"] == "InputLayer"]
        one_input = len(inputs) == len(given) == 1
        yield from _layers(written, {inputs[0]: (given, shapes)} if one_input else {})


def _inside(config: Mapping[str, Any]) -> list[Any]:
    inside = config.get("config")
    each = inside.get("layers") if isinstance(inside, Mapping) else None
    return each if isinstance(each, list) else []


def _name(written: Mapping[str, Any]) -> str:
    return str(written.get("name") or written["config"].get("name", ""))


def _end(written: Mapping[str, Any]) -> str:
    """The layer that a nested model ends with, if it is a single one; "" otherwise."""
    each = _inside(written)
    if not each:
        return ""
    if written["class_name"] == "Sequential":
        return _name(each[-1])
    ends = written["config"].get("output_layers")
    return str(ends[0]) if isinstance(ends, list) and ends and isinstance(ends[0], str) else ""


def _calls_in_turn(each: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The calls of a `Sequential`, which writes a shape only for layers that have variables."""
    shapes: list[Shape | None] = [_built_on(written) for written in each]
    for place in range(1, len(each)):
        if shapes[place] is None:
            shapes[place] = _behind(each[place - 1], shapes[place - 1])
    for place in reversed(range(len(each) - 1)):
        if shapes[place] is None and each[place]["class_name"] in ALIKE:
            shapes[place] = shapes[place + 1]
    found: list[Call] = []
    for place, shape in enumerate(shapes):
        given = (_name(each[place - 1]),) if place else ()
        found.append((given, (shape,) if place and shape is not None else ()))
    return found


def _behind(written: Mapping[str, Any], given: Shape | None) -> Shape | None:
    """The shape of what a layer, or a nested model, puts out; None if it is not known."""
    kind, inside = written["class_name"], _inside(written)
    if inside and kind == "Sequential":
        for one in inside:
            given = _behind(one, _built_on(one) or given)
        return given
    if inside:
        end = next((one for one in inside if _name(one) == _end(written)), None)
        shapes = _first_call(end)[1] if end is not None else ()
        return _behind(end, shapes[0]) if end is not None and len(shapes) == 1 else None
    return given if kind in ALIKE else shape_behind(kind, written["config"], given)


def _built_on(written: Mapping[str, Any]) -> Shape | None:
    shape = (written.get("build_config") or {}).get("input_shape")
    if isinstance(shape, list) and shape and not isinstance(shape[0], list):
        return tuple(shape)
    return None


def _first_call(written: Mapping[str, Any]) -> Call:
    nodes = written.get("inbound_nodes") or []
    found = list(_tensors(nodes[0].get("args"))) if nodes else []
    return tuple(name for name, _ in found), tuple(shape for _, shape in found)


def _tensors(value: Any) -> Iterator[tuple[str, Shape]]:
    """The Keras tensors in the arguments of a call, in order."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            config = value["config"]
            yield config["keras_history"][0], tuple(config["shape"])
            return
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list):
        for one in value:
            yield from _tensors(one)


def in_snake_case(kind: str) -> str:
    """The name that Keras makes from a layer's class."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
