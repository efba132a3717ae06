"""Questions that only a pipeline's own code answers, asked in a process of its own.

A description and its source are code of whoever writes DAGs. Airflow keeps such code out of the api-server,
and so does this: the code gets a fresh interpreter, which sees it as it is now and none of Airflow's own
secrets, and is ended when it takes too long.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ckpt_ops import worker
from ckpt_ops.errors import BadInput, CkptOpsError, TerminalError, TransientError
from ckpt_ops.pipeline.naming import file_of
from ckpt_ops.printable import printable
from ckpt_ops.worker import Ended, Surroundings

SECONDS = 30.0
_WAIT_SECONDS = 5.0
# a waiting page holds one of the api-server's few threads, and a model that is built some hundred megabytes
_at_once, _heavy_at_once = threading.BoundedSemaphore(3), threading.BoundedSemaphore(1)

Request = TypeVar("Request")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


def dags_folder() -> Path:
    """CKPT_OPS_DAGS, else where Airflow looks for DAGs."""
    from airflow.configuration import conf

    return Path(os.environ.get("CKPT_OPS_DAGS") or conf.get("core", "dags_folder")).absolute()


def ask(
    function: Callable[[Request], Result],
    request: Request,
    *,
    named: str,
    model: str,
    folder: Path,
    seconds: float = SECONDS,
    blame: bool = False,
    heavy: bool = False,
) -> Result:
    """`function(request)`, in a process that may import the folder's code.

    Args:
        named: what the work is called in lists of processes.
        seconds: how long it may take.
        blame: a value that is not allowed is the description's, and not from a person's request.
        heavy: it may load TensorFlow: one of these at a time, and none keeps the others waiting.

    Raises:
        TransientError: it took too long, too many are asked at once, or the store did not answer.
        TerminalError: the pipeline could not be loaded, or the process died.
    """

    def died(ended: Ended) -> CkptOpsError:
        if ended.late:
            return TransientError(
                f"the source or the store gave no answer within {seconds:.0f} s",
                safe="nothing was written",
                next="load the page again, or ask for a shorter range",
            )
        log.warning("%s for %s %s", named, model, printable(ended.message))
        return TerminalError(
            f"the process that reads {file_of(model)} {ended.how} and gave no answer",
            safe="nothing was written",
            next="read its last lines in the api-server's log",
        )

    places = _heavy_at_once if heavy else _at_once
    if not places.acquire(timeout=_WAIT_SECONDS):
        raise TransientError("too many pages of this kind are being made at once", next="load the page again")
    try:
        return worker.run(
            function,
            request,
            title=(named, model),
            surroundings=Surroundings(code=folder, hide="AIRFLOW__"),
            report=lambda line: None,
            died=died,
            seconds=seconds,
            keep_log=False,
        )
    except BadInput as error:
        if not blame:
            raise
        raise TerminalError(error.what, safe=error.safe, next=error.next) from error
    finally:
        places.release()
