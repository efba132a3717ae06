"""From a pipeline's name to its description: the file that `naming.file_of` names."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.fleet import Fleet, fleet_in
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.naming import file_of, folder_of, is_folder, is_name, member_of, module_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.printable import first_few

_MARK = b"fleet"


def dags_folder() -> Path:
    """CKPT_OPS_DAGS, else `dags` in the working directory."""
    return Path(os.environ.get("CKPT_OPS_DAGS", "dags")).absolute()


def find_folders(folder: Path | None = None) -> list[str]:
    """Names of the folders in `folder` that describe something, sorted. None of their code is run."""
    return sorted(path.parent.name for path in (folder or dags_folder()).glob("*/pipeline.py"))


def find_pipelines(folder: Path | None = None) -> list[str]:
    """Names of the pipelines in `folder`, sorted; of a fleet, those of its members.

    The code of a fleet's folder is run for it. One that cannot be imported is listed by the folder's name:
    whoever loads it sees why.
    """
    found: list[str] = []
    for name in find_folders(folder):
        fleet = None
        if may_be_fleet(name, folder):
            with suppress(Exception):
                fleet = fleet_in(_module(name, folder or dags_folder()))
        found += [name] if fleet is None else fleet.names
    return sorted(found)


def may_be_fleet(name: str, folder: Path | None = None) -> bool:
    """Whether the folder's `pipeline.py` says "Fleet" anywhere. None of its code is run."""
    try:
        return _MARK in ((folder or dags_folder()) / file_of(name)).read_bytes().lower()
    except OSError:
        return False


def is_described(name: str, folder: Path | None = None) -> bool:
    """Whether `folder` has a file that describes this name. None of its code is run.

    Of a fleet's member only that there is the fleet's folder: which members it has, the code says.
    """
    if not is_name(name) or not ((folder or dags_folder()) / file_of(name)).is_file():
        return False
    return member_of(name) is None or may_be_fleet(name, folder)


def load_pipeline(name: str, folder: Path | None = None) -> Pipeline:
    """The `Pipeline` of this name in `folder`. Raises as `load_intake`; `BadInput`, too: it has no model."""
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
    """The `Pipeline` or `Intake` of this name in `folder`. Of a fleet, only the member that is meant is made.

    Raises:
        BadInput: naming those that exist.
        MemberNotDescribed: the fleet cannot describe this member.
    """
    folder = folder or dags_folder()
    if not is_described(name, folder):
        raise _unknown(name, folder)
    module = _module(name, folder)
    fleet, key = fleet_in(module), member_of(name)
    if fleet is not None and key is not None and fleet.has(key):
        return fleet.pipeline(key)
    if fleet is not None or key is not None:
        raise _no_member(name, fleet)
    found = [value for value in vars(module).values() if isinstance(value, Intake)]
    if len(found) != 1 or found[0].name != name:
        names = ", ".join(one.name for one in found) or "none"
        raise BadInput(
            file_of(name), names, f"exactly one Pipeline or Intake, with name={name!r}; or a Fleet"
        )
    return found[0]


def find_fleet(name: str, folder: Path | None = None) -> Fleet | None:
    """The fleet of this name in `folder`; None: there is none. Raises what its code raises."""
    folder = folder or dags_folder()
    if not is_folder(name) or not may_be_fleet(name, folder):
        return None
    return fleet_in(_module(name, folder))


def _module(name: str, folder: Path) -> ModuleType:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(module_of(name))


def _unknown(name: str, folder: Path) -> BadInput:
    known = [f"{one}.*" if may_be_fleet(one, folder) else one for one in find_folders(folder)]
    return BadInput(
        "pipeline",
        name,
        f"one of {', '.join(known) or 'none'} in {folder}",
        next="run it from the project's folder, or set CKPT_OPS_DAGS",
    )


def _no_member(name: str, fleet: Fleet | None) -> BadInput:
    if fleet is None:
        return BadInput(
            "pipeline", name, f"{folder_of(name)}: {file_of(name)} describes one pipeline, no fleet"
        )
    return BadInput(
        "pipeline",
        name,
        f"one member of the fleet {fleet.name}: {first_few(fleet.names, 8)}",
        next=f"ckpt-ops status {fleet.name} shows all of them",
    )
