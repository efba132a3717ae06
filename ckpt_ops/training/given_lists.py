"""Lists as `examples()` may give them, with how a batch of them is padded."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.lists import ListColumn, is_cells
from ckpt_ops.training.list_values import check_finite, is_list, of_arrow, of_rows
from ckpt_ops.training.refusing import Refuse

ENDS = ("first", "last")


@dataclass(frozen=True, eq=False)
class Lists:
    """A column of lists for `Examples.inputs` or `Examples.labels`, with how a batch of it is padded.

    Args:
        values: an Arrow column of lists, or one list, tuple or array for each row.
        pad: stands behind the end of a shorter list; None: 0, or "" in text.
        length: to which every list is padded; None: to the longest of its batch.
        keep: what to keep of lists longer than `length`, their "first" or "last" values. None: refuse them.

    Raises:
        BadInput: a setting that means nothing. What is wrong with `values` is refused by `Examples`, which
            knows what the column is called.
    """

    values: Any
    _: KW_ONLY
    pad: Any = None
    length: int | None = None
    keep: str | None = None

    def __post_init__(self) -> None:
        if self.length is not None:
            checks.whole("Lists.length", self.length)
        if self.keep is not None and self.keep not in ENDS:
            raise BadInput("Lists.keep", self.keep, f"None or one of {', '.join(map(repr, ENDS))}")
        if self.keep is not None and self.length is None:
            raise BadInput(
                "Lists.keep", self.keep, "None where there is no length=: no list is too long then"
            )
        if isinstance(self.pad, list | tuple | dict | set | np.ndarray):
            raise BadInput("Lists.pad", self.pad, "one number or text, or None")


def holds_lists(values: Any) -> bool:
    """Whether these are lists without a word: an Arrow column of lists, or an array of arrays."""
    if isinstance(values, Lists | ListColumn):
        return True
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return is_list(values.type)
    is_objects = isinstance(values, np.ndarray) and values.ndim == 1 and is_cells(values)
    return is_objects and np.ndarray in set(map(type, values))


def read_lists(values: Any, refuse: Refuse, *, nan_is_fine: bool = False) -> ListColumn:
    """The column. Raises what `refuse` makes of what is wrong and what to do.

    Args:
        nan_is_fine: NaN stands for a missing value.
    """
    if isinstance(values, ListColumn):
        return values
    given = values if isinstance(values, Lists) else Lists(values)
    if isinstance(given.values, ListColumn):
        found = given.values
    elif isinstance(given.values, pa.Array | pa.ChunkedArray):
        found = of_arrow(given.values, refuse)
    else:
        found = of_rows(given.values, refuse)
    check_finite(found, refuse, nan_is_fine=nan_is_fine)
    return _of_length(_padded_with(found, given.pad, refuse), given, refuse)


def _padded_with(column: ListColumn, pad: Any, refuse: Refuse) -> ListColumn:
    if not len(column.values) and isinstance(pad, str):
        column = replace(column, values=np.empty(0, object))  # no value told what lists hold
    text = column.dtype.kind in "OSU"
    if pad is None:
        pad = "" if text else column.dtype.type(0)
    elif text is not isinstance(pad, str | bytes):
        _misfit(pad, column, refuse)
    elif not text:
        with np.errstate(all="ignore"):
            cast = np.asarray(pad).astype(column.dtype)
        if cast != pad and not (pad != pad and column.dtype.kind == "f"):
            _misfit(pad, column, refuse)
        pad = cast[()]
    return replace(column, pad=pad)


def _misfit(pad: Any, column: ListColumn, refuse: Refuse) -> NoReturn:
    kind = "text" if column.dtype.kind in "OSU" else column.dtype
    raise refuse(f"is {kind}, and pad={pad!r} is no such value", "pad it with a value of its own dtype")


def _of_length(column: ListColumn, given: Lists, refuse: Refuse) -> ListColumn:
    if given.length is None:
        return column
    starts, lengths = column.starts, column.lengths
    long = np.flatnonzero(lengths > given.length)
    if len(long) and given.keep is None:
        raise refuse(
            f"has {len(long)} lists longer than length={given.length}, the first in row {long[0]} with "
            f"{lengths[long[0]]} values",
            'set a larger length, or say what to keep of them: keep="first" or keep="last"',
        )
    if given.keep == "last":
        starts = starts + np.maximum(lengths - given.length, 0)
    lengths = np.minimum(lengths, given.length)
    return replace(column, starts=starts, lengths=lengths, length=given.length)
