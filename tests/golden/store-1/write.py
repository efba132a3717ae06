"""Writes this folder's data, with the code of the commit that README.md names and no other.

Rows of real weeks, a small model, and one of everything that a log can say: which is why it uses modules that
users never import.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ckpt_ops.pipeline.digests import lock_digest
from ckpt_ops.pipeline.forget.forgetting import forget
from ckpt_ops.pipeline.forget.purging import purge
from ckpt_ops.pipeline.forget.request import Asked
from ckpt_ops.pipeline.rebase import rebasing
from ckpt_ops.pipeline.rebase.replay_process import replay
from ckpt_ops.pipeline.serving.converting import convert
from ckpt_ops.pipeline.serving.formats import Format
from ckpt_ops.pipeline.serving.predicting import predict
from ckpt_ops.pipeline.training_process import run_attempt

import ckpt_ops
from ckpt_ops.checkpoints import SaveRequest, load_manifest, read_tensors, requests
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.errors import CkptOpsError, ForkNeeded, HeldByPerson
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.evaluation.report import plots
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.pipeline import Approval, Pipeline, Shadow, load_pipeline, quarantine, steps
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.serving import approve, lift_taint, release, resolve, rollback, taint, withdraw
from ckpt_ops.store import LocalStore, Store
from demo.flights import weeks

MODEL = "weekly_delay"
COLUMNS = ["time_hour", "carrier", "flight", "origin", "dest", "hour", "distance", "arr_delay"]
WEEKS = {key: table.select(COLUMNS) for key, table in weeks().items()}
W = list(WEEKS)  # W[0] is a short week, and left out
FORGOTTEN = "carrier == 'VX'"


def rows(key: str, *, every: int = 14) -> pa.Table:
    table = WEEKS[key]
    return table.take(pa.array(range(0, table.num_rows, every))).combine_chunks()


def with_column(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)


def of_negative_distance(table: pa.Table) -> pa.Table:
    return with_column(table, "distance", pc.negate(table["distance"]))


def without_some_carriers(table: pa.Table) -> pa.Table:
    gone = pa.array(np.arange(table.num_rows) % 40 == 0)
    return with_column(table, "carrier", pc.if_else(gone, pa.scalar(None, pa.string()), table["carrier"]))


def never_late(table: pa.Table) -> pa.Table:
    known = pc.is_valid(table["arr_delay"])
    return with_column(table, "arr_delay", pc.if_else(known, pa.scalar(-5), pa.scalar(None, pa.int64())))


def without_forgotten(table: pa.Table) -> pa.Table:
    return table.filter(pc.fill_null(pc.not_equal(table["carrier"], "VX"), True))


class Life:
    """The model's, week by week."""

    def __init__(self, pipeline: Pipeline, landing: Store, store: Store) -> None:
        self.pipeline, self.landing, self.store = pipeline, landing, store

    def land(self, key: str, table: pa.Table | None = None) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(rows(key) if table is None else table, sink, compression="zstd")
        self.landing.put(f"weeks/{key}.parquet", sink.getvalue().to_pybytes())

    def run(self, key: str, expected: str, table: pa.Table | None = None, **settings: Any) -> None:
        self.land(key, table)
        done = steps.run_slice(replace(self.pipeline, **settings), self.store, key, lambda line: None)
        print(f"{key}: {done['decision']}: {done['why']}", flush=True)
        if done["decision"] != expected:
            raise SystemExit(f"not {expected}: {done}")

    def refused(
        self, error: type[CkptOpsError], key: str, table: pa.Table | None = None, **settings: Any
    ) -> None:
        try:
            self.run(key, "", table, **settings)
        except error as raised:
            print(f"{key}: {raised}", flush=True)
        else:
            raise SystemExit(f"no {error.__name__}")

    def rebase(self) -> None:
        done = rebasing.rebase(self.pipeline, self.store, print)
        if done["decision"] != "promoted":
            raise SystemExit(f"rebase: {done}")

    @property
    def state(self) -> LineageState:
        return ModelLog(self.store, MODEL).state()


def winter(life: Life) -> None:
    """Quarantine, a suspect slice, updates that were not due, late slices, shadow, approval, rollback."""
    store = life.store
    life.run(W[1], "promoted")
    life.run(W[2], "promoted", without_some_carriers(rows(W[2])))
    quarantine.discard(store, MODEL, W[2], "the carriers are lost for good")
    life.run(W[3], "skip", of_negative_distance(rows(W[3])))
    life.run(W[3], "promoted")  # corrected at its source
    life.run(W[4], "rejected", never_late(rows(W[4])))
    quarantine.discard(store, MODEL, W[4], "all on time: the feed was down")
    life.run(W[4], "promoted")
    life.run(W[5], "append", rows(W[5], every=30))
    life.run(W[6], "promoted")
    taint(store, MODEL, W[5], "half of it is missing")
    lift_taint(store, MODEL, W[5], "it was a quiet week")
    # W[7] comes late
    requests.ask(store, MODEL, SaveRequest(at_step=100, id="0123456789ab", asked=time.time()))
    life.run(W[8], "promoted")
    life.refused(HeldByPerson, W[7])
    resolve(store, MODEL, W[7], "it is small", fork=False)
    life.run(W[7], "promoted")
    shadow = {"shadow": Shadow(slices=1), "gates": life.pipeline.gates[1:]}  # March is not as February was
    life.run(W[9], "shadow", **shadow)
    life.run(W[10], "promoted", **shadow)
    asks = {"approval": Approval(within=timedelta(days=400))}
    life.run(W[10], "waiting", **asks)
    waits = max(life.state.versions)
    approve(store, MODEL, waits, "looks right")
    print(steps.promote(replace(life.pipeline, **asks), store, waits))
    rollback(store, MODEL, life.state.versions[waits].parent or 0, "complaints")
    rollback(store, MODEL, waits, "of something else")


def spring(life: Life) -> None:
    """A release that was a mistake, a hold, a correction with its rebase, rows that are forgotten."""
    store = life.store
    life.run(W[11], "skip", of_negative_distance(rows(W[11])))
    quarantine.release(store, MODEL, W[11], "to see what becomes of it")
    never = {"gates": [AtLeast("auc", 0.999)], "max_rejections": 1}
    life.run(W[11], "rejected", of_negative_distance(rows(W[11])), **never)
    life.refused(HeldByPerson, W[11], of_negative_distance(rows(W[11])), **never)
    withdraw(store, MODEL, W[11], "its distances are below zero")
    release(store, MODEL, "withdrawn")
    life.run(W[12], "promoted")
    life.land(W[6], rows(W[6]).slice(0, 400))  # corrected after it was consumed
    life.run(W[13], "promoted")  # which notices it
    life.refused(ForkNeeded, W[6], rows(W[6]).slice(0, 400))
    taint(store, MODEL, W[6], "as it was consumed")
    life.rebase()
    lift_taint(store, MODEL, W[6], "nothing in production knows that revision")
    asked = Asked(model=MODEL, rows=FORGOTTEN)
    done = forget(life.pipeline, store, asked, why="they asked for it", grace_hours=0, report=print)
    if done.rebased is None or done.rebased["decision"] != "promoted":
        raise SystemExit(f"forget: {done}")
    if purge(life.pipeline, store, asked.request, now=datetime.now(UTC)) is None:
        raise SystemExit("nothing was purged")
    for table in life.landing.list("weeks/"):
        key = table.name[6:-8]
        left = pq.read_table(pa.BufferReader(life.landing.get(table.name)))
        life.land(key, without_forgotten(left))
    life.run(W[15], "skip", of_negative_distance(without_forgotten(rows(W[15]))))  # is in quarantine
    life.land(W[16], without_forgotten(without_some_carriers(rows(W[16]))))
    pulled = steps.pull(life.pipeline, store, W[16])
    steps.validate(life.pipeline, store, W[16], pulled["revision"])  # is pending, without its bad rows
    convert(life.pipeline, store, life.state.head or 0, Format.TFLITE)
    predict(life.pipeline, store, W[13])
    remove_garbage(store, replace(find_garbage(store, grace=0.0), requests=()))


def continued(life: Life) -> dict[str, Any]:
    """One more week, then all without one of the middle: what a later code has to come to."""
    life.run(W[14], "promoted", without_forgotten(rows(W[14])))
    said: dict[str, Any] = {"next": {"key": W[14], **ancestry(life.state)}}
    return said


def rebased(life: Life) -> dict[str, Any]:
    withdraw(life.store, MODEL, W[12], "wrong after all")
    life.rebase()
    return {"rebase": {"withdrawn": W[12], **ancestry(life.state)}}


def ancestry(state: LineageState) -> dict[str, Any]:
    line = state.ancestry(state.head)
    return {"head": state.head, "candidates": [version.candidate for version in line]}


def facts(state: LineageState, records: list[Any]) -> dict[str, Any]:
    return {
        "records": [type(record).__name__ for record in records],
        "head": state.head,
        "held": state.held,
        "consumed": {key: state.consumed[key].revision for key in sorted(state.consumed)},
        "pending": [ref.key for ref in state.pending()],
        "dropped": sorted(state.dropped),
        "slices": {
            key: {
                "status": one.status.value,
                "revision": one.ref.revision,
                "rows": one.ref.rows,
                "origin": one.origin,
                "set_aside": one.set_aside,
                "report": one.report,
            }
            for key, one in sorted(state.slices.items())
        },
        "versions": {
            str(number): {
                "candidate": one.candidate,
                "parent": one.parent,
                "status": one.status.value,
                "slices": [[ref.key, ref.revision, ref.rows] for ref in one.slices],
                "verdicts": list(one.evaluated.verdicts) if one.evaluated else None,
                "passed": one.evaluated.passed if one.evaluated else None,
                "metrics": one.evaluated.metrics if one.evaluated else None,
            }
            for number, one in sorted(state.versions.items())
        },
    }


def tensors(store: Store, state: LineageState, of: str) -> dict[str, Any]:
    trained = state.versions[state.head or 0].trained
    found = read_tensors(store, load_manifest(store, trained.manifest)) if trained else {}
    return {f"{of} {name}": array for name, array in found.items()}


def pack(work: Path, archive: Path) -> None:
    """Both stores as they are, in one file: no tool that edits text can change what was stored."""
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(work.rglob("*")):
            if path.is_file() and ".staging" not in path.parts:
                member = tarfile.TarInfo(str(path.relative_to(work)))
                member.size, member.mtime = path.stat().st_size, int(path.stat().st_mtime)
                with path.open("rb") as data:
                    packed.addfile(member, data)


@contextmanager
def trained_here() -> Iterator[None]:
    """In this process, and reports without pictures."""
    with (
        mock.patch.object(steps, "run_training_process", lambda p, s, v, key, r: run_attempt(p, s, key)),
        mock.patch.object(rebasing, "run_replay_process", lambda p, s, v, r: replay(p, s)),
        mock.patch.object(plots, "_png", return_value=b""),
        mock.patch("ckpt_ops.lineage.log.EVERY", 20),
    ):
        yield


def main(folder: Path) -> None:
    work = Path("/tmp/golden")
    for name in ("landing", "store"):
        (work / name).mkdir(parents=True)
    landing, store = LocalStore(work / "landing"), LocalStore(work / "store")
    os.environ |= {"CKPT_OPS_LANDING": landing.url, "CKPT_OPS_ACTOR": "golden", "CKPT_OPS_RUN": "write.py"}
    pipeline = load_pipeline(MODEL, folder / "dags")
    libraries = ("tensorflow", "keras", "numpy", "pyarrow")
    lock = [f"python=={platform.python_version()}", f"ckpt-ops=={ckpt_ops.__version__}"]
    lock += [f"{name}=={version(name)}" for name in libraries]
    expected: dict[str, Any] = {"lock": lock, "lock_digest": lock_digest(), "code": code_digest(pipeline)}
    with trained_here():
        life = Life(pipeline, landing, store)
        winter(life)
        spring(life)
        life.land(W[14], without_forgotten(rows(W[14])))
        pack(work, folder / "stores.tar.xz")
        log = ModelLog(store, MODEL)
        expected["state"] = facts(log.state(), list(log.records()))
        arrays = tensors(store, log.state(), "head")
        expected |= continued(life)
        arrays |= tensors(store, life.state, "next")
        expected |= rebased(life)
        arrays |= tensors(store, life.state, "rebase")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    np.savez_compressed(folder / "expected.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
