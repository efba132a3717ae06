"""The columns of examples, each taken as an array or refused in a sentence that names it, before any step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lists import ListColumn
from ckpt_ops.outputs import check_name, each, names_of, together
from ckpt_ops.texts import TextColumn
from ckpt_ops.training.given_lists import holds_lists, read_lists
from ckpt_ops.training.label_positions import labels_of_positions
from ckpt_ops.training.list_values import TEXT
from ckpt_ops.training.refusing import refusing, unusable

Array = npt.NDArray[Any]
Column = Array | ListColumn | TextColumn

_SEQUENCES = (list, tuple, set, dict, np.ndarray)


def label_columns(values: Any, lengths: dict[str, int]) -> Array:
    """Labels, shape (rows,), (rows, k) or cells; of several outputs, a mapping, as `outputs.together`.

    Args:
        lengths: gets the fixed length of labels of positions that have one, by output.
    """
    if isinstance(values, np.ndarray) and names_of(values) == tuple(sorted(names_of(values))) != ():
        for name, column in each(values).items():
            _label(f"labels[{name!r}]", column, name, lengths)
        return values
    if not isinstance(values, Mapping):
        return _label("labels", values, "", lengths)
    if not values:
        raise unusable("labels is empty", "return an array for each output of the model, by its name")
    labels = {}
    for name, of_output in values.items():
        if not check_name(name):
            raise unusable(
                f"labels has an output {name!r}",
                "name outputs by printable text without ':', as the model does",
            )
        labels[name] = _label(f"labels[{name!r}]", of_output, name, lengths)
    first = next(iter(labels))
    for name, column in labels.items():
        if len(column) != len(labels[first]):
            raise unusable(
                f"labels[{name!r}] has {len(column)} rows, labels[{first!r}] has {len(labels[first])}",
                "return labels of one length for all outputs; where an output has no label, drop the row",
            )
    return together(labels)


def _label(called: str, values: Any, name: str, lengths: dict[str, int]) -> Array:
    if holds_lists(values):
        return labels_of_positions(called, values, name, lengths)
    labels = _array(called, values)
    if labels.ndim > 2 or (labels.ndim == 2 and not labels.shape[1]):
        raise unusable(
            f"{called} has shape {_shape(labels)}; an output has one label a row, or k",
            "return labels of shape (rows,): with k classes the class's index, and compile with "
            "loss='sparse_categorical_crossentropy'; (rows, k): k labels of each row; or Lists(labels): a "
            "label, or k, at each position of a row",
        )
    if labels.dtype.kind not in "biuf":
        raise unusable(f"{called} has dtype {labels.dtype}", "return numbers as labels")
    if labels.dtype.kind == "f" and (bad := _rows_not_finite(labels)):
        raise unusable(
            f"{called} has values that are not finite in {bad} of {len(labels)} rows",
            "drop rows without a label in examples()",
        )
    return labels


def input_columns(inputs: Any, *, rows: int, missing: frozenset[str]) -> dict[str, Column]:
    """What the model takes, by name.

    Args:
        missing: names of those in which NaN stands for a missing value that the model handles.
    """
    if not isinstance(inputs, Mapping):
        raise unusable(
            f"inputs is a {type(inputs).__name__}", "return a mapping of input names to arrays as inputs"
        )
    if not inputs:
        raise ModelCodeError("examples(): inputs is empty", next="return at least one input column")
    if unknown := missing - inputs.keys():
        raise unusable(
            f"missing names {', '.join(sorted(unknown))}, which inputs does not have",
            f"name some of {', '.join(map(repr, inputs))}",
        )
    return {name: _input(name, values, rows, missing=name in missing) for name, values in inputs.items()}


def check_rows(kind: str, columns: Mapping[str, Column], rows: int) -> None:
    """Each column has as many rows as there are labels."""
    for name, column in columns.items():
        if len(column) != rows:
            raise unusable(
                f"{kind}[{name!r}] has {len(column)} rows, labels has {rows}",
                "return columns of one length from examples()",
            )


def weight_column(values: Any, rows: int) -> Array:
    """How much each row counts in the loss: float32, shape (rows,)."""
    weights = np.asarray(values)
    if weights.shape != (rows,) or weights.dtype.kind not in "biuf":
        raise unusable(
            f"weights has shape {weights.shape} and dtype {weights.dtype}, labels has {rows} rows",
            "return one number a row as weights, shape (rows,)",
        )
    bad = int(np.count_nonzero(~(np.isfinite(weights) & (weights >= 0))))
    if bad:
        raise unusable(
            f"{bad} of {rows} weights are negative or not finite", "return finite weights of at least 0"
        )
    return weights.astype(np.float32, copy=False)


def group_column(values: Any, rows: int) -> Array:
    """Which query each row belongs to, shape (rows,)."""
    groups = np.asarray(values)
    if groups.shape != (rows,) or groups.dtype.kind not in "iuUO":
        raise unusable(
            f"groups has shape {groups.shape} and dtype {groups.dtype}, labels has {rows} rows",
            "return text or integers as groups, shape (rows,)",
        )
    if groups.dtype.kind == "O" and any(value is None or value != value for value in groups.tolist()):
        raise unusable("groups has missing values", "drop rows without a group in examples()")
    return groups


def as_column(values: Any, called: str, *, by: str) -> Any:
    """Lists as a `ListColumn`, NaN among them; whatever else as it is. Raises `ModelCodeError`.

    Args:
        by: the function that returned them.
    """
    return read_lists(values, refusing(called, by=by), nan_is_fine=True) if holds_lists(values) else values


def _input(name: str, values: Any, rows: int, *, missing: bool) -> Column:
    called = f"inputs[{name!r}]"
    if holds_lists(values):
        lists = read_lists(values, refusing(called), nan_is_fine=missing)
        check_rows("inputs", {name: lists}, rows)
        return lists
    if isinstance(values, TextColumn):
        check_rows("inputs", {name: values}, rows)
        return values
    column = _array(called, values)
    check_rows("inputs", {name: column}, rows)
    if column.dtype.kind == "O":
        _check_text(called, column)
    elif column.dtype.kind in "Mm":
        raise unusable(f"{called} has dtype {column.dtype}", "convert it to numbers or text")
    elif column.dtype.kind == "f" and (bad := _rows_not_finite(column, nan_is_fine=missing)):
        kind = "infinite" if missing else "not finite"
        raise unusable(
            f"{called} has values that are {kind} in {bad} of {rows} rows",
            "drop or fill these rows in examples(), and let the suite reject them; where the model handles "
            f"NaN as a missing value, set missing=({name!r},)",
        )
    return column


def _array(called: str, values: Any) -> Array:
    if isinstance(values, np.ndarray) and values.ndim:
        return values
    try:
        array = np.asarray(values)
    except ValueError:
        raise _ragged(called, 0) from None
    if not array.ndim:
        raise unusable(
            f"{called} is one {type(values).__name__}, not a column", "return an array of one row each"
        )
    return array


def _check_text(called: str, column: Array) -> None:
    """An array of objects may hold text only."""
    kinds = set(map(type, column.flat))
    if kinds <= TEXT:
        return
    if any(issubclass(kind, _SEQUENCES) for kind in kinds):
        raise _ragged(called, sum(isinstance(one, _SEQUENCES) for one in column.flat))
    nothing = np.array([one is None or one != one for one in column.flat], np.bool_).reshape(column.shape)
    if bad := _count_rows(nothing):
        raise unusable(
            f"{called} has no value (null) in {bad} of {len(column)} rows",
            "drop them in examples(), or fill them with a value of their own such as '(missing)'",
        )
    others = ", ".join(sorted(kind.__name__ for kind in kinds - TEXT))
    raise unusable(
        f"{called} is an array of objects that holds {others}",
        "return text as str, and numbers in an array of a numeric dtype",
    )


def _ragged(called: str, rows: int) -> ModelCodeError:
    return unusable(
        f"{called} is ragged: " + (f"{rows} rows hold sequences" if rows else "its rows differ in length"),
        "where rows are lists, say so: Lists(...), or an Arrow column of lists",
    )


def _rows_not_finite(column: Array, *, nan_is_fine: bool = False) -> int:
    """The sum tells, in one pass and without a second array; it may also overflow itself."""
    if not nan_is_fine:
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(column.sum()):
                return 0
    return _count_rows(np.isinf(column) if nan_is_fine else ~np.isfinite(column))


def _count_rows(bad: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(bad.any(axis=tuple(range(1, bad.ndim)))))  # also of no rows at all


def _shape(column: Array) -> str:
    return f"({', '.join(['rows', *map(str, column.shape[1:])])})"
