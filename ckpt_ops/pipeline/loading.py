"""From a pipeline's name to its description: the file that `naming.file_of` names."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.naming import file_of, is_name, module_of
from ckpt_ops.pipeline.pipeline import Pipeline


def dags_folder() -> Path:
    """CKPT_OPS_DAGS, else `dags` in the working directory."""
    return Path(os.environ.get("CKPT_OPS_DAGS", "dags")).absolute()


def find_pipelines(folder: Path | None = None) -> list[str]:
    """Names of the pipelines in `folder`, sorted."""
    return sorted(path.parent.name for path in (folder or dags_folder()).glob("*/pipeline.py"))


def is_described(name: str, folder: Path | None = None) -> bool:
    """Whether `folder` has a file that describes this name. None of its code is run."""
    return is_name(name) and ((folder or dags_folder()) / file_of(name)).is_file()


def load_pipeline(name: str, folder: Path | None = None) -> Pipeline:
    """The `Pipeline` of this name in `folder`. Raises `BadInput` naming those that exist."""
    found = load_intake(name, folder)
    if not isinstance(found, Pipeline):
        raise BadInput(
            "pipeline",
            name,
            "a pipeline with a model; this one only takes slices in",
            next=f"describe a Pipeline in {file_of(name)} instead of the Intake: what it took in stays",
        )
    return found


def load_intake(name: str, folder: Path | None = None) -> Intake:
    """The `Pipeline` or `Intake` of this name in `folder`. Raises `BadInput`."""
    folder = folder or dags_folder()
    if not is_described(name, folder):
        raise BadInput(
            "pipeline",
            name,
            f"one of {', '.join(find_pipelines(folder)) or 'none'} in {folder}",
            next="run it from the project's folder, or set CKPT_OPS_DAGS",
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module = importlib.import_module(module_of(name))
    found = [value for value in vars(module).values() if isinstance(value, Intake)]
    if len(found) != 1 or found[0].name != name:
        names = ", ".join(one.name for one in found) or "none"
        raise BadInput(file_of(name), names, f"exactly one Pipeline or Intake, with name={name!r}")
    return found[0]
