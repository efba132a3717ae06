"""How large a first model is: rows and widths of embeddings, by how many values were seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ckpt_ops.scaffold.model.features import Becomes, Feature
from ckpt_ops.scaffold.model.label import Target, Task

_LARGE = 10_000  # rows of embeddings: an optimizer that moves all of them at each step is slow


def vocabularies_of(features: Sequence[Feature]) -> list[Feature]:
    """The features that have a vocabulary."""
    return [each for each in features if each.becomes in (Becomes.CATEGORY, Becomes.CODE)]


def capacity_of(feature: Feature) -> int:
    """Rows of its vocabulary: a power of two with room for as many values again as were seen."""
    return max(8, 1 << (2 * feature.values - 1).bit_length())


def width_of(feature: Feature) -> int:
    """Of its embedding: a power of two near the square root of its values, 2 to 32."""
    return min(32, max(2, 1 << (round(math.sqrt(feature.values)) - 1).bit_length()))


def is_large(features: Sequence[Feature]) -> bool:
    """Whether most of the model is embeddings of which a slice touches little."""
    return sum(capacity_of(each) for each in vocabularies_of(features)) > _LARGE


def adapts(target: Target, features: Sequence[Feature]) -> bool:
    """Whether the model needs means of the rows that its first version trains on."""
    numbers = (Becomes.NUMBER, Becomes.DAYS)
    return target.task is Task.NUMBER or any(each.becomes in numbers for each in features)
