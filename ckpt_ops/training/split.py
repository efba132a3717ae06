"""Which rows of a slice are held out, for ever.

Row by row, or all rows that share a value of a column together: a query whose rows lie on both sides would
be ranked by what is left of it, by a model that has seen the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from blake3 import blake3

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 2**18
"""Rows at a time."""


def holdout_mask(*, revision: str, rows: int, share: float) -> npt.NDArray[np.bool_]:
    """True where a row is held out; shape (rows,).

    A function of the slice revision alone: whichever candidate looks, now or in a replay, no model of
    this pipeline ever trains on these rows.
    """
    generator = np.random.Generator(np.random.PCG64(int(revision[:16], 16)))
    mask = np.empty(rows, np.bool_)
    for start in range(0, rows, _BLOCK):  # the same numbers as at once, in the memory of a block
        stop = min(start + _BLOCK, rows)
        mask[start:stop] = generator.random(stop - start) < share
    return mask


def holdout_mask_by(values: pa.Array, *, share: float) -> npt.NDArray[np.bool_]:
    """True where a row is held out; shape (rows,). About `share` of the distinct values are.

    A function of the value alone, as text: in whichever slice it comes, now or later, no model of this
    pipeline trains on a row of it. Missing values are one value.
    """
    if hasattr(values, "dictionary_decode"):
        values = values.dictionary_decode()  # one that is encoded has no value for what is missing
    encoded = values.dictionary_encode(null_encoding="encode")
    held = np.array([_uniform(str(value)) < share for value in encoded.dictionary.to_pylist()], np.bool_)
    mask: npt.NDArray[np.bool_] = held[encoded.indices.to_numpy()]
    return mask


def _uniform(text: str) -> float:
    """A number from 0 to 1 that follows from the text."""
    return int.from_bytes(blake3(text.encode()).digest(8), "big") / 2**64
