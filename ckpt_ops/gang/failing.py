"""How the end of one worker ends the others: what they are told, and what they raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckpt_ops.errors import CkptOpsError, GangBroken, TerminalError, WorkersDiffer
from ckpt_ops.printable import printable
from ckpt_ops.worker import codec
from ckpt_ops.worker.raised import Raised

SAFE = "every committed checkpoint is kept; the champion serves on"
AGAIN = "a retry of all workers resumes at the last committed checkpoint"


def written(error: BaseException) -> dict[str, Any]:
    """The error as a message holds it. Of one that is none of ours, the class alone: it may quote rows."""
    if not isinstance(error, CkptOpsError):
        error = GangBroken(f"{type(error).__name__} ended it", safe=SAFE, next=AGAIN)
    return codec.written(Raised.of(error))


def read(document: object) -> CkptOpsError:
    """The error of a message. Raises `BadDocument`."""
    return codec.read(Raised, document).error()


def gone(worker: int, why: str) -> GangBroken:
    """The error for a worker that says nothing any more."""
    return GangBroken(f"worker {worker} is gone: {printable(why)}", safe=SAFE, next=AGAIN)


def together(failures: Sequence[tuple[int, CkptOpsError]]) -> CkptOpsError:
    """One error for all that failed: what fails for good, as it is; else a `GangBroken` that names each."""
    for _, error in failures:
        if isinstance(error, TerminalError | WorkersDiffer):
            return error
    told = "; ".join(
        error.what if error.what.startswith("worker ") else f"worker {worker}: {error.what}"
        for worker, error in failures
    )
    return GangBroken(told, safe=SAFE, next=AGAIN)
