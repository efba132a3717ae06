"""Rows through a model, a few batches at a time: the next ones are made ready while these are computed.

A model sees 4,096 rows at a time, and at the end what is left. The size is part of the result: how rows are
shared out in a product of matrices decides how its sums are rounded, so the same row may differ in its last
bit in a batch of another size. What was kept by earlier code is compared with these numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

BATCH = 4096
Array = npt.NDArray[Any]
T = TypeVar("T")


def streamed(
    rows: int, ready: Callable[[slice], T], ask: Callable[[slice, T], Array], *, at_once: int = 1
) -> Array | None:
    """What `ask` returns for all rows, in order; None without rows.

    Memory holds the result, what two calls of `ready` made, and nothing else that grows with the rows.

    Args:
        ready: makes rows ready, in a thread of its own.
        ask: what the model says of rows that are ready, an array with one element for each.
        at_once: how many batches one call of `ask` is for.
    """
    found = Answer(rows)
    for some, made in _ahead(rows, ready, BATCH * at_once):
        found.add(ask(some, made))
    return found.array()


def _ahead(rows: int, ready: Callable[[slice], T], size: int) -> Iterator[tuple[slice, T]]:
    parts = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
    if len(parts) < 2:
        yield from ((part, ready(part)) for part in parts)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="next-rows") as beside:
        coming = beside.submit(ready, parts[0])
        for part, after in zip(parts, [*parts[1:], None], strict=True):
            made = coming.result()
            if after is not None:
                coming = beside.submit(ready, after)
            yield part, made


class Answer:
    """Parts, one after the other, in one array that is taken once: as `np.concatenate`, in half the memory.

    Args:
        rows: of all parts.
    """

    def __init__(self, rows: int) -> None:
        self._rows, self._at = rows, 0
        self._whole: Array | None = None
        self._parts: list[Array] = []

    def add(self, part: Array) -> None:
        if self._whole is None and not self._parts:
            self._whole = np.empty((self._rows, *part.shape[1:]), part.dtype)
        whole, stop = self._whole, self._at + len(part)
        if whole is None:
            self._parts.append(part)
        elif part.shape[1:] == whole.shape[1:] and part.dtype == whole.dtype and stop <= self._rows:
            whole[self._at : stop] = part
            self._at = stop
        else:  # parts that differ are joined as NumPy joins them, or not at all
            self._parts, self._whole = [whole[: self._at], part], None

    def array(self) -> Array | None:
        """All parts; None if there was none."""
        if self._whole is not None:
            return self._whole[: self._at]
        return np.concatenate(self._parts) if self._parts else None
