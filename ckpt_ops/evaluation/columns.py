"""Rows as columns: checked arrays, and their way through an Arrow table and back.

The probabilities of several classes are one column of fixed-size lists, and numbers for each position of a
row one of lists; all else is numbers or text.
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
from ckpt_ops.lists import cells_of, flat_cells, is_cells, lengths_of

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = "(missing)"
Text = npt.NDArray[np.str_]


def labels(values: object) -> FloatArray:
    """A read-only copy of finite numbers, (n,), (n, k) for k labels of a row, or cells: (n,) arrays of
    numbers for each position of a row. `BadInput` otherwise."""
    if (several := _by_output(labels, values)) is not None:
        return several
    if (cells := _cells("label", values)) is not None:
        if not (finite := np.isfinite(flat_cells(cells))).all():
            bad = np.count_nonzero(~finite)
            raise BadInput("label", f"{bad:,} of {finite.size:,} NaN or infinite", "finite labels")
        return cells
    label = _numbers("label", values)
    if label.ndim not in (1, 2) or (label.ndim == 2 and label.shape[1] < 2):
        raise BadInput("label", f"shape {label.shape}", "shape (n,), or (n, k) for k labels, at least 2")
    if not np.isfinite(label).all():
        bad = np.count_nonzero(~np.isfinite(label))
        raise BadInput("label", f"{bad:,} of {label.size:,} NaN or infinite", "finite labels")
    return label


def predictions(name: str, values: object) -> FloatArray:
    """A read-only copy of numbers, (n,), (n, k) with k of at least 2, or cells. NaN is kept, as predicted."""
    if (several := _by_output(partial(predictions, name), values)) is not None:
        return several
    if (cells := _cells(name, values)) is not None:
        return cells
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


def check_drawn(count: int, drawn_from: object) -> None:
    """Rows were drawn from at least as many. `BadInput` otherwise."""
    if drawn_from is None:
        return
    if isinstance(drawn_from, bool) or not isinstance(drawn_from, int) or drawn_from < count:
        raise BadInput("drawn_from", drawn_from, f"None, or at least the {count:,} rows that were drawn")


def check_alike(label: FloatArray, candidate: FloatArray, champion: FloatArray | None) -> None:
    """Both models predict the same number of classes of the same outputs, and those that have labels; where
    labels are of positions, for each of these."""
    if champion is not None and outputs.form(champion) != outputs.form(candidate):
        raise BadInput(
            "champion",
            _formed(champion),
            f"the candidate's outputs and classes: {_formed(candidate)}",
        )
    wanted, found = outputs.form(label), outputs.form(candidate)
    if wanted.keys() != found.keys() or not all(
        _answers(shape, found[name]) for name, shape in wanted.items()
    ):
        raise BadInput(
            "candidate", outputs.formed(candidate), f"those of the labels: {outputs.formed(label)}"
        )
    both = {"candidate": candidate} | ({} if champion is None else {"champion": champion})
    for whose, predicted in both.items():
        for name, lengths in outputs.lengths(label).items():
            _check_positions(whose, outputs.lengths(predicted)[name], lengths)


def _answers(label: tuple[int | None, ...], predicted: tuple[int | None, ...]) -> bool:
    """One label a row, or a position, may have k probabilities; k labels have one each."""
    if label in ((), (None,)):
        return (None in label) is (None in predicted)
    return label == predicted


def _check_positions(whose: str, predicted: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> None:
    differ = np.flatnonzero(predicted != wanted)
    if len(differ):
        row = int(differ[0])
        raise BadInput(
            whose,
            f"predictions of {predicted[row]} positions in row {row}",
            f"as many as there are labels: {wanted[row]}",
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
            return pa.array(values, pa.string())  # without its type, no rows would become nulls
        if is_cells(values):
            return as_lists(values)
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


def as_lists(cells: npt.NDArray[Any]) -> pa.Array:
    """Numbers for each position as an Arrow column of lists, of lists of k where there are k for each."""
    import pyarrow as pa

    flat = flat_cells(cells)
    values = pa.array(flat.ravel())
    if flat.ndim == 2:
        values = pa.FixedSizeListArray.from_arrays(values, flat.shape[1])
    return pa.LargeListArray.from_arrays(pa.array(np.cumsum([0, *lengths_of(cells)]), pa.int64()), values)


def read_numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column of numbers, (n,), of fixed-size lists, (n, k), or of lists, as cells; of several outputs, all
    that are there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in table.column_names:
        begin = f"{name}:"
        found = [one.removeprefix(begin) for one in table.column_names if one.startswith(begin)]
        return outputs.together({output: read_numbers(table, f"{begin}{output}") for output in found})
    column = table.column(name)
    if column.null_count:
        raise BadInput(name, f"{column.null_count:,} nulls in {len(column):,} rows", "no nulls")
    array: npt.NDArray[Any]
    if pa.types.is_large_list(column.type):
        inner = pa.table(
            {"flat": pa.chunked_array([one.flatten() for one in column.chunks], column.type.value_type)}
        )
        lengths = pc.list_value_length(column).to_numpy()
        return cells_of(read_numbers(inner, "flat"), lengths)
    if pa.types.is_fixed_size_list(column.type):
        parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
        array = np.concatenate([np.empty(0), *parts]).reshape(len(column), column.type.list_size)
    else:
        array = column.to_numpy()
    return array


def read_text(table: pa.Table, name: str) -> Text:
    """A column of text; a null is "(missing)"."""
    import pyarrow as pa

    column = table.column(name)
    if not len(column):
        return text(name, np.empty(0, np.str_))
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    encoded = plain.combine_chunks().dictionary_encode("encode")
    values = np.empty(len(encoded.dictionary), dtype=object)
    values[:] = encoded.dictionary.to_pylist()
    return text(name, text(name, values)[encoded.indices.to_numpy()])


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


def _cells(name: str, values: object) -> FloatArray | None:
    """A read-only copy of numbers for each position; None where there are none."""
    if not isinstance(values, np.ndarray) or not is_cells(values):
        return None
    other = next((row for row, one in enumerate(values) if not isinstance(one, np.ndarray)), None)
    if other is not None:
        raise BadInput(
            name, f"a {type(values[other]).__name__} in row {other}", "an array of numbers each row"
        )
    flat = _numbers(name, flat_cells(values))
    if flat.ndim > 2 or (flat.ndim == 2 and flat.shape[1] < 2):
        raise BadInput(name, f"shape {flat.shape[1:]} a position", "a number, or k of at least 2, a position")
    cells = cells_of(flat, lengths_of(values))
    cells.setflags(write=False)
    return cells


def _numbers(name: str, values: object) -> FloatArray:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise BadInput(name, f"dtype {array.dtype}", "numbers")
    copy = array.astype(np.float64)
    copy.setflags(write=False)
    return copy
