"""The rebase that is due and what a backfill would do, found in a process of its own.

The answer needs the pipeline's description and its source, which is code of whoever writes DAGs. Airflow
keeps such code out of the api-server, and so does this: the code gets a fresh interpreter, which sees it
as it is now, without Airflow's own secrets, and is ended when it takes too long.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ckpt_ops import worker
from ckpt_ops.errors import BadInput, CkptOpsError, TerminalError, TransientError
from ckpt_ops.printable import printable
from ckpt_ops.runs.due import Due, DueRequest, due
from ckpt_ops.worker import Ended, Surroundings
from ckpt_ops_airflow.intervals import Range

SECONDS = 30.0
_WAIT_SECONDS = 5.0
_at_once = threading.BoundedSemaphore(3)  # a waiting page holds one of the api-server's few threads

log = logging.getLogger(__name__)


def plans(model: str, folder: Path, store: str, range_: Range, *, seconds: float = SECONDS) -> dict[str, Any]:
    """What `due` answers.

    Args:
        folder: of the DAGs.
        store: its address.
        seconds: how long it may take.

    Raises:
        TransientError: it took too long, too many pages are being made, or the store did not answer.
        TerminalError: the pipeline could not be loaded, or the process died.
    """
    request = DueRequest(
        model=model,
        folder=folder,
        store=store,
        start=range_.start,
        end=range_.end,
        expected=None if range_.expected is None else tuple(range_.expected),
    )
    if not _at_once.acquire(timeout=_WAIT_SECONDS):
        raise TransientError("too many pages of this kind are being made at once", next="load the page again")
    try:
        return asdict(_answer(request, seconds))
    except BadInput as error:  # from the description, not from this request
        raise TerminalError(str(error)) from error
    finally:
        _at_once.release()


def _answer(request: DueRequest, seconds: float) -> Due:
    def died(ended: Ended) -> CkptOpsError:
        if ended.late:
            return TransientError(
                f"the source or the store gave no answer within {seconds:.0f} s",
                safe="nothing was written",
                next="load the page again, or ask for a shorter range",
            )
        log.warning("planning for %s %s", request.model, printable(ended.message))
        return TerminalError(
            f"the process that reads {request.model}/pipeline.py {ended.how} and gave no answer",
            safe="nothing was written",
            next="read its last lines in the api-server's log",
        )

    return worker.run(
        due,
        request,
        title=("plan", request.model),
        surroundings=Surroundings(code=request.folder, hide="AIRFLOW__"),
        report=lambda line: None,
        died=died,
        seconds=seconds,
        keep_log=False,
    )
