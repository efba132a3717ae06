"""A folder of `dags/` for a new source: the data is looked at first; the folder is written whole or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ckpt_ops.belonging import length_of
from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold import code
from ckpt_ops.scaffold.belonging import belongings
from ckpt_ops.scaffold.expectations import Line, as_json, suite_of
from ckpt_ops.scaffold.folder import check_name, write_folder
from ckpt_ops.scaffold.found import Asked, Found
from ckpt_ops.scaffold.look import look
from ckpt_ops.scaffold.named_columns import check_column


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written.

    Attributes:
        files: by their path below `folder`, what each is.
    """

    folder: Path
    files: dict[str, str]
    found: Found


def new_source(asked: Asked, dags: Path, progress: Callable[[str], object] = lambda line: None) -> Written:
    """Look at the data and write `dags/NAME/`.

    Raises:
        BadInput: the name is taken or not allowed, the folder exists, or something cannot be told from the
            data: then the message names the option to give. Nothing is written.
    """
    folder = dags / asked.name
    check_name(asked.name, folder)
    found = looked_at(asked, progress)
    if asked.label is not None:
        check_column(asked.label, found.schema.names, field="--label")
    for name in set(asked.without) - set(found.left_out):
        raise BadInput("--without", name, "a field of JSON lines: of other data, all columns are declared")
    progress(f"writing {folder}")
    files = files_of_source(asked, found) | {
        "pipeline.py": ("the intake: pull, validate", code.pipeline_py(asked.name).encode()),
        "dag.py": (
            f"schedule {found.spacing.cron!r}: {found.spacing.message}",
            code.dag_py(asked.name, found).encode(),
        ),
    }
    write_folder(folder, files)
    return Written(folder=folder, files={name: what for name, (what, _) in files.items()}, found=found)


def looked_at(asked: Asked, progress: Callable[[str], object]) -> Found:
    """What is there, with a note on each column of times that is off its slice. Raises as `look`."""
    found = look(asked, progress)
    off = belongings(found.schema, found.slices, length_of(found.spacing.interval))
    return replace(found, notes=[*found.notes, *(each.note for each in off if each.note)])


def files_of_source(
    asked: Asked,
    found: Found,
    *,
    leaks: Line | None = None,
    tests: code.MoreTests | None = None,
    by: str = "ckpt-ops new source",
) -> dict[str, tuple[str, bytes]]:
    """All files of a folder that do not depend on what is done with the slices.

    Args:
        leaks: an expectation on columns that know the label.
        tests: of what else is in the folder.
        by: the command that writes them.
    """
    name, length = asked.name, length_of(found.spacing.interval)
    suite = suite_of(name, found.schema, found.slices, length=length, label=asked.label, leaks=leaks)
    rows = sum(looked.sample.num_rows for looked in found.slices if looked.sample is not None)
    files = {
        "__init__.py": ("a package", ""),
        "source.py": (
            f"{len(found.schema.names)} columns, {found.what}",
            code.source_py(asked, found, by=by),
        ),
        "expectations.json": (
            f"{len(suite['expectations'])} expectations, each with its reason",
            as_json(suite),
        ),
        f"test_{name}.py": (
            "the contract and the suite on the sample",
            code.test_py(name, found, tests or code.MoreTests()),
        ),
    }
    written = {path: (what, text.encode()) for path, (what, text) in files.items()}
    for path, data in found.sample.items():
        written[f"sample/{path}"] = (f"of {rows:,} real rows in all", data)
    return written
