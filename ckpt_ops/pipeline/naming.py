"""What a pipeline may be called, and from its name to the folder that describes it.

A pipeline has the name of its folder; one of a fleet is called FOLDER.MEMBER. A folder's name has no '.', so
neither can be taken for the other, and no code has to run to know the folder of a name.

Whoever has a name and needs the folder, the module or the file comes through here.
"""

from __future__ import annotations

import re

from ckpt_ops.errors import BadInput

SEPARATOR = "."
LONGEST = 64
"""Characters of a name: what a source's name may have, so that a source can be named as its pipeline."""

_FOLDER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def is_name(name: str) -> bool:
    """Whether an intake or a model can have this name."""
    folder, separator, member = name.partition(SEPARATOR)
    return is_folder(folder) and (not separator or is_member(member)) and len(name) <= LONGEST


def is_folder(name: str) -> bool:
    """Whether a folder that describes pipelines can have this name."""
    return _FOLDER.fullmatch(name) is not None


def is_member(key: str) -> bool:
    """Whether a member of a fleet can be called so. It is no more than a part of object names and URLs."""
    return _MEMBER.fullmatch(key) is not None


def check_name(name: str, *, field: str = "name") -> str:
    """The name itself if an intake or a model can have it; else raises `BadInput`."""
    if not is_name(name):
        raise BadInput(
            field,
            name,
            "lower-case letters, digits and '_', beginning with a letter; of a fleet's member FLEET.MEMBER; "
            f"at most {LONGEST} characters",
        )
    return name


def member_name(fleet: str, key: str) -> str:
    """The name of a member's pipeline, model and DAG."""
    return f"{fleet}{SEPARATOR}{key}"


def member_of(name: str) -> str | None:
    """Which member of its folder's fleet the name is of; None: it is the name of a folder."""
    _, separator, member = name.partition(SEPARATOR)
    return member if separator else None


def folder_of(name: str) -> str:
    """The folder in the folder of DAGs that describes the pipeline of this name."""
    return name.partition(SEPARATOR)[0]


def file_of(name: str) -> str:
    """The file that describes it, below the folder of DAGs: "flight_delay/pipeline.py"."""
    return f"{folder_of(name)}/pipeline.py"


def module_of(name: str) -> str:
    """The module of that file: "flight_delay.pipeline"."""
    return f"{folder_of(name)}.pipeline"
