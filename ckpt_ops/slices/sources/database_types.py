"""Column types of databases, and when the declared one stands for them."""

from __future__ import annotations

import pyarrow as pa

_FAMILIES = (
    (pa.types.is_integer,),
    (pa.types.is_floating, pa.types.is_decimal),
    (pa.types.is_string, pa.types.is_large_string),
)


def as_declared(natural: pa.DataType, declared: pa.DataType) -> pa.DataType:
    """The declared type when a database's own is of the same family, else the database's own.

    A value that the declared type does not hold is then an error of its own; a column of another family
    comes as it is, for validation to evaluate.
    """
    if pa.types.is_timestamp(natural) and pa.types.is_timestamp(declared):
        return declared if (natural.tz is None) == (declared.tz is None) else natural
    same = any(
        any(one(natural) for one in family) and any(one(declared) for one in family) for family in _FAMILIES
    )
    return declared if same else natural
