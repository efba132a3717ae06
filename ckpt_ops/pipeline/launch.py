"""Work with TensorFlow in a process of its own.

TensorFlow takes seconds to import and is not safe to fork, so whoever asks for a training or a drill
starts a fresh interpreter. Its output goes to a file, which is followed here: when the asking process
dies, the work neither blocks on a full pipe nor ends by a broken one. A training lives on until it
finishes or is fenced off by a newer attempt. What a library prints for its own developers stays in the file.

The other side is `fresh_process`: it leaves a result or an error in the file named by `--answer`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ckpt_ops import errors
from ckpt_ops.errors import CkptOpsError, TrainingDied
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.library_noise import is_noise
from ckpt_ops.printable import printable
from ckpt_ops.store import Store

_POLL_SECONDS = 0.1
END_SECONDS = 60.0
"""What a process that is asked to end has to save, before it is killed."""


def run_training_process(
    pipeline: Pipeline, store: Store, version: int, key: str, report: Callable[[str], None]
) -> int:
    """Train a candidate for slice `key` until its process ends; returns the number of its version.

    The log is kept when the process failed.

    Args:
        version: the number that the candidate has, or gets if nobody is first.
        report: gets the process's output line by line.

    Raises:
        TrainingDied: the process was killed, or crashed outside our own code.
        LineageMoved: what there is to train was another by the time the model was built.
        CkptOpsError: what the process raised, as it raised it.
    """
    died = _training_died(f"the training process of {pipeline.name} v{version}")
    arguments = ["--slice", key]
    return int(run_process("training", pipeline, store, version, arguments, report=report, died=died))


def run_replay_process(
    pipeline: Pipeline, store: Store, version: int, report: Callable[[str], None]
) -> list[int]:
    """Train every step of the pipeline's rebase that is left; returns the numbers of their versions.

    Args:
        version: the number of the next step's version.
        report: gets the process's output line by line.

    Raises:
        As `run_training_process`.
    """
    died = _training_died(f"the process that rebases {pipeline.name}, at v{version} or later,")
    return list(run_process("rebase.replay", pipeline, store, version, report=report, died=died))


def run_shadow_process(
    pipeline: Pipeline, store: Store, version: int, key: str, report: Callable[[str], None]
) -> list[str]:
    """Let candidate `version`, in shadow, and its champion predict what the run of slice `key` has to.

    Returns the keys of the slices that were predicted.

    Raises:
        As `run_training_process`.
    """

    def died(how: str, log: Path) -> CkptOpsError:
        return TrainingDied(
            f"the process that lets {pipeline.name} v{version} predict in shadow {how}",
            safe="the slice stays pending, version and champion are as they were; the champion serves on",
            next=f"a retry predicts what is left; the whole log is {log}",
        )

    arguments = ["--slice", key]
    return list(run_process("shadow.scoring", pipeline, store, version, arguments, report=report, died=died))


def _training_died(what: str) -> Callable[[str, Path], CkptOpsError]:
    def died(how: str, log: Path) -> CkptOpsError:
        return TrainingDied(
            f"{what} {how}",
            safe="every committed checkpoint is kept; the champion serves on",
            next=f"a retry resumes at the last committed checkpoint; the whole log is {log}",
        )

    return died


def run_process(
    work: str,
    pipeline: Pipeline,
    store: Store,
    version: int,
    arguments: Sequence[str] = (),
    *,
    report: Callable[[str], None],
    died: Callable[[str, Path], CkptOpsError],
) -> Any:
    """Run the module `ckpt_ops.pipeline.{work}_process` until it ends, and return its result.

    Args:
        arguments: of this work alone.
        report: gets its output line by line.
        died: makes the error for a process that left no answer, of how it ended and of its log's path.

    Raises:
        CkptOpsError: what the process raised, as it raised it; or what `died` makes.
    """
    about = ["--pipeline", pipeline.name, "--store", store.url, "--version", str(version)]
    return run_with_code_of(
        pipeline.folder.parent,
        work,
        [*about, *arguments],
        named=f"{pipeline.name}-v{version}",
        report=report,
        died=died,
    )


def run_with_code_of(
    dags: Path,
    work: str,
    arguments: Sequence[str],
    *,
    named: str,
    without: Path | None = None,
    report: Callable[[str], None],
    died: Callable[[str, Path], CkptOpsError],
) -> Any:
    """As `run_process`, of work that says itself what it is asked.

    Args:
        dags: the folder from which it imports pipelines.
        named: how the folder of its log begins.
        without: another dags folder, from which it must not import.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{named}-", dir=_logs()))
    log, answer = folder / f"{work}.log", folder / "answer.json"
    command = [sys.executable, "-m", f"ckpt_ops.pipeline.{work}_process"]
    command += [*arguments, "--answer", str(answer)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(dags, without),
            cwd=folder,
            start_new_session=True,  # signals meant for the asking process's group are not meant for it
        )
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            code = _follow(process, lines.readline, report)
    except BaseException:
        _end(process)
        raise
    given = json.loads(answer.read_text()) if answer.exists() else {}
    if "error" in given:
        raise _raised(given["error"])
    if code != 0 or "result" not in given:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise died(f"{how}; its last lines:\n{tail}", log)
    shutil.rmtree(folder, ignore_errors=True)
    return given["result"]


def _follow(
    process: subprocess.Popen[bytes], readline: Callable[[], str], report: Callable[[str], None]
) -> int:
    while True:
        code = process.poll()
        while line := readline():
            if not is_noise(line):
                report(printable(line.rstrip()))
        if code is not None:
            return code
        time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to save and end, as SIGTERM does between two steps; kill it when that takes too long."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(dags: Path, without: Path | None) -> dict[str, str]:
    project = str(Path(__file__).parents[2])
    inherited = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    others = [one for one in inherited if without is None or Path(one).resolve() != without.resolve()]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
    paths = os.pathsep.join([str(dags), project, *others])
    return {**quiet, **os.environ, "CKPT_OPS_DAGS": str(dags), "PYTHONPATH": paths}


def from_outside(how: str) -> bool:
    """Whether a process that ended so (see `died`) was killed: by a person, or for want of memory."""
    return how.startswith(tuple(f"was killed by signal {number};" for number in (9, 15)))


def _logs() -> Path:
    """Where the logs of such processes stay: below CKPT_OPS_HOME if set, else the temporary folder."""
    home = os.environ.get("CKPT_OPS_HOME")
    folder = Path(home).absolute() / "logs" / "training" if home else Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _raised(error: dict[str, str]) -> CkptOpsError:
    kind = getattr(errors, error["type"], errors.TerminalError)
    raised: CkptOpsError = kind.__new__(kind)
    CkptOpsError.__init__(raised, error["what"], safe=error["safe"], next=error["next"])
    return raised
