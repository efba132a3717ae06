"""A model with a short history, written by hand: two versions promoted, one refused, one slice pending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ckpt_ops.cli.main import app
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Held,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceQuarantined,
    SliceRef,
)
from ckpt_ops.store import LocalStore

MODEL = "flight_delay"
SAID = {
    "decision": {"words": "due: 1 pending slices >= 1", "numbers": {"pending_slices": 1.0}},
    "scores": {"2013-01-27": {"auc": 0.63}},
}
WEEK = {n: SliceRef(key=f"2013-01-{n:02}", revision=f"{n:02}ab", rows=1000 * n) for n in (6, 13, 20, 27)}


def version(
    number: int, parent: int | None, ref: SliceRef, auc: float, *, passed: bool, **said: Any
) -> list[Record]:
    """`said`: more of what the record of its training says."""
    settled = Promoted if passed else Rejected
    return [
        CandidateStarted(
            version=number, candidate=f"c{number}", parent=parent, slices=(ref,), reason="newer"
        ),
        CandidateTrained(
            version=number,
            step=100,
            stopped_by="max_epochs",
            checkpoints=1,
            manifest="m",
            artifacts={},
            **said,
        ),
        Evaluated(
            version=number,
            champion=parent,
            passed=passed,
            metrics={"candidate": {"auc": auc}},
            verdicts=(f"AtLeast: auc is {auc} [of 0.6]",),
        ),
        settled(version=number, champion=parent, reason="the gates have spoken"),
    ]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "store").mkdir()
    store = LocalStore(tmp_path / "store")
    monkeypatch.setenv("CKPT_OPS_STORE", store.url)
    log = ModelLog(store, MODEL)
    for record in (
        SliceAccepted(slice=WEEK[6]),
        *version(1, None, WEEK[6], 0.64, passed=True),
        SliceAccepted(slice=WEEK[13]),
        *version(2, 1, WEEK[13], 0.68, passed=True),
        SliceQuarantined(slice=WEEK[20], report="r", reason="dep_delay is null in 40 % of rows"),
        SliceAccepted(slice=WEEK[27]),
        *version(3, 2, WEEK[27], 0.51, passed=False, **SAID),
    ):
        log.append(record, after=log.state())
    attempt = CandidateLog(store, MODEL, 2).start_attempt()
    attempt.commit(step=50, manifest="models/flight_delay/v2/checkpoints/50.json")
    attempt.commit(step=100, manifest="models/flight_delay/v2/checkpoints/100.json")
    return store


@pytest.fixture
def held(store: LocalStore) -> LocalStore:
    log = ModelLog(store, MODEL)
    log.append(Held(reason="refused three times"), after=log.state())
    return store


@pytest.fixture
def ckpt_ops(store: LocalStore) -> Callable[..., Result]:
    """Runs the command on the store of CKPT_OPS_STORE."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke
