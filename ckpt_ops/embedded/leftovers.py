"""One supervisor per home, and the end of what a killed one left behind."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from ckpt_ops.documents import BadDocument, parse
from ckpt_ops.embedded import procfs
from ckpt_ops.embedded.process import Record, end
from ckpt_ops.errors import TransientError

STOP_STAGES = (("dag-processor", "triggerer", "scheduler"), ("api-server",), ("gcs", "postgres"))
"""What stops together. Tasks still report to the api-server and save to the store while they end."""
COMPONENTS = tuple(name for stage in STOP_STAGES for name in stage)
SUPERVISOR = "supervisor"
LOCK = "lock"


class AlreadyRunning(TransientError):
    """Another supervisor owns this home."""


def lock(run_dir: Path) -> IO[str]:
    """Own the home until the file returned is closed or this process ends, however it ends.

    Raises:
        AlreadyRunning: another process owns it, or commands share it.
    """
    return _locked(run_dir, fcntl.LOCK_EX)


def share(run_dir: Path) -> IO[str]:
    """Keep platforms out of the home until the file returned is closed; other commands may do so as well.

    Raises:
        AlreadyRunning: a platform owns it.
    """
    return _locked(run_dir, fcntl.LOCK_SH)


def _locked(run_dir: Path, how: int) -> IO[str]:
    run_dir.mkdir(parents=True, exist_ok=True)
    file = (run_dir / LOCK).open("a+")
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        if how == fcntl.LOCK_EX and supervisor(run_dir) is None:
            raise AlreadyRunning(
                f"a command, or another program's platform, is using {run_dir.parent}",
                safe="it was left as it is",
                next="wait until it ends (`ps -ef | grep ckpt-ops` lists commands), then try again",
            ) from error
        raise AlreadyRunning(
            f"a platform already runs in {run_dir.parent}",
            safe="it was left as it is",
            next="python -m ckpt_ops.embedded status, or down",
        ) from error
    return file


def supervisor(run_dir: Path) -> Record | None:
    """The supervisor that runs now, if one does."""
    found = Record.read(run_dir / f"{SUPERVISOR}.json")
    return found if found is not None and found.process.alive else None


def running(run_dir: Path) -> dict[str, Record]:
    """The components whose recorded process runs now."""
    found = {name: Record.read(run_dir / f"{name}.json") for name in COMPONENTS}
    return {name: record for name, record in found.items() if record is not None and record.process.alive}


def stop_leftovers(home: Path) -> list[str]:
    """Stop what an earlier supervisor of this home started and did not stop.

    Finds it by the records (pid and start time) and by the platform's id in the environment of
    processes, so that tasks whose worker is gone are found too. Returns the names of what it
    stopped. To be called by the owner of the lock, before it starts anything.
    """
    run_dir = home / "run"
    stopped = []
    left = running(run_dir)
    for stage in STOP_STAGES:
        here = [name for name in stage if name in left]
        together([left[name].stop for name in here])
        stopped += here
    stray = end_marked(home)
    if stray:
        stopped.append(f"{stray} task process(es)")
    for name in COMPONENTS:
        (run_dir / f"{name}.json").unlink(missing_ok=True)
    return stopped


def together(steps: Sequence[Callable[[], None]]) -> None:
    """Run these at the same time, and wait for all."""
    if steps:
        with ThreadPoolExecutor(max_workers=len(steps)) as pool:
            for done in [pool.submit(step) for step in steps]:
                done.result()


def end_marked(home: Path, *, component: str | None = None) -> int:
    """End processes with the id of the platform in `home`, or those a dead component left; returns how many.

    They are asked first, so that tasks can save their work. Call it when none of them is needed any more.
    """
    left = procfs.identities(marked_in(home, component=component))
    if left:
        end(left, seconds=10.0)
    return len(left)


def marked_in(home: Path, *, component: str | None = None) -> set[int]:
    """The processes that carry the id of the platform in `home`, or only those that one component started."""
    try:
        platform_id = str(parse((home / "secrets.json").read_bytes())["platform_id"])
    except (OSError, BadDocument, KeyError):
        return set()
    return procfs.marked(platform_id, component=component)
