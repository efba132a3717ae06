"""Arrow types as Python code: it is read back as the very same type, or nothing is written."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.literals import repr_of

_PLAIN = {"bool": "bool_", "double": "float64", "float": "float32", "halffloat": "float16"}
_PLAIN |= {
    "date32[day]": "date32",
    "date64[ms]": "date64",
    "month_day_nano_interval": "month_day_nano_interval",
}


def column_code(name: str, kind: pa.DataType) -> str:
    """The type of a column as code. Raises `BadInput` for one that no code stands for."""
    code = type_code(kind)
    try:
        same = eval(code, {"pa": pa}) == kind  # made here, of a type alone: names in it are quoted
    except (SyntaxError, AttributeError, TypeError, ValueError):
        same = False
    if not same:
        raise BadInput(
            f"column {name!r}",
            str(kind),
            "numbers, text, bytes, booleans, dates, times, or lists, maps and structs of them",
            next="write the files without it or in another type, or write a source of your own that casts "
            "it: docs/how-to/add-a-source.md",
        )
    return code


def type_code(kind: pa.DataType) -> str:
    """An Arrow type as code."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        name = kind.extension_name.removeprefix("arrow.")
        return f"pa.{name if name.isidentifier() else 'ExtensionType'}()"  # a file may call it anything
    if types.is_timestamp(kind):
        zone = f", tz={repr_of(kind.tz)}" if kind.tz else ""
        return f'pa.timestamp("{kind.unit}"{zone})'
    if types.is_duration(kind) or types.is_time(kind):
        return f'pa.{str(kind).partition("[")[0]}("{kind.unit}")'
    if types.is_decimal(kind):
        return f"pa.decimal{kind.bit_width}({kind.precision}, {kind.scale})"
    if types.is_fixed_size_binary(kind):
        return f"pa.binary({kind.byte_width})"
    if types.is_dictionary(kind):
        ordered = ", ordered=True" if kind.ordered else ""
        return f"pa.dictionary({type_code(kind.index_type)}, {type_code(kind.value_type)}{ordered})"
    return _nested(kind) if types.is_nested(kind) else f"pa.{_PLAIN.get(str(kind), str(kind))}()"


def _nested(kind: pa.DataType) -> str:
    types = pa.types
    if types.is_struct(kind):
        parts = (kind.field(at) for at in range(kind.num_fields))
        return f"pa.struct([{', '.join(_field(part) for part in parts)}])"
    if types.is_map(kind):
        ordered = ", keys_sorted=True" if kind.keys_sorted else ""
        item = kind.item_field
        value = type_code(kind.item_type) if item.nullable else _field(item)
        return f"pa.map_({type_code(kind.key_type)}, {value}{ordered})"
    if types.is_fixed_size_list(kind):
        return f"pa.list_({_value(kind)}, {kind.list_size})"
    for made, is_kind in (
        ("list_", types.is_list),
        ("large_list", types.is_large_list),
        ("list_view", types.is_list_view),
        ("large_list_view", types.is_large_list_view),
    ):
        if is_kind(kind):
            return f"pa.{made}({_value(kind)})"
    return f"pa.{kind}()"  # which is none: for `column_code` to say


def _value(kind: pa.DataType) -> str:
    """Of a list: the type alone, where the field says nothing more."""
    return type_code(kind.value_type) if kind.value_field.nullable else _field(kind.value_field)


def _field(field: pa.Field) -> str:
    arguments = f"{repr_of(field.name)}, {type_code(field.type)}"
    return f"({arguments})" if field.nullable else f"pa.field({arguments}, nullable=False)"
