"""Rows as columns: checked arrays, and their way through an Arrow table and back.

The probabilities of several classes are one column of fixed-size lists; all else is numbers or text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ckpt_ops import outputs
from ckpt_ops.documents import BadDocument, parse
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import FloatArray

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = "(missing)"
Text = npt.NDArray[np.str_]


def labels(values: object) -> FloatArray:
    """A read-only copy of finite numbers, (n,), or (n, k) for k labels of a row. `BadInput` otherwise."""
    if (several := _by_output(labels, values)) is not None:
        return several
    label = _numbers("label", values)
    if label.ndim not in (1, 2) or (label.ndim == 2 and label.shape[1] < 2):
        raise BadInput("label", f"shape {label.shape}", "shape (n,), or (n, k) for k labels, at least 2")
    if not np.isfinite(label).all():
        bad = np.count_nonzero(~np.isfinite(label))
        raise BadInput("label", f"{bad:,} of {label.size:,} NaN or infinite", "finite labels")
    return label


def predictions(name: str, values: object) -> FloatArray:
    """A read-only copy of numbers, (n,), or (n, k) with k of at least 2. NaN is kept, as predicted."""
    if (several := _by_output(partial(predictions, name), values)) is not None:
        return several
    array = _numbers(name, values)
    if array.ndim > 2 or array.ndim < 1 or (array.ndim == 2 and array.shape[1] < 2):
        raise BadInput(
            name,
            f"shape {array.shape}",
            "shape (n,), or (n, k) for the probabilities of k classes, at least 2",
            next=f"flatten a single column: {name}[:, 0]",
        )
    return array


def text(name: str, values: object) -> Text:
    """A read-only copy as text, (n,); a missing value is "(missing)"."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise BadInput(name, f"shape {array.shape}", "shape (n,)")
    if array.dtype.kind == "U":
        texts = array.astype(np.str_)
    else:
        # A value unequal to itself is NaN, pandas' other way to write "missing".
        cells = (MISSING if value is None or value != value else str(value) for value in array.tolist())
        texts = np.array(list(cells), dtype=np.str_)
    texts.setflags(write=False)
    return texts


def check_rows(count: int, columns: Mapping[str, npt.NDArray[Any] | None]) -> None:
    """Every column has as many rows as the label. `BadInput` names the first that does not."""
    for name, values in columns.items():
        if values is not None and len(values) != count:
            raise BadInput(name, f"{len(values):,} rows", f"as many rows as label has: {count:,}")


def check_alike(label: FloatArray, candidate: FloatArray, champion: FloatArray | None) -> None:
    """Both models predict the same number of classes of the same outputs, and those that have labels."""
    if champion is not None and outputs.form(champion) != outputs.form(candidate):
        raise BadInput(
            "champion",
            _formed(champion),
            f"the candidate's outputs and classes: {_formed(candidate)}",
        )
    wanted, found = outputs.form(label), outputs.form(candidate)
    if wanted.keys() != found.keys() or any(shape and shape != found[name] for name, shape in wanted.items()):
        raise BadInput(
            "candidate", outputs.formed(candidate), f"those of the labels: {outputs.formed(label)}"
        )


def _formed(predictions: FloatArray) -> str:
    several = outputs.names_of(predictions)
    return outputs.formed(predictions) if several else f"shape {predictions.shape}"


def to_table(columns: Mapping[str, npt.NDArray[Any]], metadata: Mapping[bytes, bytes]) -> pa.Table:
    """A table of these columns, in their order; of several outputs `label:click` and so on."""
    # Here and not above: gates are named in DAG files, whose parsing pays for every import.
    import pyarrow as pa

    def column(values: npt.NDArray[Any]) -> pa.Array:
        if values.dtype.kind == "U":
            return pa.array(values.tolist(), pa.string())  # without its type, no rows would become nulls
        if values.ndim == 2:
            return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        return pa.array(values)

    named = {
        f"{name}:{output}" if output else name: column(one)
        for name, values in columns.items()
        for output, one in outputs.each(values).items()
    }
    table = pa.table(named)
    return table.replace_schema_metadata(metadata)


def read_numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column of numbers, (n,), or of fixed-size lists, (n, k); of several outputs, all that are there."""
    import pyarrow as pa

    if name not in table.column_names:
        begin = f"{name}:"
        found = [one.removeprefix(begin) for one in table.column_names if one.startswith(begin)]
        return outputs.together({output: read_numbers(table, f"{begin}{output}") for output in found})
    column = table.column(name)
    if column.null_count:
        raise BadInput(name, f"{column.null_count:,} nulls in {len(column):,} rows", "no nulls")
    array: npt.NDArray[Any]
    if pa.types.is_fixed_size_list(column.type):
        parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
        array = np.concatenate([np.empty(0), *parts]).reshape(len(column), column.type.list_size)
    else:
        array = column.to_numpy()
    return array


def read_text(table: pa.Table, name: str) -> Text:
    """A column of text; a null is "(missing)"."""
    values = table.column(name).to_pylist()
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return text(name, array)


def require(table: pa.Table, names: Iterable[str]) -> None:
    """`BadInput` names the first column that the table lacks."""
    for name in names:
        if not has(table, name):
            raise BadInput("columns", list(table.column_names), f"a column {name!r}")


def has(table: pa.Table, name: str) -> bool:
    """Whether the column is there, or one of it for each of several outputs."""
    return any(one == name or one.startswith(f"{name}:") for one in table.column_names)


def written_by(table: pa.Table, key: bytes, writer: str, needed: Collection[str] = ()) -> dict[str, Any]:
    """The table's metadata under `key`, a JSON object with `needed` in it.

    Raises:
        BadInput: the table was not written by `writer`.
    """
    metadata: Mapping[bytes, bytes] = table.schema.metadata or {}
    if key not in metadata:
        raise BadInput(
            "metadata",
            sorted(name.decode(errors="replace") for name in metadata),
            f"a table written by {writer}.to_table, with the key {key.decode()!r}",
        )
    with suppress(BadDocument):
        found = parse(metadata[key])
        if found.keys() >= set(needed):
            return found
    fields = f" with {' and '.join(needed)}" if needed else ""
    raise BadInput("metadata", metadata[key][:200], f"a JSON object{fields}")


def groups(values: object) -> Text:
    """A read-only copy as text, (n,). A row without a group belongs to no query, so it is refused."""
    texts = text("groups", values)
    missing = int(np.count_nonzero(texts == MISSING))
    if missing:
        raise BadInput("groups", f"{missing:,} of {texts.size:,} missing", "a group for every row")
    return texts


def _by_output(read: Callable[[object], FloatArray], values: object) -> FloatArray | None:
    """Of several outputs, `read` of each; None where there is one."""
    if not isinstance(values, np.ndarray) or not outputs.names_of(values):
        return None
    several = outputs.together({name: read(one) for name, one in outputs.each(values).items()})
    several.setflags(write=False)
    return several


def _numbers(name: str, values: object) -> FloatArray:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise BadInput(name, f"dtype {array.dtype}", "numbers")
    copy = array.astype(np.float64)
    copy.setflags(write=False)
    return copy
