"""Which rows of a slice are held out, for ever."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def holdout_mask(*, revision: str, rows: int, share: float) -> npt.NDArray[np.bool_]:
    """True where a row is held out; shape (rows,).

    A function of the slice revision alone: whichever candidate looks, now or in a replay, no model of
    this pipeline ever trains on these rows.
    """
    generator = np.random.Generator(np.random.PCG64(int(revision[:16], 16)))
    return generator.random(rows) < share
