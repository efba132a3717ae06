"""Plain JSON values, read as what they have to be: a dataclass of this project, field by field.

Text where a number belongs, a list for an object, an unknown field: each is one error here, with the path
that leads to it.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ckpt_ops.documents.parsing import LARGEST_NUMBER, BadDocument, shown
from ckpt_ops.errors import BadInput
from ckpt_ops.wire_names import wire_names

T = TypeVar("T")
Reader = Callable[[Any], Any]

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


_FROM_TEXT: dict[type, tuple[Reader, str]] = {
    Path: (Path, "a path"),
    date: (date.fromisoformat, "a day"),
    datetime: (datetime.fromisoformat, "a time"),
}


def read_as(kind: type[T], value: object, *, at: str = "") -> T:
    """The JSON `value` as a `kind`: a plain type, an enum, a union, a dataclass of such and of tuples.

    A path, a day and a time are text; a member of an enum is its value.

    Values of mappings are taken as they are. Fields are read by their stored names (`wire_names`).

    Args:
        at: the path that leads to it, for the error.

    Raises:
        BadDocument: a field is missing, unknown or of the wrong type.
    """
    try:
        reader: Callable[[Any], T] = _reader(cast(Hashable, kind))
        return reader(value)
    except _Misfit as misfit:
        path = (at + "".join(reversed(misfit.path))).removeprefix(".")
        raise BadDocument(f"{path or 'it'} {misfit.why}") from None


class _Misfit(Exception):
    """A value that does not fit; its path is collected on the way out, which costs nothing if all fit."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why, self.path = why, list[str]()


@cache
def _reader(kind: Any) -> Reader:
    """The reader of a `kind`: made once, since a log has many records of few kinds."""
    if kind is Any:
        return lambda value: value
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(tuple(each for each in inside if each is not type(None)), type(None) in inside)
    if origin is tuple:
        return _tuple_reader(inside)
    if origin in (dict, Mapping):
        return _mapping
    if kind in _FROM_TEXT or (isinstance(kind, type) and issubclass(kind, Enum)):
        return _made_reader(kind)
    return _int if kind is int else _plain_reader(kind)


def _union_reader(kinds: tuple[Any, ...], or_none: bool) -> Reader:
    """Reads as the first kind that fits; if none fits, the error is that of the last."""
    *others, last = (_reader(each) for each in kinds)

    def read(value: Any) -> Any:
        if value is None and or_none:
            return None
        for reader in others:
            try:
                return reader(value)
            except _Misfit:
                continue
        return last(value)

    return read


def _made_reader(kind: Any) -> Reader:
    """Reads what is made from a JSON value: a path, a day, a time, an enum member by its value."""
    make, what = _FROM_TEXT.get(kind) or (kind, f"one of {', '.join(str(one.value) for one in kind)}")

    def read(value: Any) -> Any:
        try:
            return make(value)
        except (TypeError, ValueError):
            raise _unlike(value, what) from None

    return read


def _plain_reader(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return _int(value)
        raise _unlike(value, _NAMES[kind])

    return read


def _int(value: Any) -> Any:
    if type(value) is not int:
        raise _unlike(value, _NAMES[int])
    if not -LARGEST_NUMBER < value < LARGEST_NUMBER:
        raise _unlike(value, "a whole number of at most 64 bits")
    return value


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _unlike(value, "a JSON object")
    return value


def _tuple_reader(of: tuple[Any, ...]) -> Reader:
    alike = _reader(of[0]) if of[-1] is Ellipsis else None
    each = () if alike else tuple(_reader(kind) for kind in of)

    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _unlike(value, "a list")
        if not alike and len(value) != len(each):
            raise _unlike(value, f"a list of {len(each)}")
        readers = repeat(alike, len(value)) if alike else each
        found: list[Any] = []
        try:
            for reader, one in zip(readers, value, strict=True):
                found.append(reader(one))
        except _Misfit as misfit:
            misfit.path.append(f"[{len(found)}]")
            raise
        return tuple(found)

    return read


def _dataclass_reader(kind: Any) -> Reader:
    hints, fields, nothing = get_type_hints(kind), dataclasses.fields(kind), dataclasses.MISSING
    stored = wire_names(kind)
    readers = {stored[one.name]: (one.name, _reader(hints[one.name])) for one in fields}
    needed = {one.name for one in fields if one.default is nothing and one.default_factory is nothing}

    def read(value: Any) -> Any:
        values = {}
        for name, one in _mapping(value).items():
            if name not in readers:
                raise _Misfit(f"has a field {name!r:.40}, which {kind.__name__} does not have")
            field, reader = readers[name]
            try:
                values[field] = reader(one)
            except _Misfit as misfit:
                misfit.path.append(f".{name}")
                raise
        if missing := needed - values.keys():
            raise _Misfit(f"lacks {min(stored[name] for name in missing)!r}")
        try:
            return kind(**values)
        except BadInput as error:  # refused by the dataclass itself
            raise _Misfit(f"has a value that is not allowed: {error.what}") from None

    return read


def _unlike(value: object, expected: str) -> _Misfit:
    return _Misfit(f"is {shown(value)}, not {expected}")
