"""How far a training has come, as it is kept in the store while it runs, for pages and `ckpt-ops watch`.

Nothing is decided by it, and it may be missing, late or gone at any time. As no name is ever overwritten,
each report is an object of its own, and the one before is removed:

    models/{model}/v{version}/progress/{attempt}-{number}-{writer}.json

Names sort by attempt and then by number, so the last one is the newest attempt's newest report: an attempt
that was killed is taken over by the next one, and one that lives on beside it is not seen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import BadInput, Corrupt, ObjectNotFound
from ckpt_ops.store import Store
from ckpt_ops.store.base import Entry
from ckpt_ops.worker import AttemptBegan, CheckpointSaved, Phase, PhaseBegan, Progress, StepsDone

POINTS = 200
METRICS = 12
SAVES = 100
SLICES = 100
LARGEST = 2**20
"""Bytes of one that is read; a full one has a tenth."""

_KIND = DocumentKind(what="progress of a training", indent=None)
_NAME = re.compile(r"(\d{6})-(\d{8})-([0-9a-f]{8})\.json")
_TRIES = 3

Point = tuple[int, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class ProgressDocument:
    """How far a training has come.

    Attributes:
        attempt: 0 before the attempt has begun, or what it will probably be.
        started: when this attempt's process was started; `updated`: when the training last said something.
            UTC, ISO 8601.
        metrics: the newest values; at most `METRICS` of them.
        history: (step, metrics), oldest first, at most `POINTS`: of earlier attempts, up to where this one
            resumed, as well.
        saves: (step, bytes, bytes that were new) of the newest checkpoints, at most `SAVES`.
        stall_seconds: that saves have kept the training waiting, `stall_before` of it in earlier attempts.
        slices: keys of the newest slices that it trains on, at most `SLICES`.
    """

    model: str
    version: int
    attempt: int
    phase: Phase
    started: str
    updated: str
    step: int = 0
    last: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    history: tuple[Point, ...] = ()
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    seconds_left: float | None = None
    saves: tuple[tuple[int, int, int], ...] = ()
    stall_seconds: float = 0.0
    stall_before: float = 0.0
    save_every: float | None = None
    slices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("started", "updated"):
            if not _is_time(getattr(self, name)):
                raise BadInput(name, getattr(self, name), "a time in UTC, ISO 8601")
        for name, most in (("history", POINTS), ("saves", SAVES), ("slices", SLICES)):
            if len(getattr(self, name)) > most:
                raise BadInput(name, len(getattr(self, name)), f"at most {most}")
        for one in (self.metrics, *(metrics for _, metrics in self.history)):
            if len(one) > METRICS or not all(_is_number(value) for value in one.values()):
                raise BadInput("metrics", len(one), f"at most {METRICS} numbers")
        numbers = (self.rows_per_second, self.steps_per_second, self.seconds_left, self.save_every)
        at_least_0 = (self.version, self.attempt, self.step, self.last, self.stall_seconds, self.stall_before)
        if not all(_is_number(one) and one >= 0 for one in (*at_least_0, *numbers) if one is not None):
            raise BadInput("progress", "a number", "numbers of at least 0")

    def encode(self) -> bytes:
        """The document's bytes."""
        return _KIND.encode(self)


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What is in the store of a training.

    Attributes:
        entries: every object of it, in the order of their names.
        renewed: when the newest report was written, in seconds since the epoch by the store's clock.
    """

    document: ProgressDocument
    entries: tuple[Entry, ...]
    renewed: float


def begun(
    model: str, version: int, *, before: ProgressDocument | None, now: str, slices: Sequence[str] = ()
) -> ProgressDocument:
    """The document of a process that was just started.

    Args:
        before: what an earlier attempt at the version left, which is taken over.
    """
    fresh = ProgressDocument(
        model=model,
        version=version,
        attempt=0,
        phase=Phase.STARTING,
        started=now,
        updated=now,
        slices=tuple(slices)[-SLICES:],
    )
    if before is None:
        return fresh
    return replace(
        fresh,
        attempt=before.attempt + 1,
        step=before.step,
        last=before.last,
        history=before.history,
        saves=before.saves,
        stall_seconds=before.stall_seconds,
        stall_before=before.stall_seconds,
        slices=fresh.slices or before.slices,
    )


def after(document: ProgressDocument, record: Progress, *, now: str) -> ProgressDocument:
    """The document once the training has told `record`, which is about the same version."""
    match record:
        case AttemptBegan():
            return replace(
                document,
                attempt=record.attempt,
                step=record.step,
                history=tuple(one for one in document.history if one[0] <= record.step),
                saves=tuple(one for one in document.saves if one[0] <= record.step),
                slices=record.slices[-SLICES:],
                updated=now,
            )
        case PhaseBegan():
            return replace(document, phase=record.phase, seconds_left=None, updated=now)
        case StepsDone():
            metrics = _kept(record.metrics)
            return replace(
                document,
                phase=record.phase,
                step=record.step,
                last=record.last,
                metrics=metrics,
                history=thinned((*document.history, (record.step, metrics))),
                rows_per_second=_finite(record.rows_per_second),
                steps_per_second=_finite(record.steps_per_second),
                seconds_left=_finite(record.seconds_left),
                stall_seconds=document.stall_before + record.stall_seconds,
                save_every=_finite(record.save_every),
                updated=now,
            )
        case CheckpointSaved():
            saved = (record.step, record.nbytes, record.uploaded)
            return replace(document, saves=(*document.saves, saved)[-SAVES:], updated=now)
    return replace(document, updated=now)


def ended(document: ProgressDocument) -> ProgressDocument:
    """The document of an attempt that is over and left no result."""
    return replace(document, phase=Phase.ENDED, seconds_left=None)


def thinned(history: Sequence[Point], *, most: int = POINTS) -> tuple[Point, ...]:
    """At most `most` points: of too many, every other one; the first and the last always stay."""
    points = tuple(history)
    while len(points) > most:
        points = (*points[:-1:2], points[-1])
    return points


def folder(model: str, version: int) -> str:
    """Where a version's reports are, with a slash at the end."""
    return f"models/{model}/v{version}/progress/"


def name_of(document: ProgressDocument, *, number: int, writer: str) -> str:
    """The object's name of a report: `number` counts those of one `writer`, which is 8 hex digits."""
    return f"{folder(document.model, document.version)}{document.attempt:06d}-{number:08d}-{writer}.json"


def reported(store: Store, model: str, version: int) -> Reported | None:
    """What the store has of a training; None for nothing, or nothing that can be read.

    Raises:
        StoreUnavailable, StoreForbidden: the store could not be asked.
    """
    for _ in range(_TRIES):
        entries = tuple(entry for entry in store.list(folder(model, version)) if is_report(entry.name))
        vanished = False
        for entry in reversed(entries[-_TRIES:]):
            if entry.size > LARGEST:
                continue
            try:
                document = _KIND.read(ProgressDocument, store.get(entry.name), name=entry.name)
            except ObjectNotFound:
                vanished = True  # its writer put the next one first
                continue
            except Corrupt:
                continue
            if (document.model, document.version) == (model, version):
                return Reported(document=document, entries=entries, renewed=entry.updated)
        if not vanished:
            return None
    return None


def is_report(name: str) -> bool:
    """Whether an object is a report of a training."""
    match name.split("/"):
        case ["models", _, version, "progress", last]:
            return version[:1] == "v" and version[1:].isdigit() and _NAME.fullmatch(last) is not None
    return False


def time_now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _kept(metrics: Mapping[str, float]) -> dict[str, float]:
    """The first few that are finite, in six digits."""
    finite = [(name, float(f"{value:.6g}")) for name, value in metrics.items() if math.isfinite(value)]
    return dict(finite[:METRICS])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
