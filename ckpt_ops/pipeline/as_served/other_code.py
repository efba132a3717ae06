"""A version whose code is not today's, asked in a process of its own with the code that was kept with it.

That process gets the very rows that today's `examples()` keeps, in files, a part at a time; labels, segments
and groups stay today's, and only the predictions come from there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from ckpt_ops.errors import CkptOpsError, ModelCodeError, NotAsServed, TrainingDied, TransientError
from ckpt_ops.pipeline.as_served.asked import Rows, Scores
from ckpt_ops.pipeline.code.kept import Kept
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.kept_rows import kept_rows
from ckpt_ops.pipeline.launch import from_outside, run_with_code_of
from ckpt_ops.pipeline.user_code import make_examples

_COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")


def ask_elsewhere(pipeline: Pipeline, code: Kept, export: Path, asked: Sequence[Rows]) -> list[Scores]:
    """What the SavedModel in `export` says of each set of rows, on inputs that `code` makes.

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
            f"{pipeline.examples} keeps {count} rows where it kept {rows.count} before",
            safe="nothing was trained; the champion serves on",
            next="let what examples() keeps follow from the rows alone",
        )
    return written


def _run(pipeline: Pipeline, code: Kept, dags: Path, export: Path, parts: Path) -> None:
    def died(how: str, log: Path) -> CkptOpsError:
        ended = how.partition(";")[0]
        what = f"the process with the code that was kept with it {ended}; its log is {log}"
        if from_outside(how):
            return TrainingDied(what, safe="nothing was trained; the champion serves on", next="retry")
        return NotAsServed(what)

    functions = ["--examples", code.functions.examples, "--inputs", code.functions.inputs]
    try:
        run_with_code_of(
            dags,
            "as_served.other_code",
            ["--export", str(export), "--parts", str(parts), *functions],
            named=f"{pipeline.name}-as-served",
            without=pipeline.folder.parent,
            report=lambda line: print(f"  {line}", flush=True),
            died=died,
        )
    except TransientError:
        raise
    except CkptOpsError as error:
        raise NotAsServed(
            f"with the code that was kept with it, {error.what}",
            next="let the rows have what that code reads: a renamed column under its old name, too",
        ) from error


def _read(files: Sequence[Path]) -> Scores:
    said = [np.load(path.with_suffix(".npy"), allow_pickle=False) for path in files]
    return np.asarray(np.concatenate(said), np.float64) if said else np.empty(0)
