"""What is judged: labels, two models' predictions on the same rows, and how to slice them.

The process that trained writes it (as an Arrow table, kept as Parquet under the version); judging reads it
back and needs no model and no TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import FloatArray

if TYPE_CHECKING:
    import pyarrow as pa

METADATA_KEY = b"ckpt_ops.judged"
SEGMENT_PREFIX = "segment:"
MISSING_SEGMENT = "(missing)"


@dataclass(frozen=True, kw_only=True)
class ServableCheck:
    """What loading the exported model in a fresh process found; filled in by the process that trained.

    Attributes:
        max_abs_difference: largest |exported - trained| prediction, None when it was not reached.
        rows: how many rows were compared.
        error: why the export could not be loaded or asked, None when it could.
    """

    max_abs_difference: float | None
    rows: int
    error: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Predictions on the rows that decide about a candidate. Arrays are copied and made read-only.

    NaN predictions are accepted here, as a true record of what a model said: the metrics refuse them, and so
    the gates refuse the candidate.

    Attributes:
        label: float64 (n,), finite.
        candidate: float64 (n,), the candidate's predictions.
        champion: float64 (n,), the champion's on the same rows; None for a first version.
        segments: by column name, text (n,): which segment a row belongs to; a missing value is "(missing)".
        slice_key: the slice the rows came from.
        rows: which rows these are, in words: "holdout of slice 2013-01-06".
        servable: what the check of the export found; None when it was not checked.
    """

    label: FloatArray
    candidate: FloatArray
    slice_key: str
    rows: str
    champion: FloatArray | None = None
    segments: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    servable: ServableCheck | None = None

    def __post_init__(self) -> None:
        label = _numbers("label", self.label)
        if not np.isfinite(label).all():
            bad = np.count_nonzero(~np.isfinite(label))
            raise BadInput("label", f"{bad:,} of {label.size:,} NaN or infinite", "finite labels")
        columns: dict[str, FloatArray | None] = {
            "candidate": _numbers("candidate", self.candidate),
            "champion": None if self.champion is None else _numbers("champion", self.champion),
        }
        for name in self.segments:
            if not isinstance(name, str) or not name:
                raise BadInput("segments", name, "columns named by non-empty text")
        segments = {name: _text(name, values) for name, values in self.segments.items()}
        sized = {**columns, **{f"{SEGMENT_PREFIX}{name}": values for name, values in segments.items()}}
        for name, values in sized.items():
            if values is not None and values.size != label.size:
                raise BadInput(name, f"{values.size:,} rows", f"as many rows as label has: {label.size:,}")
        for name, text in (("slice_key", self.slice_key), ("rows", self.rows)):
            if not isinstance(text, str) or not text:
                raise BadInput(name, text, "non-empty text")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "candidate", columns["candidate"])
        object.__setattr__(self, "champion", columns["champion"])
        object.__setattr__(self, "segments", segments)

    @property
    def count(self) -> int:
        """How many rows are judged."""
        return self.label.size

    def to_table(self) -> pa.Table:
        """Columns label, candidate, champion (if any), segment:<name>; the rest in the schema's metadata."""
        # Here and not above: gates are named in DAG files, whose parsing pays for every import.
        import pyarrow as pa

        columns: dict[str, npt.NDArray[np.float64] | npt.NDArray[np.str_]] = {
            "label": self.label,
            "candidate": self.candidate,
        }
        if self.champion is not None:
            columns["champion"] = self.champion
        columns |= {f"{SEGMENT_PREFIX}{name}": values for name, values in self.segments.items()}
        about: dict[str, object] = {"slice_key": self.slice_key, "rows": self.rows, "servable": None}
        if self.servable is not None:
            about["servable"] = {
                "max_abs_difference": self.servable.max_abs_difference,
                "rows": self.servable.rows,
                "error": self.servable.error,
            }
        table = pa.table(
            {
                # Without its type, an empty text column would become one of nulls.
                name: pa.array(values.tolist(), pa.string()) if values.dtype.kind == "U" else pa.array(values)
                for name, values in columns.items()
            }
        )
        return table.replace_schema_metadata({METADATA_KEY: json.dumps(about).encode()})

    @classmethod
    def from_table(cls, table: pa.Table) -> Judged:
        """Read what `to_table` wrote. Other columns are left alone; `BadInput` names what is missing."""
        metadata: Mapping[bytes, bytes] = table.schema.metadata or {}
        if METADATA_KEY not in metadata:
            raise BadInput(
                "metadata",
                sorted(key.decode(errors="replace") for key in metadata),
                f"a table written by Judged.to_table, with the key {METADATA_KEY.decode()!r}",
            )
        names: list[str] = list(table.column_names)
        for required in ("label", "candidate"):
            if required not in names:
                raise BadInput("columns", names, f"a column {required!r}")
        about = _about(metadata[METADATA_KEY])
        return cls(
            label=_column(table, "label"),
            candidate=_column(table, "candidate"),
            champion=_column(table, "champion") if "champion" in names else None,
            segments={
                name.removeprefix(SEGMENT_PREFIX): _object_array(table.column(name).to_pylist())
                for name in names
                if name.startswith(SEGMENT_PREFIX)
            },
            slice_key=about["slice_key"],
            rows=about["rows"],
            servable=_servable(about.get("servable")),
        )


def _about(written: bytes) -> dict[str, Any]:
    try:
        about = json.loads(written)
    except ValueError:
        about = None
    if not isinstance(about, dict) or not {"slice_key", "rows"} <= about.keys():
        raise BadInput("metadata", written[:200], "a JSON object with slice_key and rows")
    return about


def _servable(written: Mapping[str, Any] | None) -> ServableCheck | None:
    if written is None:
        return None
    return ServableCheck(
        max_abs_difference=written.get("max_abs_difference"),
        rows=written.get("rows", 0),
        error=written.get("error"),
    )


def _numbers(name: str, values: object) -> FloatArray:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise BadInput(name, f"dtype {array.dtype}", "numbers")
    if array.ndim != 1:
        raise BadInput(
            name, f"shape {array.shape}", "shape (n,)", next=f"flatten a single column: {name}[:, 0]"
        )
    copy = array.astype(np.float64)
    copy.setflags(write=False)
    return copy


def _text(name: str, values: object) -> npt.NDArray[np.str_]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise BadInput(f"{SEGMENT_PREFIX}{name}", f"shape {array.shape}", "shape (n,)")
    if array.dtype.kind == "U":
        text = array.astype(np.str_)
    else:
        # A value unequal to itself is NaN, pandas' other way to write "missing".
        said = (
            MISSING_SEGMENT if value is None or value != value else str(value) for value in array.tolist()
        )
        text = np.array(list(said), dtype=np.str_)
    text.setflags(write=False)
    return text


def _object_array(values: Iterable[object]) -> npt.NDArray[np.str_]:
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def _column(table: pa.Table, name: str) -> FloatArray:
    column = table.column(name)
    if column.null_count:
        raise BadInput(name, f"{column.null_count:,} nulls in {len(column):,} rows", "no nulls")
    array: FloatArray = column.to_numpy()
    return array
