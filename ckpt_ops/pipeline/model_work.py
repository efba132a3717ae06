"""Work on a model in a process of its own: what every request has, and how the process is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ckpt_ops import worker
from ckpt_ops.errors import CkptOpsError, TrainingDied
from ckpt_ops.pipeline.loading import load_pipeline
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store, open_store
from ckpt_ops.worker import Ended, Imports, Progress, Surroundings


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """What every request for work on a model has.

    Attributes:
        pipeline: its name.
        store: address of the store.
        version: the one that it is about; 0 for none.
    """

    pipeline: str
    store: str
    version: int

    def opened(self) -> tuple[Pipeline, Store]:
        """The pipeline as it is described now, and the store."""
        return load_pipeline(self.pipeline), open_store(self.store)


Request = TypeVar("Request", bound=ModelRequest)
Result = TypeVar("Result")


def run_work(
    function: Callable[[Request], Result],
    request: Request,
    pipeline: Pipeline,
    *,
    named: str,
    code: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[Progress], None] = lambda progress: None,
    died: Callable[[Ended], CkptOpsError],
    watch: Callable[[Path], None] = lambda folder: None,
    imports: Imports | None = None,
) -> Result:
    """`function(request)` in a fresh process, which imports the code that `pipeline` came from.

    Args:
        named: what the work is called in lists of processes.
        code: another dags folder, that pipeline and code are taken from: see `code_of_version`.
        report, progress, died, watch, imports: see `worker.run`.

    Raises:
        CkptOpsError: what the function raised, as it raised it; or what `died` makes.
    """
    return worker.run(
        function,
        request,
        title=(named, request.pipeline, f"v{request.version}"),
        surroundings=surroundings_of(pipeline, code),
        report=report,
        progress=progress,
        died=died,
        watch=watch,
        imports=imports,
    )


def surroundings_of(pipeline: Pipeline, then: Path | None = None) -> Surroundings:
    """The surroundings of a process that works on the pipeline's model.

    Args:
        then: another dags folder, that the code is taken from.
    """
    today, beside = pipeline.folder.parent, pipeline.numerics.environment
    if then is None:
        return Surroundings(code=today, beside=beside)
    return Surroundings(code=then, without=today, beside=beside)


def training_died(what: str) -> Callable[[Ended], CkptOpsError]:
    """For `run_work`: the error for a process that commits checkpoints, and left no answer."""

    def died(ended: Ended) -> CkptOpsError:
        return TrainingDied(
            f"{what} {ended.message}",
            safe="every committed checkpoint is kept; the champion serves on",
            next=f"a retry resumes at the last committed checkpoint; the whole log is {ended.log}",
        )

    return died
