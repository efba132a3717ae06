"""A new folder of `dags/`: its name is free and allowed, and it is there whole or not at all."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ckpt_ops.errors import BadInput

Files = Mapping[str, tuple[str, bytes]]
"""By path below the folder, what a file is and its bytes."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def write_folder(folder: Path, files: Files) -> None:
    """Write the files beside the folder's place, and put them there by one rename.

    Raises `BadInput`: a folder is there meanwhile. Then nothing is written.
    """
    for name, (_, data) in files.items():
        if name.endswith(".py"):
            compile(data, name, "exec")  # a bug here must not become a file that Airflow reads
    # Airflow passes over what begins with a dot.
    staging = Path(tempfile.mkdtemp(prefix=f".new-{folder.name}-", dir=folder.parent))
    try:
        for name, (_, data) in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        staging.chmod(0o755)
        try:
            staging.rename(folder)
        except OSError as error:
            raise _taken(folder.name, folder) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_name(name: str, folder: Path) -> None:
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
