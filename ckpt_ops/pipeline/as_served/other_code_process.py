"""The process that asks a version on inputs that its own code makes. Started by `other_code`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ckpt_ops.errors import CkptOpsError, ModelCodeError, first_line
from ckpt_ops.pipeline.fresh_process import answer_into
from ckpt_ops.pipeline.serving.exported import Array, served
from ckpt_ops.pipeline.user_code import call, inputs_by
from ckpt_ops.training import Examples
from ckpt_ops.training.light_import import light_import


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: beside each file of rows lies what was said of them. Otherwise the answer says why not."""
    parser = argparse.ArgumentParser(prog="ckpt_ops.pipeline.as_served.other_code_process")
    for name in ("--export", "--parts", "--answer"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--examples", required=True)
    parser.add_argument("--inputs", default="")
    given = parser.parse_args(arguments)

    def make(table: pa.Table) -> Mapping[str, Array]:
        return inputs_by(given.inputs, table) if given.inputs else _by_examples(given.examples, table)

    return answer_into(given.answer, lambda: predict(given.export, given.parts, make))


def predict(export: Path, parts: Path, make: Callable[[pa.Table], Mapping[str, Array]]) -> int:
    """Write `PART.npy` beside each `PART.arrow` below `parts`; how many.

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
            said = _as_model_code("the export does not take what it makes", ask, inputs)
            np.save(path.with_suffix(".npy"), said, allow_pickle=False)
    return len(files)


def _by_examples(reference: str, table: pa.Table) -> Mapping[str, Array]:
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


if __name__ == "__main__":
    sys.exit(main())
