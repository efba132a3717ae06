"""A program that stands for Compose where it must fail, or answer as a stack would that does not run here.

The real one, with containers, is in `tests/compose`.
"""

from __future__ import annotations

import shlex
from pathlib import Path

_SCRIPT = """#!/bin/sh
cd {folder} || exit 99
printf '%s\\036' "$*" >> asked
case "$*" in
{answers}
esac
"""
_ANSWER = """{begins}*) cat {out}; cat {err} >&2; exit {code} ;;"""


class ComposeStandIn:
    """One program in a folder of its own; a shell script, for it is started often."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.program = folder, folder / "program"
        self._answers: list[str] = []
        self._write()

    def answers(self, begins: str, out: str | bytes = "", *, err: str = "", code: int = 0) -> None:
        """From now on, arguments that begin like this get that answer; the first that fits counts."""
        number = len(self._answers)
        data = out.encode() if isinstance(out, str) else out
        (self.folder / f"out-{number}").write_bytes(data)
        (self.folder / f"err-{number}").write_text(err)
        self._answers.append(
            _ANSWER.format(begins=shlex.quote(begins), out=f"out-{number}", err=f"err-{number}", code=code)
        )
        self._write()

    @property
    def asked(self) -> list[str]:
        """What it was called with, call by call."""
        path = self.folder / "asked"
        return path.read_text().split("\x1e")[:-1] if path.exists() else []

    def _write(self) -> None:
        self.program.write_text(
            _SCRIPT.format(folder=shlex.quote(str(self.folder)), answers="\n".join(self._answers))
        )
        self.program.chmod(0o700)
