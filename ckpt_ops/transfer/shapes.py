"""The shape of what a layer puts out, by its settings and the shape of what it is given.

A `Sequential` writes the shape of its input, and what each layer with variables was built on. Between those,
shapes follow from the layers: through pooling, `Flatten`, `Reshape` and more. None: it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

Shape = tuple[int | None, ...]


def shape_behind(kind: str, config: Mapping[str, Any], given: Shape | None) -> Shape | None:
    """What a layer of class `kind` makes of an input of shape `given`, the batch's axis first."""
    if kind == "InputLayer":
        written = config.get("batch_shape")
        return tuple(written) if isinstance(written, Sequence) else None
    if given is None or (len(given) < 2 and kind != "Embedding"):
        return None
    match kind:
        case "Dense":
            return (*given[:-1], config["units"])
        case "Embedding":
            return (*given, config["output_dim"])
        case "Flatten":
            return (given[0], _size(given))
        case "Reshape":
            return _reshaped(given, config["target_shape"])
        case "LSTM" | "GRU" | "SimpleRNN":
            whole = given[:-1] if config.get("return_sequences") else given[:1]
            return (*whole, config["units"])
    if config.get("data_format") == "channels_first":
        return None
    spatial, channels = given[1:-1], given[-1]
    if kind.startswith(("GlobalAveragePooling", "GlobalMaxPooling")):
        kept = (1,) * len(spatial) if config.get("keepdims") else ()
        return (given[0], *kept, channels)
    if kind in ("Conv1D", "Conv2D", "Conv3D"):
        channels, window = config["filters"], config["kernel_size"]
        windows = _each(window, spatial), _each(config["strides"], spatial)
        return _over(given[0], spatial, config, *windows, _each(config["dilation_rate"], spatial), channels)
    if kind.startswith(("MaxPooling", "AveragePooling")):
        pool = _each(config["pool_size"], spatial)
        strides = pool if config.get("strides") is None else _each(config["strides"], spatial)
        return _over(given[0], spatial, config, pool, strides, (1,) * len(spatial), channels)
    if kind.startswith("UpSampling"):
        factors = _each(config["size"], spatial)
        return (given[0], *_times(spatial, factors), channels)
    if kind.startswith(("ZeroPadding", "Cropping")):
        padding = kind.startswith("ZeroPadding")
        return (given[0], *_widened(spatial, config["padding" if padding else "cropping"], padding), channels)
    return None


def _size(shape: Shape) -> int | None:
    return None if None in shape[1:] else prod(one for one in shape[1:] if one is not None)


def _reshaped(given: Shape, target: Sequence[int]) -> Shape:
    """One length may be -1: what the others leave."""
    size, others = _size(given), prod(one for one in target if one != -1)
    rest = None if size is None or not others else size // others
    return (given[0], *(rest if one == -1 else one for one in target))


def _over(
    batch: int | None,
    spatial: Shape,
    config: Mapping[str, Any],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    channels: int | None,
) -> Shape:
    """How often a window fits on each axis."""
    lost = [
        0 if config["padding"] in ("same", "causal") else apart * (wide - 1)
        for wide, apart in zip(window, dilation, strict=True)
    ]
    found = (
        None if length is None else (length - less - 1) // step + 1
        for length, less, step in zip(spatial, lost, strides, strict=True)
    )
    return (batch, *found, channels)


def _times(spatial: Shape, factors: Sequence[int]) -> Shape:
    return tuple(None if one is None else one * by for one, by in zip(spatial, factors, strict=True))


def _widened(spatial: Shape, sides: Any, wider: bool) -> Shape:
    """With so much more, or less, at both sides of each axis; an axis has two numbers, or one for both."""
    each = [sides] if len(spatial) == 1 else _each(sides, spatial)
    sums = [2 * one if isinstance(one, int) else sum(one) for one in each]
    return tuple(
        None if one is None else one + (by if wider else -by) for one, by in zip(spatial, sums, strict=True)
    )


def _each(value: Any, spatial: Shape) -> list[Any]:
    """A number for each axis, where one may stand for all."""
    return [value] * len(spatial) if isinstance(value, int) else list(value)
