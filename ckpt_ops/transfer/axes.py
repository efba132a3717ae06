"""What each position on a variable's axes stands for, by the model's configuration.

A change of one layer moves positions in the layers that read it: in a kernel that reads eight more columns,
row 6 may mean something else than before. So each position has a **label** that says what it stands for, such
as unit 3 of the layer `hidden_1`, column 2 of the embedding `carrier`, or the token "AA". Values follow their
label. Labels go from the model's inputs through its graph: through `Concatenate`, `Flatten`, `Reshape` and
every layer that changes values but not their order.

The axes of a layer of an unknown class have no labels, and its outputs are numbered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.transfer.layers import ALIKE, Layer, layers_of
from ckpt_ops.transfer.structure import Values

Labels = npt.NDArray[np.object_]
"""A tensor's labels: one for each place of a row, in its shape. An axis of unknown length has length 1."""

Axis = Sequence[object]
"""The labels of a variable's axis; a `range` where the position itself is the label."""

_BY_CHANNEL = ("MaxPooling", "AveragePooling", "UpSampling", "ZeroPadding", "Cropping")

_MOST = 1_000_000
"""The most labels in one tensor. The places of a larger one all have the same label."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What is known of a model's variables.

    Attributes:
        labels: the labels of each axis, by the variable's name below its model.
        reads: the axis that lies along the layer's inputs, by the same name.
        inputs: the labels of what a layer of an unknown class is given, by the layer's name.
        followed: names of the lookup layers whose tokens label the rows of embeddings.
        rows_go: names of variables whose rows a vocabulary may take back.
    """

    labels: Mapping[str, tuple[Axis, ...]] = field(default_factory=dict)
    reads: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    followed: frozenset[str] = frozenset()
    rows_go: frozenset[str] = frozenset()

    def name_of(self, variable: str) -> str:
        """The name of a variable here; in a nested model, it may begin with that model's name."""
        parts = variable.split("/")
        names = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((name for name in names if name in self.labels), variable)


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """The label of what a layer of an unknown class puts out: its place, whose meaning is not known."""

    layer: str
    place: tuple[int, ...]


def axes_of(
    config: Mapping[str, Any] | None, *, values: Values | None = None, called: Callable[[str], str] = str
) -> Axes:
    """The axes of every layer of known class in a model's configuration; empty without a configuration.

    Args:
        values: see `Structure`.
        called: from a layer's name to the name that labels use: what the other model calls it.
    """
    if config is None:
        return Axes()
    return _Graph(layers_of(config), values or {}, called).axes()


class _Graph:
    """A model's layers, and the labels of what they put out, each found once."""

    def __init__(self, layers: Sequence[Layer], values: Values, called: Callable[[str], str]) -> None:
        self._values, self._called = values, called
        self._rows_go: set[str] = set()
        count = Counter(layer.name for layer in layers)
        self._layers = {layer.name: layer for layer in layers if count[layer.name] == 1}
        self._out: dict[str, Labels] = {}
        self._inputs: dict[str, tuple[object, ...]] = {}
        self._followed: set[str] = set()

    def axes(self) -> Axes:
        labels: dict[str, tuple[Axis, ...]] = {}
        reads: dict[str, int] = {}
        for layer in self._layers.values():
            for name, axes, read in self._of(layer):
                labels[f"{layer.name}/{name}"] = axes
                if read is not None:
                    reads[f"{layer.name}/{name}"] = read
        return Axes(
            labels=labels,
            reads=reads,
            inputs=self._inputs,
            followed=frozenset(self._followed),
            rows_go=frozenset(self._rows_go),
        )

    # --- variables ------------------------------------------------------------------------------

    def _of(self, layer: Layer) -> Iterator[tuple[str, tuple[Axis, ...], int | None]]:
        """Each variable: its name below the layer's, the labels of each axis, which axis reads the inputs."""
        config, name = layer.config, self._called(layer.name)
        match layer.kind:
            case "Dense":
                units = _units(name, config["units"])
                yield "kernel", (self._last(layer), units), 0
                yield "bias", (units,), None
            case "Embedding":
                tokens = self._tokens(layer) or range(config["input_dim"])
                yield "embeddings", (tokens, _units(name, config["output_dim"])), None
            case "Conv1D" | "Conv2D" | "Conv3D" if _plain(config):
                filters = _units(name, config["filters"])
                size = config["kernel_size"]
                spatial = tuple(range(one) for one in (size if isinstance(size, Sequence) else [size]))
                yield "kernel", (*spatial, self._last(layer), filters), len(spatial)
                yield "bias", (filters,), None
            case "LSTM" | "GRU" | "SimpleRNN":
                yield from self._of_recurrent(layer)
            case "BatchNormalization" | "LayerNormalization" | "Normalization":
                features = self._last(layer)
                for each in ("gamma", "beta", "moving_mean", "moving_variance", "mean", "variance"):
                    yield each, (features,), None

    def _of_recurrent(self, layer: Layer) -> Iterator[tuple[str, tuple[Axis, ...], int | None]]:
        """The gates stand side by side on the last axis, each with all its units."""
        name, gates = self._called(layer.name), {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[layer.kind]
        units = _units(name, layer.config["units"])
        gated = [(gate, unit) for gate in range(gates) for unit in units]
        cell = {"LSTM": "lstm_cell", "GRU": "gru_cell", "SimpleRNN": "simple_rnn_cell"}[layer.kind]
        yield f"{cell}/kernel", (self._last(layer), gated), 0
        yield f"{cell}/recurrent_kernel", (units, gated), 0
        twice = layer.kind == "GRU" and layer.config.get("reset_after", True)
        yield f"{cell}/bias", ((range(2), gated) if twice else (gated,)), None

    def _last(self, layer: Layer) -> Axis:
        """Labels along the last axis of what the layer is given."""
        given = self._given(layer) if layer.shapes else []
        if not given or given[0].ndim == 0:
            return ()
        first = given[0]
        return list(first.reshape(-1, first.shape[-1])[0])

    def _tokens(self, layer: Layer) -> Axis:
        """What the rows of an embedding stand for, if a lookup layer with a known vocabulary feeds it."""
        lookup = self._lookup(layer)
        if lookup is None:
            return ()
        config = lookup.config
        if lookup.kind == "VocabularyRows":
            return self._grown(layer, lookup)
        vocabulary = config.get("vocabulary")
        if config.get("invert") or config.get("output_mode", "int") != "int" or not vocabulary:
            return ()
        specials: list[object] = []
        if config.get("mask_token") is not None:
            specials.append(("mask", 0))
        specials += [("unknown", number) for number in range(config.get("num_oov_indices", 1))]
        tokens = [("token", token) for token in vocabulary if token != config.get("mask_token")]
        free = layer.config["input_dim"] - len(specials) - len(tokens)
        if free < 0:
            return ()
        self._followed.add(lookup.name)
        return [*specials, *tokens, *(("free", number) for number in range(free))]

    def _grown(self, layer: Layer, lookup: Layer) -> Axis:
        """The rows of a vocabulary that grows: each stands for its value, for as long as the value has it."""
        values = self._values.get(lookup.config["column"])
        if values is None:
            return ()
        self._followed.add(lookup.name)
        self._rows_go.add(f"{layer.name}/embeddings")
        shared = lookup.config["buckets"]
        return [
            ("shared", row) if row < shared else ("token", values[row]) if row in values else ("free", row)
            for row in range(layer.config["input_dim"])
        ]

    def _lookup(self, layer: Layer) -> Layer | None:
        """The lookup layer that feeds an embedding, with at most changes of shape between them."""
        while len(layer.given) == 1:
            found = self._layers.get(layer.given[0])
            if found is None or found.kind in ("StringLookup", "IntegerLookup", "VocabularyRows"):
                return found
            if found.kind not in ("Reshape", "Flatten"):
                return None
            layer = found
        return None

    # --- tensors --------------------------------------------------------------------------------

    def _given(self, layer: Layer) -> list[Labels]:
        return [self._of_output(name, shape) for name, shape in zip(layer.given, layer.shapes, strict=True)]

    def _of_output(self, name: str, shape: Sequence[int | None]) -> Labels:
        """The labels of what a layer puts out; `shape` is that of a batch."""
        if name not in self._out:
            layer = self._layers.get(name)
            row = tuple(1 if one is None else one for one in shape[1:])
            self._out[name] = _nothing_known(row) if layer is None else self._labels(layer, shape, row)
        return self._out[name]

    def _labels(self, layer: Layer, shape: Sequence[int | None], row: tuple[int, ...]) -> Labels:
        name = self._called(layer.name)
        if layer.is_input:
            return _numbered(name, row)
        if layer.ends_with:
            return self._of_output(layer.ends_with, shape)
        if len(layer.given) != len(layer.shapes):
            alike = layer.kind in ALIKE and len(layer.given) == 1
            return self._of_output(layer.given[0], shape) if alike else _nothing_known(row)
        made = self._made(layer, row)
        if made is not None and made.shape == row:
            return made
        self._inputs[name] = tuple(one for given in self._given(layer) for one in given.ravel())
        return _numbered(name, row, unknown=True)

    def _made(self, layer: Layer, row: tuple[int, ...]) -> Labels | None:
        """The labels of what a layer makes; None if nothing is known of its class."""
        if layer.kind in ("Dense", "Embedding", "Conv1D", "Conv2D", "Conv3D", "LSTM", "GRU", "SimpleRNN"):
            return _numbered(self._called(layer.name), row)
        given = self._given(layer)
        if (layer.kind in ALIKE or layer.kind == "InputLayer") and len(given) == 1:
            return given[0]
        if layer.kind in ("Reshape", "Flatten") and len(given) == 1 and given[0].size == prod(row):
            return given[0].reshape(row)
        if layer.kind == "Concatenate":
            axis = layer.config.get("axis", -1)
            joined: Labels = np.concatenate(given, axis=axis if axis < 0 else axis - 1)
            return joined
        if layer.kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
            return _side_by_side(given, row)
        if layer.kind.startswith(_BY_CHANNEL) and given[0].shape[-1] == row[-1]:
            return _by_channel(self._called(layer.name), given[0], row)
        if layer.kind.startswith(("GlobalAveragePooling", "GlobalMaxPooling")) and given[0].ndim > 1:
            last: Labels = given[0].reshape(-1, given[0].shape[-1])[0]
            return last
        return None


def _plain(config: Mapping[str, Any]) -> bool:
    return config.get("groups", 1) == 1 and config.get("data_format") != "channels_first"


def _by_channel(layer: str, given: Labels, row: tuple[int, ...]) -> Labels:
    """For a layer that works on each channel apart: labels of place in its output, and channel."""
    found = np.empty(row, object)
    channels = given.reshape(-1, row[-1])[0]
    for place in np.ndindex(*row):
        found[place] = (layer, place[:-1], channels[place[-1]])
    return found


def _units(layer: str, count: int) -> list[object]:
    return [(layer, number) for number in range(count)]


def _numbered(layer: str, row: tuple[int, ...], *, unknown: bool = False) -> Labels:
    """Labels by place in a row; axes of length 1 are left out."""
    found = np.empty(row, object)
    if prod(row) > _MOST:
        found[...] = Unknown(layer=layer, place=())
        return found
    for place in np.ndindex(*row):
        told = tuple(number for number, size in zip(place, row, strict=True) if size > 1) or (0,)
        label: object = Unknown(layer=layer, place=told) if unknown else (layer, *told)
        found[place] = label
    return found


def _nothing_known(row: tuple[int, ...]) -> Labels:
    """The same label everywhere: no place can be told from another."""
    found = np.empty(row, object)
    found[...] = Unknown(layer="", place=())
    return found


def _side_by_side(given: list[Labels], row: tuple[int, ...]) -> Labels | None:
    """For a sum and its like: what is combined at each place."""
    if any(one.shape != row for one in given):
        return None
    found = np.empty(row, object)
    for place in np.ndindex(*row):
        found[place] = tuple(one[place] for one in given)
    return found
