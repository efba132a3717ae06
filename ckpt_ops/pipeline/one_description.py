"""A name means one thing: a pipeline is described in its own folder, and a source's name means one source.

The process that trains knows a pipeline by its name alone and reads `{name}/pipeline.py`; slices lie in the
store under their source's name. So an ambiguous name would be found late, and this looks when a DAG is read.
Only the folder of DAGs is read: a neighbour is imported only if its code spells the source's name.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.fleet import Fleet, fleet_in
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.loading import find_folders
from ckpt_ops.pipeline.naming import SEPARATOR, file_of, folder_of, member_of, module_of
from ckpt_ops.slices import SliceSource


def check_one_description(intake: Intake, dag_file: Path) -> None:
    """Refuse a pipeline whose training would read a description other than the DAG's, or none.

    Args:
        dag_file: the file that makes the DAG.

    Raises:
        BadInput: naming both places.
    """
    name, own = intake.name, file_of(intake.name)
    here = dag_file.parent
    try:
        module = importlib.import_module(module_of(name))
    except ModuleNotFoundError as error:
        if error.name not in (folder_of(name), module_of(name)):
            raise
        raise BadInput(
            "name",
            name,
            f"the name of a folder: {here.name}/{dag_file.name} uses a pipeline that training looks for in "
            f"{own}, which does not exist",
            next=f"describe it in {own}",
        ) from None
    fleet = fleet_in(module)
    described = [intake] if fleet is not None and fleet.holds(intake) else _described_in(module)
    elsewhere = here.name != folder_of(name) and (here / "pipeline.py").is_file()
    if elsewhere and any(one is intake for one in described):
        _refuse_foreign(intake, here)
    if [id(one) for one in described] == [id(intake)]:
        return
    others = [one for one in described if one.name != name]
    if others and any(one == intake for one in described):
        raise BadInput(
            own,
            ", ".join(one.name for one in described),
            f"one description; it has that of {file_of(others[0].name)} beside its own",
            next=f"import the module, not the pipeline: import {module_of(others[0].name)} as other",
        )
    if described != [intake]:
        raise BadInput(
            "name",
            name,
            f"one description of a pipeline of this name: {own} and {_place(intake, here)} differ",
            next=f"give one of them a different name, and its folder the same name: name={here.name!r}",
        )


def check_one_source(intake: Intake, dags: Path) -> None:
    """Refuse a source whose name another pipeline's source has, unless it is the same one.

    Args:
        dags: the folder of DAGs.

    Raises:
        BadInput: naming both pipelines.
    """
    own, name = folder_of(intake.name), intake.source.name
    if member_of(intake.name) is not None:
        if name.startswith(own + SEPARATOR):
            return  # nobody else's begins so
        _check_spelled(intake, dags)
    for other in find_folders(dags):
        if other == own or not (name.startswith(other + SEPARATOR) or _spells(dags / other, name)):
            continue
        for neighbour in _neighbours(other):
            named_alike = neighbour.source.name == intake.source.name
            if named_alike and not same_source(intake.source, neighbour.source):
                raise BadInput(
                    "source",
                    intake.source.name,
                    f"the name of one source: {file_of(intake.name)} and {file_of(other)} give it to "
                    "two sources, and slices are stored under their source's name",
                    next="give one of them a different name; or define one in a module and import it in both",
                )


def _check_spelled(intake: Intake, dags: Path) -> None:
    """A name that a fleet makes up could not be found when another folder is looked through."""
    folder, name = folder_of(intake.name), intake.source.name
    if not _spells(dags / folder, name):
        raise BadInput(
            "source",
            name,
            f"a name that begins with '{folder}{SEPARATOR}', as only this fleet's do, or that the code in "
            f"{folder}/ has as text: slices are stored under their source's name",
            next=f"name it as the member, name=member.name, in {file_of(folder)}",
        )


def same_source(one: SliceSource, other: SliceSource) -> bool:
    """Whether both read the same: the same object, or equal ones of the same class."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    # a class without an equality of its own is compared by its values
    return bool(one == other) or getattr(one, "__dict__", None) == getattr(other, "__dict__", {})


def _refuse_foreign(intake: Intake, here: Path) -> None:
    raise BadInput(
        f"{here.name}/dag.py",
        intake.name,
        f"the pipeline that {here.name}/pipeline.py describes; this one is described in "
        f"{file_of(intake.name)}",
        next=f"import {module_of(intake.name)} as other in {here.name}/pipeline.py, and describe there "
        f"{here.name} = replace(other.{intake.name}, name={here.name!r})",
    )


def _place(intake: Intake, here: Path) -> str:
    """Which file describes it, as far as that can be told."""
    for name, module in list(sys.modules.items()):
        if name.endswith(".pipeline") and any(one is intake for one in _described_in(module)):
            return f"{name.rpartition('.')[0]}/pipeline.py"
    return f"{here.name}/"


def _described_in(module: ModuleType) -> list[Intake]:
    found: list[Intake] = []
    for value in vars(module).values():
        if isinstance(value, Intake) and not any(value is one for one in found):
            found.append(value)
    return found


def _spells(folder: Path, name: str) -> bool:
    """Whether the code of a folder has the name as text."""
    code = _code(str(folder), _as_of(folder))
    return f'"{name}"' in code or f"'{name}'" in code


def _as_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells the files of its code from later ones."""
    with os.scandir(folder) as entries:
        files = sorted((entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py"))
    return tuple((name, found.st_mtime_ns, found.st_size) for name, found in files)


@lru_cache(maxsize=1024)
def _code(folder: str, as_of: tuple[tuple[str, int, int], ...]) -> str:
    """The text of a folder's code. Each DAG that is made asks for that of all folders, so it is kept."""
    texts = []
    for name, _, _ in as_of:
        with suppress(OSError, UnicodeDecodeError):
            texts.append(Path(folder, name).read_text(encoding="utf-8"))
    return "\n".join(texts)


def _neighbours(name: str) -> Iterator[Intake]:
    """What a neighbour describes by its own name. Its code's errors are reported where its DAG is read."""
    module: ModuleType | None = None
    fleet: Fleet | None = None
    with suppress(Exception):
        module = importlib.import_module(module_of(name))
        fleet = fleet_in(module)
    if fleet is not None:
        yield from fleet.described().pipelines.values()
    elif module is not None:
        yield from (one for one in _described_in(module) if one.name == name)
