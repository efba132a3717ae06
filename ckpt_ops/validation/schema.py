"""Schema drift: which column, what was declared, what came.

A type *fits* when every value of it is a value of the declared type, so that a cast loses nothing:

| came | declared |
|---|---|
| int8 ... int64, uint8 ... uint32 | any wider integer that holds its whole range |
| int8, int16, uint8, uint16 | float32; these and int32, uint32 also float64 |
| float16, float32 | any wider float |
| string, large_string, string_view | any of these; likewise the binary ones |
| timestamp, duration, time | the same with the same or a finer unit; a timestamp only with the same zone |
| date32, date64 | either |
| decimal | a decimal with at least as many digits on both sides of the point |
| dictionary of T | whatever T fits |
| list of T, struct of T ... | a list or struct whose parts fit |
| anything | itself |

Narrowing never fits, even when today's values would: tomorrow's need not. A column without a single
value may come typed `null`: that is no drift but a question of nulls, reported as a warning, and the
suite's expectations on nulls decide. Nullability and metadata are not compared.
"""

from __future__ import annotations

import pyarrow as pa
from blake3 import blake3

from ckpt_ops.printable import one_line
from ckpt_ops.validation.verdict import Kind, Reason, Severity

_UNITS = ("s", "ms", "us", "ns")


def schema_digest(declared: pa.Schema) -> str:
    """16 hex digits that change when a declared column does."""
    lines = [f"{field.name!r} {field.type}" for field in declared]
    return blake3("\n".join(lines).encode()).hexdigest()[:16]


def schema_drift(declared: pa.Schema, found: pa.Schema) -> list[Reason]:
    """One reason per column that is missing, extra or of a type that does not fit, in declared order.

    A missing or mistyped column is critical. An extra one is a warning: nothing reads it yet.
    The order of columns is no drift.
    """
    reasons = []
    for field in declared:
        name = one_line(field.name)
        if field.name not in found.names:
            words = f"column {name} is missing: declared {field.type}, came nothing"
            reasons.append(Reason(kind=Kind.MISSING, column=field.name, words=words))
            continue
        came = found.field(field.name).type
        if pa.types.is_null(came) and not pa.types.is_null(field.type):
            words = f"column {name} has no value in any row: declared {field.type}, came without a type"
            reasons.append(
                Reason(kind=Kind.ALL_NULL, column=field.name, words=words, severity=Severity.WARNING)
            )
        elif not fits(came, field.type):
            words = f"column {name} changed its type: declared {field.type}, came {came}"
            reasons.append(Reason(kind=Kind.TYPE, column=field.name, words=words))
    for field in found:
        name = one_line(field.name)
        if field.name not in declared.names:
            words = f"column {name} is new: declared nothing, came {field.type}; nothing reads it"
            reasons.append(Reason(kind=Kind.EXTRA, column=field.name, words=words, severity=Severity.WARNING))
    return reasons


def fits(came: pa.DataType, declared: pa.DataType) -> bool:
    """Whether every value of `came` is a value of `declared` (see the table above)."""
    if came.equals(declared):
        return True
    types = pa.types
    if types.is_dictionary(came):
        return fits(came.value_type, declared)
    if types.is_integer(came) and types.is_integer(declared):
        sign = types.is_signed_integer(came), types.is_signed_integer(declared)
        return bool(came.bit_width < declared.bit_width and sign != (True, False))
    if types.is_integer(came) and types.is_floating(declared):
        return bool(came.bit_width <= {16: 8, 32: 16, 64: 32}[declared.bit_width])
    if types.is_floating(came) and types.is_floating(declared):
        return bool(came.bit_width < declared.bit_width)
    if types.is_decimal(came) and types.is_decimal(declared):
        whole = declared.precision - declared.scale >= came.precision - came.scale
        return bool(whole and declared.scale >= came.scale)
    for family in (_is_text, _is_binary, types.is_date):
        if family(came) and family(declared):
            return True
    if types.is_timestamp(came) and types.is_timestamp(declared):
        return came.tz == declared.tz and _finer(came, declared)
    for family in (types.is_duration, types.is_time):
        if family(came) and family(declared):
            return _finer(came, declared)
    return _nested_fits(came, declared)


def _nested_fits(came: pa.DataType, declared: pa.DataType) -> bool:
    types = pa.types
    lists = [types.is_list(kind) or types.is_large_list(kind) for kind in (came, declared)]
    if all(lists):
        return fits(came.value_type, declared.value_type)
    if types.is_struct(came) and types.is_struct(declared):
        parts = {came.field(at).name: came.field(at).type for at in range(came.num_fields)}
        wanted = {declared.field(at).name: declared.field(at).type for at in range(declared.num_fields)}
        return parts.keys() == wanted.keys() and all(fits(parts[name], wanted[name]) for name in wanted)
    return False


def _finer(came: pa.DataType, declared: pa.DataType) -> bool:
    return _UNITS.index(declared.unit) >= _UNITS.index(came.unit)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))
