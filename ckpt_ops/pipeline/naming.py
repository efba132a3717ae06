"""What a pipeline may be called, and from its name to the folder that describes it.

Whoever has a name and needs the folder, the module or the file comes through here. No code of a user is run.
"""

from __future__ import annotations

import re

from ckpt_ops.errors import BadInput

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def is_name(name: str) -> bool:
    """Whether an intake or a model can have this name."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str, *, field: str = "name") -> str:
    """The name itself if an intake or a model can have it; else raises `BadInput`."""
    if not is_name(name):
        raise BadInput(field, name, "lower-case letters, digits and '_', beginning with a letter")
    return name


def folder_of(name: str) -> str:
    """The folder in the folder of DAGs that describes the pipeline of this name."""
    return name


def file_of(name: str) -> str:
    """The file that describes it, below the folder of DAGs: "flight_delay/pipeline.py"."""
    return f"{folder_of(name)}/pipeline.py"


def module_of(name: str) -> str:
    """The module of that file: "flight_delay.pipeline"."""
    return f"{folder_of(name)}.pipeline"
