"""A look at a model: what is new goes onto its board, and what is due is told.

First a try is put onto the board, then it is made, then its end is noted. So of two that look at the same
time one tells; a process that dies between the last two tells once more, ten minutes later at the earliest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from ckpt_ops.alerts.alert import Alert
from ckpt_ops.alerts.board import Board, Posted
from ckpt_ops.alerts.kept_board import change_board
from ckpt_ops.printable import one_line, printable
from ckpt_ops.store import Store

Send = Callable[[Alert], None]
"""Hands an alert on, or raises."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What came of a look.

    Attributes:
        told: title of each message that went out; `failed`: why others did not.
    """

    told: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def tell(
    store: Store,
    model: str,
    standing: Sequence[Alert],
    ways: Mapping[str, Send],
    *,
    moments: Sequence[Alert] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Told:
    """Tell what is due by each way. What one cannot tell is kept for the next look, and holds up no other.

    Args:
        standing: what holds now.
        moments: what a run has found, and no state says.
        ways: by a name that stays the same.

    Raises:
        StoreUnavailable, TransientError: nobody knows what was told: nothing is.
    """
    board = change_board(store, model, lambda board: board.seen(clock(), standing, moments))
    told, failed = [], []
    for way in sorted(ways, key=lambda way: _tries(board, way)):
        for one in _begun(store, model, way, clock):
            problem = _sent(ways[way], one.alert)
            change_board(store, model, partial(_ended, way=way, which=one, problem=problem))
            if problem:
                failed.append(f"{way}: {one.alert.title}: {problem}")
            else:
                told.append(f"{way}: {one.alert.title}")
    return Told(told=tuple(told), failed=tuple(failed))


def _begun(store: Store, model: str, way: str, clock: Callable[[], datetime]) -> Sequence[Posted]:
    """What is due by this way, and is now ours to tell."""
    due: Sequence[Posted] = ()

    def begin(board: Board) -> Board:
        nonlocal due
        now = clock()
        due = board.due(way, now)
        return board.tried(way, due, now)

    change_board(store, model, begin)
    return due


def _ended(board: Board, *, way: str, which: Posted, problem: str) -> Board:
    return board.ended(way, which, problem)


def _tries(board: Board, way: str) -> int:
    """One that hangs until its time is over comes last the next time."""
    known = [one.way(way) for one in board.posted]
    return sum(one.tries for one in known if one is not None and not one.told)


def _sent(send: Send, alert: Alert) -> str:
    """Why it could not be told; "" where it was."""
    try:
        send(alert)
    except Exception as error:  # noqa: BLE001 - whatever a notifier raises, nothing else may suffer
        problem = _problem(error)
        _log.warning("%s could not be told: %s", printable(alert.title), problem)
        return problem
    return ""


def _problem(error: Exception) -> str:
    """Class and code. The message of an error may hold the address of a webhook, which is a secret."""
    response = getattr(error, "response", None)
    codes = (
        getattr(error, "strerror", None),
        getattr(error, "smtp_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
    )
    found = next((one for one in codes if isinstance(one, int | str) and one), "")
    return one_line(f"{type(error).__name__}{f': {found}' if found else ''}"[:200])
