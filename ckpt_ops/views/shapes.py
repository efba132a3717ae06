"""The parts that several views share. Times are UTC, ISO 8601; "" or None where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Wants(StrEnum):
    """What a model wants a person for; the most urgent first."""

    UNREADABLE = "log cannot be read"
    ON_HOLD = "on hold"
    TAINTED = "champion is tainted"
    BELOW_FLOOR = "below its floor"
    STALE = "freshness objective missed"
    APPROVAL = "awaits approval"
    LATE = "late slice awaits a decision"
    SUSPECT = "suspect slice"
    QUARANTINED = "slice in quarantine"
    REBASE = "rebase is due"
    CHANGED = "slice changed at its source"
    MISSING = "slice is missing"
    REJECTED = "last candidate rejected"
    SLOWER = "training is slower"


@dataclass(frozen=True, kw_only=True)
class Attention:
    """One thing that a person should look at.

    Attributes:
        what: of which kind.
        message: what it is, in a sentence or two.
        command: the next command of `ckpt-ops`, as it is typed.
        slices, version: what it is about; empty and None where it is about the model.
    """

    what: Wants
    message: str
    command: str = ""
    slices: tuple[str, ...] = ()
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided on a version, as its record says.

    Attributes:
        what: type of the record: "promoted", "rejected", "update_deferred", "rolled_back" and so on.
        actor: who decided; of a promotion after an approval, who approved.
        verdicts: of the gates that rejected the version, in a sentence each; empty for a promotion.
    """

    version: int | None
    what: str
    reason: str
    actor: str
    time: str
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Whether a person may decide something now.

    Attributes:
        why_not: in a sentence; "" where it is possible.
    """

    possible: bool
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One number of a series.

    Attributes:
        at: what it belongs to: a slice's key.
        value: None where it was not measured.
    """

    at: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Series:
    """A metric over slices, in key order.

    Attributes:
        better: "higher", "lower" or "" where nobody knows.
    """

    metric: str
    points: tuple[Point, ...]
    better: str = ""


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """How far a column of the newest slice is from those before it.

    Attributes:
        psi: the population stability index; 0 is no drift.
    """

    column: str
    psi: float


@dataclass(frozen=True, kw_only=True)
class TrainingNow:
    """How far a running training is.

    Attributes:
        attempt: 0 while the first one has not begun.
        phase: "starting", "data", "training", "saving", "exporting"; or "ended": its attempt is over, has no
            result, and the next one goes on from the last checkpoint.
        step, last: optimizer steps made, and the most that it may make; 0 before the first report.
        started: when the process of this attempt was started; `updated`: when the training last said
            something.
        metrics: the model's metrics since the last checkpoint, by name; at most 12.
        history: earlier values, oldest first, thinned: (step, metrics); at most 200, of earlier attempts too.
        rows_per_second, steps_per_second: over the last ten seconds; None before the first report.
        seconds_left: until the first bound of its budget is met; None when nobody can say.
        saves: the newest checkpoints committed, (step, bytes, bytes that were not in the store before); at
            most 100.
        stall_seconds: that saves have kept the training waiting, in all.
        save_every: seconds between two saves, where they are triggered by time; None where they are not.
        slices: keys of the newest slices that it trains on; at most 100.
        lost: the process that waits for it has not reported for a minute, and it may be dead.
    """

    model: str
    version: int
    attempt: int
    phase: str
    step: int
    last: int
    started: str
    updated: str
    metrics: Mapping[str, float]
    history: tuple[tuple[int, Mapping[str, float]], ...] = ()
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    seconds_left: float | None = None
    saves: tuple[tuple[int, int, int], ...] = ()
    stall_seconds: float = 0.0
    save_every: float | None = None
    slices: tuple[str, ...] = ()
    lost: bool = False
