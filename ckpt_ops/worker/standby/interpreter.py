"""`python -m ckpt_ops.worker.standby.interpreter IMPORTS FD`: imports, waits for one job, and becomes it.

From the job on it is what `python -m ckpt_ops.worker` would be: environment, folder, output, session and
title are those of the job. It listens to its keeper on standard input and answers with a byte into the file
descriptor FD.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ckpt_ops.worker.standby.imports import Imports, of_folder
from ckpt_ops.worker.standby.keeper import READY, RUNS, THERE


def main(arguments: list[str]) -> int:
    """Returns the exit code of the job; 0 where none came."""
    imports, says = Imports.of_text(arguments[0]), int(arguments[1])
    began_with = dict(os.environ)
    imports.load()
    if of_folder(Path(os.environ["CKPT_OPS_DAGS"])):
        return 0  # a user's module has the name of a library's: it may change, and is imported by jobs alone
    os.write(says, READY)
    while (asked := _asked()) is not None:
        if "job" in asked:
            _become(asked["job"], began_with)
            os.write(says, RUNS)
            os.close(says)
            from ckpt_ops.worker.work import do

            return do(Path(asked["job"]["folder"]))
        os.write(says, THERE)
    return 0


def _asked() -> dict[str, Any] | None:
    """The keeper's next line; None: it is gone."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return None
    found: dict[str, Any] = json.loads(line)
    return found


def _become(job: dict[str, Any], began_with: dict[str, str]) -> None:
    from setproctitle import setproctitle

    # first, as it looks for its place beside the environment that the process began with
    setproctitle(" ".join([sys.executable, "-P", "-m", "ckpt_ops.worker", *job["title"]]))
    os.setsid()  # signals to the keeper's group must not reach it
    for name in began_with.keys() - job["environment"].keys():
        os.environ.pop(name, None)
    # what an import has set since then stays, as it would in a fresh process
    os.environ.update({k: v for k, v in job["environment"].items() if began_with.get(k) != v})
    os.umask(job["umask"])
    log = Path(job["log"])
    os.chdir(log.parent)
    sys.stdout.flush()
    sys.stderr.flush()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.argv[1:] = job["title"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
