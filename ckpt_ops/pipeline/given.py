"""The arguments of `build_model()`: vocabularies and adapted values, which are part of a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.documents import BadDocument, DocumentKind
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.vocabularies.growth import Grown
from ckpt_ops.vocabularies.lookup import Lookup

Adapted = Mapping[str, npt.NDArray[Any]]

LIMIT = 16 * 2**20
"""The most bytes of all adapted values together, as text."""

_DOCUMENT = DocumentKind(
    what="set of adapted values", indent=None, safe="nothing was trained or restored by it"
)
_KINDS = {"b": "bool", "i": "int64", "u": "int64", "f": "float64", "U": "text"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What `build_model()` is given for one version.

    Attributes:
        vocabularies: by column.
        adapted: by name, what `adapt()` made of the rows that the history's first version trained on.
    """

    vocabularies: Mapping[str, Grown] = field(default_factory=dict)
    adapted: Adapted = field(default_factory=dict)

    @cached_property
    def lookups(self) -> Mapping[str, Lookup]:
        """The vocabularies as the user's functions take them, by column."""
        return {column: Lookup(grown) for column, grown in self.vocabularies.items()}

    def same_for_a_model(self, other: Given) -> bool:
        """Whether `build_model()` makes the same of both: counts of values without a row may differ."""
        return (
            {column: grown.as_rows for column, grown in self.vocabularies.items()}
            == {column: grown.as_rows for column, grown in other.vocabularies.items()}
            and self.adapted.keys() == other.adapted.keys()
            and all(np.array_equal(value, other.adapted[name]) for name, value in self.adapted.items())
        )

    def arguments(self, *, vocabularies: bool, adapted: bool) -> dict[str, Any]:
        """The arguments of `build_model()`: those that the pipeline has."""
        found: dict[str, Any] = {}
        if vocabularies:
            found["vocabularies"] = dict(self.lookups)
        if adapted:
            found["adapted"] = dict(self.adapted)
        return found


@dataclass(frozen=True, kw_only=True)
class StoredValue:
    """One adapted value: numbers or texts, row by row.

    Attributes:
        kind: "bool", "int64", "float64" or "text".
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    values: tuple[bool | int | float | str, ...]


@dataclass(frozen=True, kw_only=True)
class AdaptedDocument:
    """The adapted values of one version."""

    model: str
    adapted: tuple[StoredValue, ...]


def checked(reference: str, found: Any) -> dict[str, npt.NDArray[Any]]:
    """What `adapt()` returned, as arrays of numbers or text. Raises `ModelCodeError`: it cannot be kept."""
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise _unusable(
            reference, f"a {type(found).__name__}", "a mapping of names to arrays, numbers or texts"
        )
    values = {name: _array(reference, name, value) for name, value in sorted(found.items())}
    size = len(encode("", values))
    if size > LIMIT:
        raise _unusable(
            reference, f"{size:,} bytes", f"at most {LIMIT:,} bytes as text: it is kept with each version"
        )
    return values


def _array(reference: str, name: str, value: Any) -> npt.NDArray[Any]:
    plain = value.to_pylist() if isinstance(value, pa.Array | pa.ChunkedArray | pa.Scalar) else value
    array = np.asarray(plain)
    if array.dtype.kind == "O" and all(isinstance(one, str) for one in array.ravel()):
        array = array.astype(np.str_)
    if array.dtype.kind not in _KINDS:
        allowed = "numbers or texts, all of one kind, none missing"
        raise _unusable(reference, f"{name} of dtype {array.dtype}", allowed)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _unusable(reference, f"{name} with a value that is not finite", "finite numbers")
    return array


def _unusable(reference: str, returned: str, allowed: str) -> ModelCodeError:
    return ModelCodeError(
        f"{reference} returned {returned}; allowed: {allowed}",
        safe="nothing was trained, no version or checkpoint was added; the champion serves on",
        next=f"return {{name: array, ...}} from {reference}",
    )


def encode(model: str, adapted: Adapted) -> bytes:
    """The document as bytes. The same values give the same bytes."""
    stored = tuple(
        StoredValue(
            name=name,
            kind=_KINDS[array.dtype.kind],
            shape=array.shape,
            values=tuple(array.ravel().tolist()),
        )
        for name, array in sorted(adapted.items())
    )
    return _DOCUMENT.encode(AdaptedDocument(model=model, adapted=stored))


def decode(data: bytes, *, name: str, model: str) -> dict[str, npt.NDArray[Any]]:
    """The values by name. Raises `Corrupt`, naming the object: it is no such document, or another model's."""
    with _DOCUMENT.reading(name):
        found = _DOCUMENT.read(AdaptedDocument, data, name=name)
        if found.model != model:
            raise BadDocument(f"model is {found.model!r}, not {model!r}: it belongs to another model")
        return {one.name: _read(one) for one in found.adapted}


def _read(one: StoredValue) -> npt.NDArray[Any]:
    if one.kind not in _KINDS.values():
        raise BadDocument(f"{one.name} is of the unknown kind {one.kind!r}")
    array = np.asarray(list(one.values), np.str_ if one.kind == "text" else one.kind)
    if array.size != int(np.prod(one.shape)):
        raise BadDocument(f"{one.name} has {array.size} values, which do not fit shape {list(one.shape)}")
    return array.reshape(one.shape)
