"""The names of classes, fields and enum members in ids and stored documents.

Stored documents are read for good, and a candidate's id has to come out the same next year. So `wire` fixes
the name of a class there, and its name in code can change:

    @wire("Reservoir", share="proportion")   # the field `share` is stored as "proportion", its former name
    @dataclass(frozen=True)
    class EvenDraw: ...

`tests/golden/wire-names.txt` lists them all, and a test compares the code with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T", bound=type)

_NAME, _RENAMED = "_wire_name", "_wire_renamed"


def wire(name: str, **renamed: str) -> Callable[[T], T]:
    """Fix the name of a dataclass or an enum in ids and stored documents. Goes above `@dataclass`.

    Args:
        renamed: name in code to stored name, for each field or member where the two differ.

    Raises:
        TypeError: the class has no such field or member.
    """

    def named(kind: T) -> T:
        unknown = renamed.keys() - _in_code(kind)
        if unknown:
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        setattr(kind, _NAME, name)
        setattr(kind, _RENAMED, dict(renamed))
        return kind

    return named


def wire_name(kind: type) -> str | None:
    """The stored name of the class; None for a class of ours without one.

    A class of a pipeline's own code is stored under its name in code. A name is not inherited: a subclass is
    a different setting.
    """
    own: str | None = vars(kind).get(_NAME)
    ours = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    return own if own is not None or ours else kind.__name__


@cache
def wire_names(kind: type) -> Mapping[str, str]:
    """Name in code to stored name, for each field of a dataclass or member of an enum, in order."""
    renamed: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        renamed |= vars(base).get(_RENAMED, {})
    return {name: renamed.get(name, name) for name in _in_code(kind)}


def as_stored(value: Any) -> Any:
    """`value` with dataclasses, however deep, as mappings by stored names; all else as it is.

    The same as `dataclasses.asdict` where no field was renamed.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = wire_names(type(value))
        return {stored: as_stored(getattr(value, name)) for name, stored in names.items()}
    if isinstance(value, dict):
        return {key: as_stored(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_stored(item) for item in value)
    return value


def _in_code(kind: type) -> tuple[str, ...]:
    if issubclass(kind, Enum):
        return tuple(kind.__members__)
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()
