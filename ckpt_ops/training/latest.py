"""The newest rows of each slice, held out for ever: they lie after all rows of it that are trained on.

Rows drawn at random lie among those that a candidate trains on, so they evaluate it for the same time. Only
later rows can tell whether it does better on what comes next.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops import checks
from ckpt_ops.training.nth_largest import nth_largest
from ckpt_ops.wire_names import wire

_BLOCK = 2**18
"""Rows at a time."""
_ORDERED = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_timestamp,
)


@wire("Latest")
@dataclass(frozen=True)
class Latest:
    """Holds out the newest rows of each slice: `holdout=Latest(0.2, by="time_hour")`.

    Of the rows that have a value, the newest `share`, rounded up to a whole row, and with them every row that
    is as new as the oldest of these: equal values stay on one side. Rows of the slice's oldest value are
    trained on whatever `share` says, so a slice whose rows are all equally new has none held out. Rows
    without a value, NaN among them, are never held out.

    Attributes:
        share: of each slice's rows, more than 0 and less than 1.
        by: a column that the source declares, of numbers, dates or timestamps.
    """

    share: float
    by: str = field(kw_only=True)

    def __post_init__(self) -> None:
        checks.inner_share("Latest.share", self.share, why="candidates are evaluated on it")
        checks.text("Latest.by", self.by, allowed="the name of a column")

    def mask(self, values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """True where a row is held out; shape (rows,).

        A function of the slice's values alone, in whichever order and however many pieces they come. Besides
        the mask it takes the memory of a block of rows.

        Args:
            values: the column `by` of the whole slice.
        """
        pieces = partial(_pieces, values)
        known, oldest = 0, None
        for piece in pieces():
            least = pc.min(piece)
            known += len(piece) - piece.null_count
            if least.is_valid and (oldest is None or pc.less(least, oldest).as_py()):
                oldest = least
        mask = np.zeros(len(values), np.bool_)
        if oldest is None:
            return mask
        cut, at = nth_largest(pieces, math.ceil(self.share * known)), 0
        for piece in pieces():
            held = pc.and_(pc.greater_equal(piece, cut), pc.greater(piece, oldest))
            mask[at : at + len(piece)] = pc.fill_null(held, False)
            at += len(piece)
        return mask


def has_order(kind: pa.DataType) -> bool:
    """Whether values of this type say which of two rows is the newer one."""
    return any(is_one(_plain(kind)) for is_one in _ORDERED)


def ordered_columns(schema: pa.Schema) -> list[str]:
    """The columns by which the newest rows of a slice can be told."""
    return [column.name for column in schema if has_order(column.type)]


def _pieces(values: pa.Array | pa.ChunkedArray) -> Iterator[Any]:
    for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
        for start in range(0, len(chunk), _BLOCK):
            yield _comparable(chunk.slice(start, _BLOCK))


def _comparable(values: Any) -> Any:
    """Without encoding, NaN as null: it is neither newer nor older."""
    kind = _plain(values.type)
    if pa.types.is_float16(kind):
        kind = pa.float32()  # all of whose values it holds; Arrow does not rank the other
    values = values.cast(kind)
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
    return values


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
