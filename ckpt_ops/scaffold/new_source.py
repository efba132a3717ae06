"""A folder of `dags/` for a new source: the data is looked at first; the folder is written whole or not."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ckpt_ops.belonging import length_of
from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold import code
from ckpt_ops.scaffold.belonging import belongings
from ckpt_ops.scaffold.expectations import as_json, suite_of
from ckpt_ops.scaffold.found import Asked, Found
from ckpt_ops.scaffold.look import look

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


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
    _check_name(asked.name, folder)
    found = look(asked, progress)
    off = belongings(found.schema, found.slices, length_of(found.spacing.interval))
    found = replace(found, notes=[*found.notes, *(each.note for each in off if each.note)])
    progress(f"writing {folder}")
    files = _files(asked, found)
    # Beside its place, so that one rename puts it there. Airflow passes over what begins with a dot.
    staging = Path(tempfile.mkdtemp(prefix=f".new-{asked.name}-", dir=dags))
    try:
        for name, (_, data) in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        staging.chmod(0o755)
        try:
            staging.rename(folder)
        except OSError as error:
            raise _taken(asked.name, folder) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Written(folder=folder, files={name: what for name, (what, _) in files.items()}, found=found)


def _files(asked: Asked, found: Found) -> dict[str, tuple[str, bytes]]:
    name, length = asked.name, length_of(found.spacing.interval)
    suite = suite_of(name, found.schema, found.slices, length=length)
    rows = sum(looked.sample.num_rows for looked in found.slices if looked.sample is not None)
    files = {
        "__init__.py": ("a package", ""),
        "source.py": (f"{len(found.schema.names)} columns, {found.what}", code.source_py(asked, found)),
        "expectations.json": (
            f"{len(suite['expectations'])} expectations, each with its reason",
            as_json(suite),
        ),
        "pipeline.py": ("the intake: pull, validate", code.pipeline_py(name)),
        "dag.py": (f"schedule {found.spacing.cron!r}: {found.spacing.message}", code.dag_py(name, found)),
        f"test_{name}.py": ("the contract and the suite on the sample", code.test_py(name, found)),
    }
    for path, (_, text) in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")  # a bug here must not become a file that Airflow reads
    written = {path: (what, text.encode()) for path, (what, text) in files.items()}
    for path, data in found.sample.items():
        written[f"sample/{path}"] = (f"of {rows:,} real rows in all", data)
    return written


def _check_name(name: str, folder: Path) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise BadInput(
            "NAME",
            name,
            "1 to 40 lower-case letters, digits and '_', beginning with a letter, no keyword of Python",
        )
    if not folder.parent.is_dir():
        raise BadInput(
            "dags",
            str(folder.parent),
            "an existing folder",
            next="run it from the project's folder, or set CKPT_OPS_DAGS",
        )
    if folder.exists():
        raise _taken(name, folder)
    if importlib.util.find_spec(name) is not None:
        raise BadInput("NAME", name, "a name that no Python package or module has: it becomes one")


def _taken(name: str, folder: Path) -> BadInput:
    return BadInput(
        "NAME", name, f"a new name: {folder} exists already", next=f"rm -r {folder}, or another name"
    )
