"""Labels for each position of a row, and the input whose positions they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lists import ListColumn, cells_of, is_cells, lengths_of
from ckpt_ops.outputs import each
from ckpt_ops.training.given_lists import read_lists
from ckpt_ops.training.refusing import refusing, unusable

Array = npt.NDArray[Any]


def labels_of_positions(called: str, values: Any, name: str, lengths: dict[str, int]) -> Array:
    """As cells, each (length,) or (length, k)."""
    column = read_lists(values, refusing(called))
    if column.dtype.kind not in "biuf":
        raise unusable(f"{called} has lists of {column.dtype}", "return numbers as labels")
    if column.length is not None:
        lengths[name] = column.length
    flat = column.flat()
    if flat.ndim == 2 and flat.shape[1] == 1:
        flat = flat[:, 0]
    return cells_of(flat, column.lengths)


def positions_of(labels: Array, inputs: Mapping[str, Any], lengths: Mapping[str, int]) -> dict[str, str]:
    """By output with a label for each position, the input whose positions these are; "" for a fixed length.

    Labels are padded as that input is: so a model that keeps the length of its input predicts for each label.

    Raises:
        ModelCodeError: in some row there are other positions than in every input.
    """
    found = {}
    for name, column in each(labels).items():
        if not is_cells(column):
            continue
        ours = lengths_of(column)
        lists = {one: column for one, column in inputs.items() if isinstance(column, ListColumn)}
        alike = [one for one in lists if np.array_equal(lists[one].lengths, ours)]
        if name in lengths:
            alike = [one for one in alike if lists[one].length == lengths[name]]
        elif not alike:
            raise _other_positions(f"labels[{name!r}]" if name else "labels", ours, lists)
        found[name] = alike[0] if alike else ""
    return found


def _other_positions(called: str, ours: Array, lists: Mapping[str, ListColumn]) -> ModelCodeError:
    if not lists:
        return unusable(
            f"{called} has lists, and no input has",
            f"give them the length of the model's output: labels=Lists(..., length=N) for {called}",
        )
    near = min(lists, key=lambda one: np.count_nonzero(lists[one].lengths != ours))
    theirs = lists[near].lengths
    row = int(np.flatnonzero(theirs != ours)[0])
    return unusable(
        f"{called} has {ours[row]} labels in row {row}, inputs[{near!r}] has {theirs[row]} positions there",
        "give each position of an input a label, in rows that have none an empty list; or, where the model's "
        "output has a length of its own, set it: Lists(..., length=N)",
    )
