"""A stable description of settings, so that the same settings have the same hash in every process.

Pipelines are nested frozen dataclasses. Their `repr` is for people; identity is computed from this.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.wire_names import wire_name, wire_names

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_EXACT_INTEGERS = 2.0**53
_LATER = "later"


def describe(value: object, *, at: str = "value") -> Json:
    """The value as strict JSON on which two processes agree. Equal settings have equal descriptions.

    * a frozen dataclass: `{"Rows": {"at_least": 5000}}`; fields that do not take part in `==` are left out
    * an enum member: `{"Mode": "FULL"}`
    * both by the names of `wire_names`, so that a class of ours can be renamed
    * tuples and lists: a list; sets: a list, sorted; mappings with text keys: a dict, sorted by key
    * fields made by `later` that have their default are left out, so that ids stay what they were
    * dates and datetimes: ISO 8601 text; timedeltas: `{"timedelta": seconds}`
    * a float that is whole: an integer, so that a margin of 1 and one of 1.0 are the same setting

    Raises:
        BadInput: the value has no stable description (functions, arrays, open files, NaN, classes,
            dataclasses that are not frozen), or is of a class of ours without a name in ids. Names the path
            of fields that leads to it, which begins with `at`.
    """
    if isinstance(value, Enum):
        return {_name(value, at): wire_names(type(value))[value.name]}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(value, at)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return {"timedelta": _number(value.total_seconds(), at)}
    if isinstance(value, tuple | list):
        return [describe(item, at=f"{at}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted((describe(item, at=f"{at}{{}}") for item in value), key=_text)
    if isinstance(value, Mapping):
        return _mapping(value, at)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclass(value, at)
    raise BadInput(
        at,
        value,
        "a frozen dataclass, enum, text, number, date, or a tuple or mapping of those",
        next='name code by text instead, such as "flight_delay.model:build_model"',
    )


def later(default: Any) -> Any:
    """A field of a setting that stored ids and texts do not know yet.

    `describe` and `as_code` leave it out as long as it has its default.
    """
    return dataclasses.field(default=default, metadata={_LATER: True})


def as_code(value: Any) -> str:
    """The `repr` of a dataclass, without fields made by `later` that have their default."""
    shown = [field for field in dataclasses.fields(value) if field.repr and not _left_out(value, field)]
    arguments = ", ".join(f"{field.name}={getattr(value, field.name)!r}" for field in shown)
    return f"{type(value).__qualname__}({arguments})"


def _left_out(value: Any, field: dataclasses.Field[Any]) -> bool:
    return _LATER in field.metadata and getattr(value, field.name) == field.default


def _number(value: float, at: str) -> int | float:
    if not math.isfinite(value):
        raise BadInput(at, value, "a finite number")
    if value.is_integer() and abs(value) <= _EXACT_INTEGERS:
        return int(value)
    return float(value)


def _mapping(value: Mapping[object, object], at: str) -> Json:
    described: dict[str, Json] = {}
    for key, item in value.items():
        if not isinstance(key, str) or isinstance(key, Enum):
            raise BadInput(at, key, "keys that are text")
        described[str(key)] = describe(item, at=f"{at}[{key!r}]")
    return dict(sorted(described.items()))


def _dataclass(value: Any, at: str) -> Json:
    kind: Any = type(value)
    parameters = getattr(kind, "__dataclass_params__", None)
    if not getattr(parameters, "frozen", False):
        raise BadInput(at, value, f"a frozen dataclass: declare {kind.__name__} with frozen=True")
    stored = wire_names(kind)
    return {
        _name(value, at): {
            stored[field.name]: describe(getattr(value, field.name), at=f"{at}.{field.name}")
            for field in dataclasses.fields(value)
            if field.compare and not _left_out(value, field)
        }
    }


def _name(value: object, at: str) -> str:
    name = wire_name(type(value))
    if name is None:
        raise BadInput(at, value, "a setting that has a name in ids: a class of ckpt_ops gets one by @wire")
    return name


def _text(described: Json) -> str:
    return json.dumps(described, sort_keys=True)
