"""Histories of models, as long as one likes, written at once: the records are real, the trainings never were.

Each day has a slice that is accepted; a candidate of it is started, trained, evaluated and promoted. One of
ten is rejected: its slice is pending again, and the next candidate is trained on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from ckpt_ops.lineage import fold
from ckpt_ops.lineage.encoding import decode, encode
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.lineage.snapshot import Snapshot, Snapshots
from ckpt_ops.store import LocalStore

FIRST_DAY = date(1990, 1, 1)
ROWS = 6_000
TAIL = 60
"""Records behind the snapshot."""


class Unflushed(LocalStore):
    """A directory that is written without waiting for the disk, which nobody measures here."""

    def put(self, name: str, data: bytes | memoryview) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        if (self.root / name).exists():
            return False
        self.put(name, data)
        return True


def key_of(number: int) -> str:
    """The key of the slice of the day `number`, from 1."""
    return (FIRST_DAY + timedelta(days=number - 1)).isoformat()


def slice_of(number: int) -> SliceRef:
    """The slice of that day, as it is accepted."""
    return SliceRef(key=key_of(number), revision=f"{number:016x}", rows=ROWS)


def history(model: str) -> Iterator[Record]:
    """A model's records, without end."""
    number, head, rejected = 0, None, ()
    while True:
        number += 1
        ref, folder = slice_of(number), f"models/{model}/v{number}"
        auc = 0.68 + (number * 37 % 100) / 5000
        report = f"slices/daily/{ref.key}/{ref.revision}/validation/report.json"
        yield SliceAccepted(slice=ref, report=report, reason="all hold")
        yield CandidateStarted(
            version=number,
            candidate=ref.revision,
            parent=head,
            slices=(*rejected, ref),
            reason="newer than the head",
        )
        numbers = {"psi_at_least": 0.25, "psi:distance": auc - 0.6, "psi:carrier": auc - 0.62}
        yield CandidateTrained(
            version=number,
            step=400,
            stopped_by="max_steps",
            checkpoints=8,
            manifest=manifest_name(model, number),
            artifacts={
                "predictions": f"{folder}/attempt=000001/predictions.parquet",
                "export": f"{folder}/attempt=000001/export",
            },
            seconds=12.5,
            uploaded=3_000_000,
            decision={"words": "2 drifted of 2 columns", "numbers": numbers},
            scores={ref.key: {"auc": auc - 0.01, "log_loss": 0.4}} if head else {},
        )
        passed = number % 10 != 0
        yield Evaluated(
            version=number,
            champion=head,
            passed=passed,
            metrics={"candidate": {"auc": auc, "log_loss": 0.41}, "champion": {"auc": auc - 0.01}},
            verdicts=("NotWorseThan: auc is 0.6841, the champion's 0.6839", "AtLeast: auc is 0.6841 of 0.6"),
            reason="every gate passed" if passed else "NotWorseThan rejects",
        )
        if passed:
            yield Promoted(version=number, champion=head, reason="every gate passed")
            head, rejected = number, ()
        else:
            yield Rejected(version=number, champion=head, reason="NotWorseThan rejects")
            rejected = (*rejected, ref)


def manifest_name(model: str, number: int) -> str:
    """Of the last checkpoint of a version."""
    return f"models/{model}/v{number}/iter_num=400/manifest-000001.json"


def write_log(root: Path, model: str, records: Sequence[Record]) -> None:
    """The records as the entries of a log, with a snapshot 60 of them before its end."""
    entries = [encode(record) for record in records]
    log = root / "models" / model / "log"
    log.mkdir(parents=True)
    for number, data in enumerate(entries, start=1):
        (log / f"{number:012d}.json").write_bytes(data)
    last = max(1, len(entries) - TAIL)
    state = fold(model, map(decode, entries[:last]))
    Snapshots(Unflushed(root), model).write(Snapshot.at(entries[last - 1], state))
