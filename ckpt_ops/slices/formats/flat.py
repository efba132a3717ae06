"""Columns for what lies in objects: the column `user.city` is the field `city` of the object `user`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

BETWEEN = "."
"""Stands between the names of fields in the name of a column."""


def nested(schema: pa.Schema) -> pa.Schema:
    """The objects, as structs, that columns of such names are fields of."""
    return pa.schema(list(_fields({tuple(each.name.split(BETWEEN)): each.type for each in schema})))


def _fields(paths: Mapping[tuple[str, ...], pa.DataType]) -> Iterator[pa.Field]:
    for first in dict.fromkeys(path[0] for path in paths):
        below = {path[1:]: kind for path, kind in paths.items() if path[0] == first}
        plain = below.get(())
        yield pa.field(first, pa.struct(list(_fields(below))) if plain is None else plain)


def flat_columns(table: pa.Table, names: list[str]) -> pa.Table:
    """The columns of these names, taken out of the structs that hold them; null where a struct is."""
    columns = []
    for name in names:
        first, *rest = name.split(BETWEEN)
        columns.append(pc.struct_field(table[first], rest) if rest else table[first])
    return pa.table(columns, names=names)


def flat_fields(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of an object and of the objects in it, with the names of their columns."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flat_fields(inner, f"{before}{name}{BETWEEN}")
        else:
            yield f"{before}{name}", inner


def at_path(value: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    """Whether an object has the field of a column, and its value; of what is no object, the value itself."""
    found: Any = value
    for part in name.split(BETWEEN):
        if not isinstance(found, dict):
            return True, found
        if part not in found:
            return False, None
        found = found[part]
    return True, found
