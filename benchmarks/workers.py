"""A process for each measurement, so that none begins with another's memory, caches or imports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SECONDS = 1200
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}


class WorkerFailed(Exception):
    """A measuring process failed; the message is its reason in one line."""


def run_worker(
    module: str, home: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `python -m module ARGUMENTS --result FILE` wrote into that file, which is in `home`."""
    answer, log = home / "result.json", home / "log"
    answer.unlink(missing_ok=True)
    with log.open("w") as file:
        try:
            code = subprocess.run(
                [sys.executable, "-m", module, *arguments, "--result", str(answer)],
                env={**os.environ, **_QUIET, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise WorkerFailed(f"not done after {_SECONDS} s") from None
    if code != 0:
        raise WorkerFailed(_reason(log.read_text(errors="replace"), code))
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def turned(names: Sequence[str], by: int) -> list[str]:
    """The same names, beginning with another in each round: going first must favour none."""
    cut = by % len(names) if names else 0
    return [*names[cut:], *names[:cut]]


def _reason(log: str, code: int) -> str:
    """The error that ended a process, in one line; Python prints it last, perhaps over several lines."""
    if code < 0:
        return f"ended by signal {-code}"
    starts = [found.start() for found in re.finditer(r"^[A-Za-z_][\w.]*(Error|Exception|\w+)?: ", log, re.M)]
    error = log[starts[-1] :] if starts else log[-300:]
    return " ".join(error.split())[:300] or f"exit status {code}"
