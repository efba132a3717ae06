"""How work reports its progress: a line for people in its log, and the same as a record for programs.

`tell` does both; outside of a worker it only prints. A record in a form that this version does not know is
skipped: its line is in the log.

Telling costs a training a line and an append to a local file every few seconds. What becomes of a record is
the business of the process that waits for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ckpt_ops.documents import BadDocument, parse
from ckpt_ops.duration import duration
from ckpt_ops.worker import codec


class Phase(StrEnum):
    """What a training is about."""

    STARTING = "starting"
    DATA = "data"
    TRAINING = "training"
    SAVING = "saving"
    EXPORTING = "exporting"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Note:
    """How far the work has come, as text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class AttemptBegan:
    """An attempt at a version has begun, and trains from `step` on, 0 where nothing is committed.

    Attributes:
        slices: keys of what it trains on, in order.
    """

    version: int
    attempt: int
    step: int = 0
    slices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"version {self.version}, attempt {self.attempt}"


@dataclass(frozen=True, kw_only=True)
class AttemptEnded:
    """The attempt is over, and its version's log has the result.

    Attributes:
        message: what came of it.
    """

    message: str

    @property
    def text(self) -> str:
        return self.message


@dataclass(frozen=True, kw_only=True)
class PhaseBegan:
    """A training goes on to its next phase.

    Attributes:
        version: the one that it is about; None: the one that was told of last.
    """

    phase: Phase
    version: int | None = None

    @property
    def text(self) -> str:
        return _PHASES.get(self.phase, self.phase.value)


_PHASES = {
    Phase.DATA: "making examples of the rows",
    Phase.TRAINING: "training",
    Phase.EXPORTING: "predicting the held-out rows, exporting and checking the export",
}


@dataclass(frozen=True, kw_only=True)
class StepsDone:
    """A training has made `step` of at most `last` optimizer steps.

    Attributes:
        metrics: the model's metrics over them, by name.
        rows_per_second, steps_per_second: of the last seconds; None: there is no pace yet.
        seconds_left: until the first bound of its budget is met; None: nobody can say.
        stall_seconds: that saves have kept this attempt waiting so far.
        save_every: seconds between two saves, where that is how they are triggered.
        phase: TRAINING; SAVING after the last step.
    """

    step: int
    last: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    seconds_left: float | None = None
    stall_seconds: float = 0.0
    save_every: float | None = None
    phase: Phase = Phase.TRAINING

    @property
    def text(self) -> str:
        numbers = "".join(f" {name} {value:.4f}" for name, value in self.metrics.items())
        pace = ", ".join(self._pace())
        return f"step {self.step}/{self.last}{numbers}" + (f" | {pace}" if pace else "")

    def _pace(self) -> Iterator[str]:
        if self.rows_per_second is not None:
            yield f"{self.rows_per_second:,.0f} rows/s"
        if self.seconds_left is not None:
            yield f"{duration(self.seconds_left)} left"
        if self.stall_seconds >= _NOTICED:
            yield f"saves kept it waiting {duration(self.stall_seconds)}"


_NOTICED = 0.05
"""Seconds: a shorter stall would be shown as 0.0."""


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved:
    """A checkpoint is committed: `uploaded` of its `nbytes` bytes were not in the store before."""

    step: int
    nbytes: int
    uploaded: int

    @property
    def text(self) -> str:
        return f"checkpoint at step {self.step}: {self.nbytes:,} bytes, {self.uploaded:,} new"


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """A training was measured on rows that are set apart from those it trains on.

    Attributes:
        best: whether this is its best value so far.
    """

    step: int
    metric: str
    value: float
    best: bool

    @property
    def text(self) -> str:
        best = ", the best" if self.best else ""
        return f"step {self.step}: {self.metric} {self.value:.4f} on the rows set apart{best}"


Progress = Note | AttemptBegan | AttemptEnded | PhaseBegan | StepsDone | LookedAt | CheckpointSaved

_KINDS: Mapping[str, type[Progress]] = {
    "note": Note,
    "attempt_began": AttemptBegan,
    "attempt_ended": AttemptEnded,
    "phase_began": PhaseBegan,
    "steps_done": StepsDone,
    "looked_at": LookedAt,
    "checkpoint_saved": CheckpointSaved,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_file: list[Path] = []  # where this process keeps its records; none outside of a worker


def tell(progress: Progress) -> None:
    """Print it, and keep it as a record for whoever waits for this process."""
    print(progress.text, flush=True)
    for path in _file:
        with path.open("a", encoding="utf-8") as file:  # opened each time: seconds pass between records
            file.write(json.dumps({"kind": _NAMES[type(progress)], **codec.written(progress)}) + "\n")


def keep_in(path: Path) -> None:
    """From now on, `tell` also writes records to this file."""
    _file[:] = [path]


def kept_in(path: Path) -> list[Progress]:
    """The records in the file; none if there is no file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return list(records(lines[:-1]))


def records(lines: list[bytes]) -> Iterator[Progress]:
    """The records in whole lines of such a file."""
    for line in lines:
        try:
            record: dict[str, Any] = parse(line)
            kind = _KINDS.get(str(record.pop("kind", None)))
            if kind is not None:
                yield codec.read(kind, record)
        except BadDocument:
            continue
