"""`environment.json` in the platform's home: what makes a shell's `airflow` command part of the platform.

It holds what the platform's processes got at their start, the shared secrets included, so only its owner
can read it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from ckpt_ops.embedded.private_files import write_private
from ckpt_ops.errors import TerminalError


def write_environment(home: Path, variables: Mapping[str, str]) -> None:
    """Keep the variables for shells that join later."""
    write_private(_path(home), json.dumps(dict(sorted(variables.items())), indent=2) + "\n")


def exports(home: Path) -> str:
    """The variables as lines `export NAME=value`, quoted for a POSIX shell.

    Raises:
        TerminalError: no platform ever ran in `home`, or the file cannot be read.
    """
    try:
        variables: dict[str, str] = json.loads(_path(home).read_text())
    except (OSError, ValueError) as error:
        raise TerminalError(
            f"no platform has run in {home}: {_path(home)} cannot be read ({type(error).__name__})",
            safe="nothing was started or changed",
            next="python -m ckpt_ops.embedded up; or name the platform's home with --home or CKPT_OPS_HOME",
        ) from error
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _path(home: Path) -> Path:
    return home / "environment.json"
