"""Inside the interpreter: wait for work, do it and leave an answer.

The answer is one file, written whole: a result, or an error of ckpt_ops. Without one, the process died.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.worker import codec, progress
from ckpt_ops.worker.raised import Raised

REQUEST, ANSWER, PROGRESS = "request.json", "answer.json", "progress.jsonl"
"""Names of files in the folder of the work."""


def main() -> int:
    """Do the work in the folder that standard input names, as a line of JSON.

    Returns the exit code: 0, the answer is a result; 1, it is an error. Other exceptions are not
    caught, and their traceback ends the log.
    """
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return 0  # the process that started this was gone before it sent work
    return do(Path(json.loads(line)))


def do(folder: Path) -> int:
    """Do the work of a folder; returns as `main`."""
    progress.keep_in(folder / PROGRESS)
    try:
        result = _done(codec.loads((folder / REQUEST).read_bytes()))
    except CkptOpsError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        _write(folder, {"error": codec.written(Raised.of(error))})
        return 1
    _write(folder, {"result": result})
    return 0


def _done(asked: dict[str, Any]) -> dict[str, Any]:
    module, _, name = asked["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    request, _ = codec.kinds_of(function)
    return codec.written(function(codec.read(request, asked["request"])))


def _write(folder: Path, answer: dict[str, Any]) -> None:
    staged = folder / f"{ANSWER}.part"
    staged.write_bytes(codec.dumps(answer))
    staged.replace(folder / ANSWER)
