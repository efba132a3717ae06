"""All measurements of a run, in rounds: every engine once, then every engine once more, and so on.

What a shared machine does to one round it does to all engines alike. Each engine and case has a
process of its own, then a fresh one for the restore; each has a directory, and where needed a GCS
server, of its own, gone before the next begins. Written pages are flushed in between, so that none
pays for another's.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES
from benchmarks.uploads import CLIENTS
from benchmarks.workers import WorkerFailed, run_worker, turned
from ckpt_ops.embedded.gcs_server import GcsServer


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run measures.

    Attributes:
        scale: 1.0 for the full sizes; bytes grow in proportion.
        saves, warmups: measured and discarded saves of each process.
        uploads: objects of 4 MiB for each client; 0 for none.
        fsync: flush to disk for the engines that leave that to chance.
        scratch: a directory for the data, on the disk that is to be measured.
    """

    rounds: int
    scale: float
    saves: int
    warmups: int
    engines: Sequence[str]
    cases: Sequence[str]
    stores: Sequence[str]
    uploads: int
    fsync: bool
    scratch: Path


Measured = list[dict[str, Any]]


def run(plan: Plan, tell: Callable[[str], None]) -> Iterator[tuple[Measured, Measured]]:
    """After each round, all cells (an engine in a case at a store, in one round) and all uploads so far.

    What fails is a cell with a `failure`: the others go on.
    """
    cells: Measured = []
    uploads: Measured = []
    for number in range(plan.rounds):
        for case in plan.cases:
            for store in plan.stores:
                for engine in turned(plan.engines, number):
                    if store in ENGINES[engine].stores:
                        tell(f"round {number + 1} of {plan.rounds}: {case} to {store}, {engine}")
                        cells.append(
                            {"round": number, "case": case, "store": store, "engine": engine}
                            | _cell(plan, engine, case, store)
                        )
        for client in turned(list(CLIENTS), number) if plan.uploads else ():
            tell(f"round {number + 1} of {plan.rounds}: uploads, {client}")
            with _ground(plan.scratch, gcs=True) as (home, environment):
                try:
                    result = _worker(home, environment, "upload", client, str(plan.uploads))
                except WorkerFailed as failure:
                    result = {"failure": str(failure)}
            uploads.append({"round": number, "client": client} | result)
        yield cells, uploads


def _cell(plan: Plan, engine: str, case: str, store: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    with _ground(plan.scratch, gcs=store == "gcs") as (home, environment):
        what = (engine, case, store, str(home), "--scale", str(plan.scale))
        counts = ("--saves", str(plan.saves), "--warmups", str(plan.warmups))
        fsync = ("--fsync",) if plan.fsync and store == "disk" else ()
        try:
            result |= _worker(home, environment, "worker", *what, *counts, *fsync)
            (home / "saved.json").write_text(json.dumps(result))
            if store == "gcs":  # files that a peer staged here are not what it restores from
                shutil.rmtree(home / "data")
            result |= _worker(home, environment, "restore", *what)
        except WorkerFailed as failure:
            result["failure"] = str(failure)
    result.pop("sums", None)
    return result


def _worker(home: Path, environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    return run_worker("benchmarks.checkpoints", home, *arguments, environment=environment)


@contextmanager
def _ground(scratch: Path, *, gcs: bool) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty directory and the environment that names its GCS server, if it has one."""
    home = scratch / "measure"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.sync()
    server = GcsServer(home) if gcs else None
    try:
        if server is not None:
            server.start()
        yield home, {"STORAGE_EMULATOR_HOST": server.endpoint} if server is not None else {}
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)
