"""A program that stands for Compose where it must fail, or answer as a stack would that does not run here.

The real one, with containers, is in `tests/compose`.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from team.stack import PING, WORKERS

# which services run, it knows from what it was told: after `down` none but those that were named
_SCRIPT = """#!/bin/sh
cd {folder} || exit 99
printf '%s\\036' "$*" >> asked
case "$*" in
{answers}
esac
case "$*" in
down) rm -f runs-* stopped-*; : > down ;;
"up -d") rm -f stopped-* down ;;
"up -d --wait "*) shift 3; for name; do : > "runs-$name"; done ;;
"stop "*) : > "stopped-$2" ;;
"start "*) rm -f "stopped-$2" ;;
"exec -T "*)
    if [ -e "stopped-$3" ] || {{ [ -e down ] && ! [ -e "runs-$3" ]; }}; then
        echo "service $3 is not running" >&2
        exit 1
    fi ;;
esac
"""
_ANSWER = """{begins}*) {does}; cat {out}; cat {err} >&2; [ {code} = 0 ] || exit {code} ;;"""


class ComposeStandIn:
    """One program in a folder of its own; a shell script, for it is started often."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.program = folder, folder / "program"
        self._answers: list[str] = []
        self._write()

    def answers(
        self, begins: str, out: str | bytes = "", *, err: str = "", code: int = 0, does: str = ":"
    ) -> None:
        """From now on, arguments that begin like this get that answer; what was said last counts.

        Args:
            begins: the arguments, or their first ones.
            out, err: what is printed.
            code: how it ends.
            does: shell commands that come first, run in `folder`.
        """
        number = len(self._answers)
        data = out.encode() if isinstance(out, str) else out
        (self.folder / f"out-{number}").write_bytes(data)
        (self.folder / f"err-{number}").write_text(err)
        self._answers.append(
            _ANSWER.format(
                begins=shlex.quote(begins), does=does, out=f"out-{number}", err=f"err-{number}", code=code
            )
        )
        self._write()

    def workers_answer(self, *names: str) -> None:
        """These workers are well, and no other."""
        for name in names:
            self.answers(f"exec -T {name} hostname", f"host-of-{name}\n")
        self.answers(
            f"exec -T {WORKERS[0]} {PING}", "".join(f"->  celery@host-of-{name}: OK\n" for name in names)
        )

    @property
    def asked(self) -> list[str]:
        """What it was called with, call by call."""
        path = self.folder / "asked"
        return path.read_text().split("\x1e")[:-1] if path.exists() else []

    def forget(self) -> None:
        """What it was called with so far does not count."""
        (self.folder / "asked").unlink(missing_ok=True)

    def _write(self) -> None:
        self.program.write_text(
            _SCRIPT.format(folder=shlex.quote(str(self.folder)), answers="\n".join(reversed(self._answers)))
        )
        self.program.chmod(0o700)
