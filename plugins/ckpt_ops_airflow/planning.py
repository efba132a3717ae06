"""What a model's history is due for and what a backfill would do, found out in a process of its own.

The answer needs the pipeline's description and its source, which is code of whoever writes DAGs. Airflow
keeps such code out of the api-server, and so does this: the code gets a fresh interpreter, which sees it
as it is now, without Airflow's own secrets, and is ended when it takes too long.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import ckpt_ops
from ckpt_ops.errors import TerminalError, TransientError
from ckpt_ops.printable import printable
from ckpt_ops_airflow.intervals import Range

SECONDS = 30.0
_WAIT_SECONDS = 5.0
_at_once = threading.BoundedSemaphore(3)  # a waiting page holds one of the api-server's few threads

log = logging.getLogger(__name__)


def plans(model: str, folder: Path, store: str, range_: Range, *, seconds: float = SECONDS) -> dict[str, Any]:
    """What `plan_process` answers.

    Args:
        folder: of the DAGs.
        store: its address.
        seconds: how long it may take.

    Raises:
        TransientError: it took too long, or too many ask at once.
        TerminalError: the pipeline could not be loaded, or the process died.
    """
    asked = {
        "model": model,
        "folder": str(folder),
        "store": store,
        "start": range_.start.isoformat(),
        "end": range_.end.isoformat(),
        "expected": None if range_.expected is None else [start.isoformat() for start in range_.expected],
    }
    if not _at_once.acquire(timeout=_WAIT_SECONDS):
        raise TransientError("several such pages are being made just now", next="load the page again")
    try:
        answer = _answer(asked, seconds)
    finally:
        _at_once.release()
    if "failed" in answer:
        raise TerminalError(answer["failed"])
    return answer


def _answer(asked: dict[str, Any], seconds: float) -> dict[str, Any]:
    script = Path(__file__).with_name("plan_process.py")
    # files and not pipes: what the code may have started could hold a pipe open
    opened = tempfile.TemporaryFile
    with opened() as question, opened() as answer, opened() as words:
        question.write(json.dumps(asked).encode())
        question.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", str(script)],  # -P: this folder's modules are none of the code's
            stdin=question,
            stdout=answer,
            stderr=words,
            env=_environment(asked["folder"]),
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TransientError(
                f"the source or the store gave no answer within {seconds:.0f} s",
                safe="nothing was written",
                next="load the page again, or ask for a shorter range",
            ) from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and what it started
            process.wait()
        answer.seek(0)
        text = answer.read()
        if code == 0 and text:
            return dict(json.loads(text))
        words.seek(0)
        log.warning(
            "planning for %s ended with %s: %s", asked["model"], code, printable(_text(words.read()[-4000:]))
        )
        raise TerminalError(
            f"the process that reads {asked['model']}/pipeline.py ended with exit code {code} and no answer",
            safe="nothing was written",
            next="the api-server's log has its last words",
        )


def _text(words: bytes) -> str:
    return words.decode(errors="replace")


def _environment(folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
    project = str(Path(ckpt_ops.__file__).parents[1])
    paths = [project, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return kept | {"CKPT_OPS_DAGS": folder, "PYTHONPATH": os.pathsep.join(paths)}
