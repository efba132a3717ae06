"""A version whose code is not today's, asked in a process of its own with its kept code.

That process gets exactly the rows that today's `examples()` keeps, in files, a part at a time; labels,
segments and groups stay today's, and only the predictions come from there. A column that the pipeline says
was renamed has its former name there, too.
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
from ckpt_ops.candidates.as_served.asked import Answers, Rows, Scores
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
from ckpt_ops.former_columns import STATED, former_names_in, in_short, table_as_then
from ckpt_ops.outputs import each, joined, numbers
from ckpt_ops.pipeline.code.kept import Kept
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import call_on_rows, inputs_by, make_examples
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.training import Examples
from ckpt_ops.training.light_import import light_import
from ckpt_ops.vocabularies import document as vocabularies
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
        model: the pipeline's name.
        vocabularies: path of the version's; "" for none.
    """

    export: Path
    parts: Path
    examples: str
    inputs: str
    model: str
    vocabularies: str = ""


@dataclass(frozen=True, kw_only=True)
class PartsPredicted:
    """How many files of rows have predictions beside them."""

    parts: int


def ask_elsewhere(
    pipeline: Pipeline, code: Kept, given: Given, export: Path, asked: Sequence[Rows]
) -> Answers:
    """What the SavedModel in `export` predicts on each set of rows, on inputs that `code` makes of `given`.

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
        former = dict[str, str]()
        of_each = [_write(pipeline, rows, parts / f"{at:06d}", former) for at, rows in enumerate(asked)]
        if former:
            print(f"the version's own code is given column {in_short(former)}", flush=True)
        if any(of_each):
            _run(pipeline, code, dags, export, parts, _kept_vocabularies(pipeline.name, given, folder))
        return Answers(scores=[_read(files) for files in of_each], former=former)


def _write(pipeline: Pipeline, rows: Rows, folder: Path, former: dict[str, str]) -> list[Path]:
    """The rows that today's `examples()` keeps, as files that each hold a part of them.

    Args:
        former: gets the former names that columns have in them.
    """
    folder.mkdir()
    written, count = list[Path](), 0
    for key, table in rows.tables():
        examples = partial(make_examples, pipeline)
        numbers_kept = kept_rows(examples, table, examples(table), named=pipeline.examples)
        kept = table.take(pa.array(numbers_kept[rows.asked_of(count, len(numbers_kept))]))
        count += len(numbers_kept)
        if kept.num_rows:
            names = former_names_in(kept.schema, pipeline.evolve.columns, columns_of(pipeline.source, key))
            kept = table_as_then(kept, names)
            former |= names
            path = folder / f"{len(written):06d}.arrow"
            with pa.ipc.new_file(path, kept.schema, options=_COMPRESSED) as file:
                file.write_table(kept)
            written.append(path)
    if count != rows.kept:
        raise ModelCodeError(
            f"{pipeline.examples} keeps {count} rows, but kept {rows.kept} before",
            safe="nothing was trained; the champion serves on",
            next="let what examples() keeps depend on the rows alone",
        )
    return written


def _kept_vocabularies(model: str, given: Given, folder: Path) -> str:
    if not given.vocabularies:
        return ""
    path = folder / "vocabularies.json"
    path.write_bytes(vocabularies.encode(model, given.vocabularies))
    return str(path)


def _run(pipeline: Pipeline, code: Kept, dags: Path, export: Path, parts: Path, known: str) -> None:
    def died(ended: Ended) -> CkptOpsError:
        what = f"the process that asks the version for predictions {ended.how}; its log is {ended.log}"
        if ended.from_outside:
            return TrainingDied(what, safe="nothing was trained; the champion serves on", next="retry")
        return NotAsServed(what)

    functions = code.functions
    request = PartsRequest(
        export=export,
        parts=parts,
        examples=functions.examples,
        inputs=functions.inputs,
        model=pipeline.name,
        vocabularies=known,
    )
    try:
        worker.run(
            predict_apart,
            request,
            title=("predict-as-served", pipeline.name),
            surroundings=Surroundings(
                code=dags, without=pipeline.folder.parent, beside=pipeline.numerics.environment
            ),
            report=lambda line: print(f"  {line}", flush=True),
            died=died,
        )
    except TransientError:
        raise
    except CkptOpsError as error:
        raise NotAsServed(
            f"with its kept code, {error.what}",
            next="give the rows what that code reads: a column that was renamed is stated in the pipeline, "
            f"evolve={STATED}; one that the source dropped stays declared: "
            "column_times={COLUMN: Until(KEY, default=...)}",
        ) from error


def _read(files: Sequence[Path]) -> Scores:
    return numbers(joined([_read_predictions(path.with_suffix(_PREDICTED)) for path in files]))


def _write_predictions(path: Path, predictions: Array) -> None:
    pq.write_table(columns.to_table({"predicted": predictions}, {}), path)


def _read_predictions(path: Path) -> Array:
    return columns.read_numbers(pq.read_table(path), "predicted")


def predict_apart(request: PartsRequest) -> PartsPredicted:
    """As `predict`, on inputs that the functions make."""

    path, given = request.vocabularies, Given()
    if path:
        grown = vocabularies.decode(Path(path).read_bytes(), name=path, model=request.model)
        given = Given(vocabularies=grown)

    def make(table: pa.Table) -> Mapping[str, Any]:
        if request.inputs:
            return inputs_by(request.inputs, table, given)
        return _by_examples(request.examples, table, given)

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


def _by_examples(reference: str, table: pa.Table, given: Given) -> Mapping[str, Any]:
    examples = call_on_rows(reference, table, given)
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
