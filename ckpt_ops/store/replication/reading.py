"""Reading one object from several stores: the first good answer wins.

Stores are asked in order, the primary first, those that failed a moment ago last. The next one is
asked when one lacks the object, has it damaged, fails, or does not answer for `PATIENCE_SECONDS`.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import CkptOpsError, Corrupt, ObjectNotFound
from ckpt_ops.store.base import Store
from ckpt_ops.store.content import is_intact, is_log_entry
from ckpt_ops.store.replication.quorum import PRIMARY, Quorum
from ckpt_ops.store.replication.replica import (
    PATIENCE_SECONDS,
    Answers,
    Outcome,
    Replica,
    Use,
    failure,
    start,
    take,
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """An object, or a part of it.

    Attributes:
        holder: number of the store that gave it.
        lacking: numbers of those that were asked before and lack it or hold it damaged.
    """

    data: bytes
    holder: int
    lacking: frozenset[int]


def first_good(
    replicas: Sequence[Replica], quorum: Quorum, name: str, read: Callable[[Store], bytes]
) -> Found:
    """The object from the first store that has it intact.

    Raises:
        ObjectNotFound: every write of it that counted would have been seen.
        StoreUnavailable: a store that may hold it does not answer.
        Corrupt: all that hold this chunk hold it damaged.
    """
    asked_later = [n for n, replica in enumerate(replicas) if not replica.circuits[Use.READ].may_ask()]
    waiting = [number for number in range(len(replicas)) if number not in asked_later] + asked_later
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    answers: Answers[bytes | None] = Answers()
    pending: dict[int, float] = {}

    def read_or_none(store: Store) -> bytes | None:
        try:
            return read(store)
        except ObjectNotFound:
            return None

    def ask_next() -> None:
        number = waiting.pop(0)
        pending[number] = time.monotonic()
        start(number, replicas[number], read_or_none, Use.READ, outcomes)

    while pending or waiting:
        known_absent = _is_absent(quorum, name, [n for n, data in answers.values.items() if data is None])
        if not pending and known_absent and set(waiting) <= set(asked_later):
            break
        if not pending:
            ask_next()
        try:
            outcome = outcomes.get(timeout=PATIENCE_SECONDS if waiting else None)
        except queue.Empty:
            ask_next()
            continue
        number = outcome[0]
        del pending[number]
        take(outcome, answers)
        data = answers.values.get(number)
        if data is not None and is_intact(name, data):
            _mark_slow(replicas, pending)
            return Found(data=data, holder=number, lacking=frozenset(answers.values.keys() - {number}))
    raise _nothing_good(replicas, quorum, name, answers)


def _is_absent(quorum: Quorum, name: str, absent: Sequence[int]) -> bool:
    """Whether no counted write can exist. A log entry counts once the primary has it, whatever the quorum."""
    return quorum.sees_all(absent) and (PRIMARY in absent or not is_log_entry(name))


def _mark_slow(replicas: Sequence[Replica], pending: dict[int, float]) -> None:
    for number, since in pending.items():
        seconds = time.monotonic() - since
        if seconds > PATIENCE_SECONDS:
            replicas[number].failed(Use.READ, f"no answer for {seconds:.1f} s while another answered")


def _nothing_good(
    replicas: Sequence[Replica], quorum: Quorum, name: str, answers: Answers[bytes | None]
) -> CkptOpsError:
    damaged = [replicas[number].url for number, data in sorted(answers.values.items()) if data is not None]
    absent = [number for number, data in answers.values.items() if data is None]
    if not damaged and _is_absent(quorum, name, absent):
        return ObjectNotFound(f"no object {','.join(replica.url for replica in replicas)}/{name}")
    if damaged and not answers.errors:
        return Corrupt(
            f"{name} does not match its hash at {' and '.join(damaged)}, and no other store has it",
            safe="no copy was changed",
            next="restore it from a soft-deleted version or a backup, or resume from an earlier checkpoint",
        )
    message = f"; damaged at {' and '.join(damaged)}" if damaged else ""
    return failure(f"reading {name}", replicas, answers.errors, needed="one that may hold it" + message)
