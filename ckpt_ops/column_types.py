"""Types of columns: which type can stand for which, always or by its values, and casts that lose nothing.

A type *fits* a declared one when every value of it is a value of the declared type:

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
| list, map, struct of T ... | the same whose parts fit; a part without a type has no value, and fits |
| anything | itself |

`UTC`, `Etc/UTC`, `+00:00` and `Z` are one zone.

For others *values decide*, because writers choose a type by the values of a day: pandas writes whole numbers
as float64 as soon as one is missing, and times in the unit of its version. Then each value has to be a value
of the declared type, and the first that is not is named:

| came | declared |
|---|---|
| any integer | a float that it does not fit, where no value is rounded |
| any float | an integer, where all values are whole, and small enough not to be rounded (2**53) |
| timestamp, duration, time | the same with a coarser unit, where nothing is cut off |
| timestamp, duration | the same in ns, which hold some 292 years on either side of 1970 |
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_UNITS = ("s", "ms", "us", "ns")
_UTC = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Z", "+00:00", "-00:00", "+0000"})
_DIGITS = {16: 11, 32: 24, 64: 53}
"""By a float's width in bits, how many of them hold a whole number."""


def fits(came: pa.DataType, declared: pa.DataType) -> bool:
    """Whether every value of `came` is a value of `declared` (see the first table)."""
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
    if _same_kind_of_time(came, declared):
        return _UNITS.index(declared.unit) >= _UNITS.index(came.unit)
    return _nested_fits(came, declared)


def values_decide(came: pa.DataType, declared: pa.DataType) -> bool:
    """Whether it depends on the values (see the second table)."""
    types = pa.types
    if types.is_dictionary(came):
        return values_decide(came.value_type, declared)
    if types.is_integer(came) and types.is_floating(declared):
        return not fits(came, declared)
    if types.is_floating(came) and types.is_integer(declared):
        return True
    if not _same_kind_of_time(came, declared):
        return False
    return bool(came.unit != declared.unit and not (fits(came, declared) and declared.unit != "ns"))


def misfit(column: pa.Array, declared: pa.DataType) -> pa.Scalar | None:
    """The first value of a column that is no value of `declared`, where `values_decide`; None if all are."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    there = column.drop_null()
    if pa.types.is_integer(column.type):
        lost = _rounded(there, declared)
    elif pa.types.is_floating(column.type):
        lost = _not_whole(there, declared)
    else:
        lost = pc.not_equal(there, there.cast(declared, safe=False).cast(column.type, safe=False))
    found = there.filter(lost)
    return found[0] if len(found) else None


def cast(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The column cast to a type that it fits, or that all its values fit."""
    plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(plain) and pa.types.is_floating(kind):
        return column.cast(plain).cast(kind, safe=False)  # a safe cast refuses 2**60, which is exact
    return column.cast(kind)


def as_columns_of(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch's columns, by name, as those of `schema` (`cast`)."""
    columns = [cast(batch.column(field.name), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that can stand for both: each fits it, or its values decide. None if there is none.

    A dictionary counts as its values. A column without a type has no values and counts as the other one.
    """
    types = pa.types
    one, other = (kind.value_type if types.is_dictionary(kind) else kind for kind in (one, other))
    for kind, wider in ((one, other), (other, one)):
        if types.is_null(kind) or fits(kind, wider):
            return _large(kind, wider) or _plain_zone(wider)
    if types.is_decimal(one) and types.is_decimal(other):
        scale = max(one.scale, other.scale)
        digits = max(one.precision - one.scale, other.precision - other.scale) + scale
        return pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(min(digits, 76), scale)
    if types.is_integer(one) and types.is_integer(other):
        return _common_integer(one, other)
    if {types.is_integer(one), types.is_integer(other)} == {True, False}:
        number = types.is_floating(one) or types.is_floating(other)
        return pa.float64() if number else None
    return _common_nested(one, other)


def same_zone(one: str | None, other: str | None) -> bool:
    """Whether two zones are the same, or both are missing."""
    return one == other or (one in _UTC and other in _UTC)


def _same_kind_of_time(came: pa.DataType, declared: pa.DataType) -> bool:
    types = pa.types
    if types.is_timestamp(came) and types.is_timestamp(declared):
        return same_zone(came.tz, declared.tz)
    return any(kind(came) and kind(declared) for kind in (types.is_duration, types.is_time))


def _nested_fits(came: pa.DataType, declared: pa.DataType) -> bool:
    types = pa.types
    if types.is_map(came) and types.is_map(declared):
        return fits(came.key_type, declared.key_type) and _part_fits(came.item_type, declared.item_type)
    if _is_list(came) and _is_list(declared):
        if types.is_fixed_size_list(declared) and not _same_size(came, declared):
            return False
        return _part_fits(came.value_type, declared.value_type)
    if types.is_struct(came) and types.is_struct(declared):
        parts, wanted = _parts(came), _parts(declared)
        return parts.keys() == wanted.keys() and all(_part_fits(parts[name], wanted[name]) for name in wanted)
    return False


def _part_fits(came: pa.DataType, declared: pa.DataType) -> bool:
    return bool(pa.types.is_null(came)) or fits(came, declared)


def _same_size(one: pa.DataType, other: pa.DataType) -> bool:
    sized = pa.types.is_fixed_size_list(one) and pa.types.is_fixed_size_list(other)
    return bool(sized and one.list_size == other.list_size)


def _common_integer(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """A signed integer type for both; None if it would need 65 bits."""
    wider = max(one.bit_width, other.bit_width)
    for kind in (pa.int16(), pa.int32(), pa.int64()):
        if kind.bit_width >= wider and fits(one, kind) and fits(other, kind):
            return kind
    return None


def _common_nested(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if _is_list(one) and _is_list(other):
        value = _common_part(one.value_type, other.value_type)
        if value is None:
            return None
        if _same_size(one, other):
            return pa.list_(value, one.list_size)
        large = types.is_large_list(one) or types.is_large_list(other)
        return pa.large_list(value) if large else pa.list_(value)
    if types.is_struct(one) and types.is_struct(other) and _parts(one).keys() == _parts(other).keys():
        parts = {name: _common_part(kind, _parts(other)[name]) for name, kind in _parts(one).items()}
        return None if None in parts.values() else pa.struct(list(parts.items()))
    return None


def _common_part(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """As `common`, for parts of lists and structs, whose values are not checked one by one."""
    found = common(one, other)
    fit = found is not None and _part_fits(one, found) and _part_fits(other, found)
    return found if fit else None


def _parts(kind: pa.DataType) -> dict[str, pa.DataType]:
    return {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}


def _rounded(there: pa.Array, declared: pa.DataType) -> pa.Array:
    """Which integers a float type would round: Python compares the two exactly."""
    most = 2 ** _DIGITS[declared.bit_width]
    lost = np.zeros(len(there), np.bool_)
    values = there.to_numpy(zero_copy_only=False)
    floats = np.dtype(f"f{declared.bit_width // 8}").type
    for at in np.flatnonzero((values > most) | ((values < -most) if values.dtype.kind == "i" else False)):
        with np.errstate(over="ignore"):
            near = float(floats(int(values[at])))
        lost[at] = near != int(values[at])
    return pa.array(lost)


def _not_whole(there: pa.Array, declared: pa.DataType) -> pa.Array:
    most = 2 ** _DIGITS[there.type.bit_width]
    bits = declared.bit_width - (1 if pa.types.is_signed_integer(declared) else 0)
    values = there.to_numpy(zero_copy_only=False).astype(np.float64)
    low = -min(most, 2**bits) if pa.types.is_signed_integer(declared) else 0
    with np.errstate(invalid="ignore"):
        whole = (np.floor(values) == values) & (values >= low) & (values <= min(most, 2**bits - 1))
    return pa.array(~whole)


def _large(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Of two text types, or two binary ones, the one that holds more."""
    for family, large in ((_is_text, pa.large_string()), (_is_binary, pa.large_binary())):
        if family(one) and family(other):
            return large if large in (one, other) else other
    return None


def _plain_zone(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp(kind.unit, "UTC") if pa.types.is_timestamp(kind) and kind.tz in _UTC else kind


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))
