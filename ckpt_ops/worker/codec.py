"""Requests and results as JSON.

These may cross: frozen dataclasses of text, whole numbers, numbers, booleans, paths, dates, times, members of
enums and None; of tuples of such; of other such dataclasses; and of mappings with text keys, whose values are
what JSON has. What is written is read back equal; any other type is refused before anything starts.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ckpt_ops.documents import parse, read_as

Request = TypeVar("Request")
Result = TypeVar("Result")


def written(value: object) -> dict[str, Any]:
    """A frozen dataclass as a JSON object. Raises `TypeError` for what cannot cross, naming the field."""
    found = _written(value, type(value).__name__)
    if not isinstance(found, dict) or not dataclasses.is_dataclass(value):
        raise TypeError(
            f"{type(value).__name__} is not a dataclass: only dataclasses cross to another process"
        )
    return found


def read(kind: type[Result], document: object) -> Result:
    """What `written` wrote, as a `kind`. Raises `BadDocument`: a field is missing or does not fit."""
    return read_as(kind, document)


def dumps(document: object) -> bytes:
    """The document as the bytes of a file. Numbers that are not finite stay as they are."""
    return json.dumps(document).encode()


def loads(data: bytes) -> dict[str, Any]:
    """The JSON object in a file's bytes. Raises `BadDocument`."""
    return parse(data)


def kinds_of(function: Callable[[Request], Result]) -> tuple[type[Request], type[Result]]:
    """What a function takes and returns, by its annotations. Raises `TypeError` if they do not say so."""
    hints = get_type_hints(function)
    result = hints.pop("return", None)
    kinds = [hints.get(name) for name in inspect.signature(function).parameters]
    if len(kinds) != 1 or not all(_is_frozen(kind) for kind in (*kinds, result)):
        raise TypeError(f"{name_of(function)} does not take one frozen dataclass and return one")
    return kinds[0], result  # type: ignore[return-value]


def name_of(function: Callable[..., Any]) -> str:
    """The function's `module:name`, by which another process imports it. Raises `TypeError` if it cannot."""
    name, module = function.__qualname__, function.__module__
    if not name.isidentifier() or module == "__main__":
        raise TypeError(f"{module}:{name} is not a function at the top of a module that can be imported")
    return f"{module}:{name}"


def _is_frozen(kind: Any) -> bool:
    parameters = getattr(kind, "__dataclass_params__", None)
    return isinstance(kind, type) and bool(getattr(parameters, "frozen", False))


def _written(value: Any, at: str) -> Any:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case tuple():
            return [_written(one, f"{at}[{number}]") for number, one in enumerate(value)]
        case Mapping():
            return _plain(value, at)
    if _is_frozen(type(value)):
        return {
            field.name: _written(getattr(value, field.name), f"{at}.{field.name}")
            for field in dataclasses.fields(value)
        }
    raise TypeError(f"{at} is a {type(value).__name__}, which does not cross to another process")


def _plain(value: Any, at: str) -> Any:
    """A value in a mapping, which is read back as JSON has it."""
    match value:
        case None | bool() | int() | float() | str() if not isinstance(value, Enum):
            return value
        case list() | tuple():
            return [_plain(one, f"{at}[{number}]") for number, one in enumerate(value)]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _plain(one, f"{at}[{key!r}]") for key, one in value.items()}
    raise TypeError(f"{at} is a {type(value).__name__}, which JSON does not have")
