"""Finding, killing and comparing trainings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.candidates.progress_document import is_report
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.views.shapes import TrainingNow
from ckpt_ops.views.training import training_now
from demo.flights import weeks

COLUMNS = ["carrier", "hour", "distance", "arr_delay"]
KEYS = ("2013-01-06", "2013-01-13")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A whole run of one slice, asked for by a process of its own.

    Attributes:
        modules: what that process had imported by its end.
    """

    store: LocalStore
    modules: frozenset[str]


def land(landing: Store) -> None:
    """Two real weeks of flights, in the four columns that `steady` declares."""
    tables = weeks()
    for key in KEYS:
        sink = pa.BufferOutputStream()
        pq.write_table(tables[key].select(COLUMNS), sink)
        landing.put(f"steady/{key}.parquet", sink.getvalue().to_pybytes())


def trainings(store: Store) -> list[int]:
    """Process ids of the trainings that write to `store`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            message = (folder / "cmdline").read_bytes().split(b"\0")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            trains = message[3:5] == [b"ckpt_ops.worker", b"train"]
            asked = json.loads((folder / "cwd" / "request.json").read_text()) if trains else None
        except OSError:
            continue
        if asked is not None and asked["request"]["store"] == store.url and state != "Z":
            found.append(int(folder.name))
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(what: str, check: Callable[[], Any], *, seconds: float) -> Any:
    """The first truthy answer of `check`; fails, naming `what`, when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := check():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def commits(store: Store, version: int = 1, *, model: str = "steady") -> int:
    return len(CandidateLog(store, model, version).progress().commits)


def weights(store: Store, version: int = 1, *, model: str = "steady") -> tuple[Any, ...]:
    """Names, shapes and content hashes of every tensor of the version's final checkpoint."""
    trained = ModelLog(store, model).state().versions[version].trained
    assert trained is not None
    return load_manifest(store, trained.manifest).segments


def seen(store: Store, model: str = "steady", *, later: float = 0.0) -> TrainingNow | None:
    """What a page shows of the training, `later` seconds from now."""
    return training_now(store, model, ModelLog(store, model).state(), now=time.time() + later)


def reports(store: Store, model: str = "steady") -> list[str]:
    """What is left in the store of the progress of trainings."""
    return [entry.name for entry in store.list(f"models/{model}/") if is_report(entry.name)]
