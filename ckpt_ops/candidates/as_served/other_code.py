"""A version whose code is not today's, asked in a process of its own with its kept code.

That process gets exactly the rows that today's `examples()` keeps, in files, a part at a time; labels,
segments and groups stay today's, and only the predictions come from there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops import worker
from ckpt_ops.candidates.as_served.asked import Rows, Scores
from ckpt_ops.candidates.as_served.exported import Array, served
from ckpt_ops.candidates.kept_rows import kept_rows
from ckpt_ops.errors import (
    CkptOpsError,
    ModelCodeError,
    NotAsServed,
    TrainingDied,
    TransientError,
    first_line,
)
from ckpt_ops.evaluation import columns
from ckpt_ops.outputs import each, joined, numbers
from ckpt_ops.pipeline.code.kept import Kept
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import call, inputs_by, make_examples
from ckpt_ops.training import Examples
from ckpt_ops.training.light_import import light_import
from ckpt_ops.worker import Ended, Surroundings

_PREDICTED = ".predicted"
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True, kw_only=True)
class PartsRequest:
    """Ask an export for predictions on rows in files.

    Attributes:
        export: folder of the SavedModel.
        parts: folder below which the rows lie, as `*.arrow`.
        examples, inputs: the functions that make its inputs, as `module:function`; `inputs` may be "".
    """

    export: Path
    parts: Path
    examples: str
    inputs: str


@dataclass(frozen=True, kw_only=True)
class PartsPredicted:
    """How many files of rows have predictions beside them."""

    parts: int


def ask_elsewhere(pipeline: Pipeline, code: Kept, export: Path, asked: Sequence[Rows]) -> list[Scores]:
    """What the SavedModel in `export` predicts on each set of rows, on inputs that `code` makes.

    Raises:
        NotAsServed: that code does not run today, or does not take these rows; or the export does not.
        TrainingDied: the process was killed.
    """
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-other-code-") as name:
        folder = Path(name)
        dags, parts = folder / "dags", folder / "parts"
        dags.mkdir()
        parts.mkdir()
        code.unpack(dags)
        of_each = [list(_write(pipeline, rows, parts / f"{at:06d}")) for at, rows in enumerate(asked)]
        if any(of_each):
            _run(pipeline, code, dags, export, parts)
        return [_read(files) for files in of_each]


def _write(pipeline: Pipeline, rows: Rows, folder: Path) -> list[Path]:
    """The rows that today's `examples()` keeps, as files that each hold a part of them."""
    folder.mkdir()
    written, count = list[Path](), 0
    for table in rows.tables():
        examples = partial(make_examples, pipeline)
        kept = table.take(pa.array(kept_rows(examples, table, examples(table), named=pipeline.examples)))
        if kept.num_rows:
            path = folder / f"{len(written):06d}.arrow"
            with pa.ipc.new_file(path, kept.schema, options=_COMPRESSED) as file:
                file.write_table(kept)
            written.append(path)
            count += kept.num_rows
    if count != rows.count:
        raise ModelCodeError(
            f"{pipeline.examples} keeps {count} rows, but kept {rows.count} before",
            safe="nothing was trained; the champion serves on",
            next="let what examples() keeps depend on the rows alone",
        )
    return written


def _run(pipeline: Pipeline, code: Kept, dags: Path, export: Path, parts: Path) -> None:
    def died(ended: Ended) -> CkptOpsError:
        what = f"the process that asks the version for predictions {ended.how}; its log is {ended.log}"
        if ended.from_outside:
            return TrainingDied(what, safe="nothing was trained; the champion serves on", next="retry")
        return NotAsServed(what)

    functions = code.functions
    request = PartsRequest(export=export, parts=parts, examples=functions.examples, inputs=functions.inputs)
    try:
        worker.run(
            predict_apart,
            request,
            title=("predict-as-served", pipeline.name),
            surroundings=Surroundings(code=dags, without=pipeline.folder.parent),
            report=lambda line: print(f"  {line}", flush=True),
            died=died,
        )
    except TransientError:
        raise
    except CkptOpsError as error:
        raise NotAsServed(
            f"with its kept code, {error.what}",
            next="give the rows what that code reads, such as a renamed column under its old name, too; one "
            "that the source dropped stays declared: column_times={COLUMN: Until(KEY, default=...)}",
        ) from error


def _read(files: Sequence[Path]) -> Scores:
    return numbers(joined([_read_predictions(path.with_suffix(_PREDICTED)) for path in files]))


def _write_predictions(path: Path, predictions: Array) -> None:
    pq.write_table(columns.to_table({"predicted": predictions}, {}), path)


def _read_predictions(path: Path) -> Array:
    return columns.read_numbers(pq.read_table(path), "predicted")


def predict_apart(request: PartsRequest) -> PartsPredicted:
    """As `predict`, on inputs that the functions make."""

    def make(table: pa.Table) -> Mapping[str, Any]:
        return inputs_by(request.inputs, table) if request.inputs else _by_examples(request.examples, table)

    return PartsPredicted(parts=predict(request.export, request.parts, make))


def predict(export: Path, parts: Path, make: Callable[[pa.Table], Mapping[str, Any]]) -> int:
    """Write `PART.predicted` beside each `PART.arrow` below `parts`; returns how many.

    Raises `ModelCodeError`: `make` or the export does not take the rows, or the export answers with anything
    but numbers.
    """
    with light_import():
        import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    ask = _as_model_code("the export does not load", served, export)
    files = sorted(parts.rglob("*.arrow"))
    for path in files:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
            try:
                inputs = make(table)
            except ModelCodeError as error:
                columns = ", ".join(table.column_names)
                raise ModelCodeError(f"{error.what} (the rows have columns {columns})") from error
            predictions = _as_model_code("the export does not take the inputs", ask, inputs)
            if not all(one.dtype.kind in "biufO" for one in each(predictions).values()):
                raise ModelCodeError("the export answers with text, not with numbers")
            _write_predictions(path.with_suffix(_PREDICTED), predictions)
    return len(files)


def _by_examples(reference: str, table: pa.Table) -> Mapping[str, Any]:
    examples = call(reference, table)
    if not isinstance(examples, Examples):
        raise ModelCodeError(f"{reference} returned a {type(examples).__name__}, not Examples")
    if examples.rows != table.num_rows:
        dropped = f"{table.num_rows - examples.rows:,} of {table.num_rows:,} rows"
        raise ModelCodeError(f"{reference} drops {dropped} that today's keeps")
    return examples.inputs


def _as_model_code(what: str, function: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return function(argument)
    except CkptOpsError:
        raise
    except Exception as error:
        raise ModelCodeError(f"{what}: {type(error).__name__}: {first_line(error)}") from error
