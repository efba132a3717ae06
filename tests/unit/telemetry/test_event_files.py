"""The curves of a training, read back as TensorBoard reads them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from histories import KEYS, accepted, promoted, ref, started, trained

from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, fold
from ckpt_ops.lineage.candidate_log import Commit
from ckpt_ops.lineage.records import Evaluated
from ckpt_ops.store import LocalStore
from ckpt_ops.telemetry.curves import Point, curves

Say = Callable[..., ModelLog]
Command = Callable[..., Result]


def commit(step: int, seconds: float, **metrics: float) -> Commit:
    return Commit(step=step, manifest=f"m{step}", token=1, seconds=seconds, metrics=metrics, uploaded=step)


def evaluated() -> LineageState:
    metrics = {"candidate": {"auc": 0.7}, "champion": {"auc": float("nan")}}
    records = promoted(1, ref(KEYS[0]))
    return fold(
        "m", [replace(one, metrics=metrics) if isinstance(one, Evaluated) else one for one in records]
    )


def test_curves_are_what_training_reported_and_what_the_gates_found() -> None:
    found = curves(evaluated().versions[1], [commit(10, 2.0, loss=0.9), commit(30, 4.0, loss=float("inf"))])
    assert found == (
        Point(curve="training/loss", step=10, value=0.9),
        Point(curve="training/uploaded_bytes", step=10, value=10),
        Point(curve="training/steps_per_second", step=10, value=5.0),
        Point(curve="training/uploaded_bytes", step=30, value=30),
        Point(curve="training/steps_per_second", step=30, value=10.0),
        Point(curve="candidate/auc", step=5, value=0.7),
    )


def read_back(folder: Path) -> set[tuple[str, int, float]]:
    """What is in a folder of TensorBoard: records of its own format, each a protocol buffer."""
    from tensorflow.core.util import event_pb2
    from tensorflow.python.framework import tensor_util

    (file,) = folder.iterdir()
    data, found, at = file.read_bytes(), set(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = event_pb2.Event.FromString(data[at + 12 : at + 12 + length])
        found |= {
            (one.tag, event.step, round(float(tensor_util.MakeNdarray(one.tensor)), 4))
            for one in event.summary.value
        }
        at += 16 + length
    return found


def test_the_command_writes_each_version_once(
    ckpt_ops: Command, store: LocalStore, say: Say, tmp_path: Path
) -> None:
    say("m", promoted(1, ref(KEYS[0])))
    attempt = CandidateLog(store, "m", 1).start_attempt()
    attempt.commit(step=5, manifest="m5", seconds=2.5, metrics={"loss": 0.5}, uploaded=7)
    out = tmp_path / "boards"
    done = ckpt_ops("tensorboard", "m", str(out), "--store", store.url)
    assert done.exit_code == 0, done.output
    assert read_back(out / "v1") == {
        ("training/loss", 5, 0.5),
        ("training/steps_per_second", 5, 2.0),
        ("training/uploaded_bytes", 5, 7.0),
    }
    before = {one: one.stat().st_mtime_ns for one in out.rglob("*")}
    say("m", accepted(KEYS[1]), started(2, ref(KEYS[1]), parent=1), trained(2))
    assert "0 versions" in ckpt_ops("tensorboard", "m", str(out), "--store", store.url).stdout
    assert {one: one.stat().st_mtime_ns for one in out.rglob("*")} == before


def test_a_file_in_its_place_is_refused(
    ckpt_ops: Command, store: LocalStore, say: Say, tmp_path: Path
) -> None:
    say("m", promoted(1, ref(KEYS[0])))
    (tmp_path / "taken").touch()
    done = ckpt_ops("tensorboard", "m", str(tmp_path / "taken"), "--store", store.url)
    assert done.exit_code == 2
    assert "a folder" in done.output


@pytest.mark.parametrize("commits", [[], [commit(0, 0.0)], [commit(5, 0.0, loss=1.0), commit(5, 0.0)]])
def test_older_logs_without_seconds_have_no_pace(commits: list[Commit]) -> None:
    assert "training/steps_per_second" not in {one.curve for one in curves(evaluated().versions[1], commits)}
