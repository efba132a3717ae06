"""The board in the store: `models/{model}/alerts/{number}.json`, the highest number counts.

Each change is a new name, which one of two that write at the same time wins; the other one reads again. The
last few are kept, and those of the last hour: a slow writer must not find a number free again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ckpt_ops.alerts.board import Board
from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import Corrupt, ObjectNotFound, TransientError
from ckpt_ops.store import Entry, Store

KEPT = 3
STAYS = 3600.0
"""Seconds."""
BOARD = DocumentKind(
    what="board of alerts",
    safe="the log is the truth; this only says what people were told",
    next="nothing to do: what stands is told again",
)
_NUMBERED = re.compile(r"((?!0{12})[0-9]{12})\.json")
_TRIES = 20


def read_board(store: Store, model: str) -> tuple[int, Board]:
    """Its number, and the board; 0 and an empty one where there is none, or none that can be read.

    Raises:
        Corrupt: a newer ckpt_ops wrote it.
    """
    for number in reversed(_numbers(store, model)):
        name = _name(model, number)
        try:
            return number, BOARD.read(Board, store.get(name), name=name)
        except ObjectNotFound:
            continue  # a writer has removed it meanwhile
        except Corrupt as error:
            if "newer ckpt_ops" in error.what:
                raise
            return number, Board()
    return 0, Board()


def change_board(store: Store, model: str, change: Callable[[Board], Board]) -> Board:
    """The board after `change`, which may be called again on what another writer left.

    Raises:
        TransientError: others write it all the time.
    """
    for _ in range(_TRIES):
        number, board = read_board(store, model)
        changed = change(board)
        if changed == board:
            return board
        if store.put_if_absent(_name(model, number + 1), BOARD.encode(changed)):
            for old in _entries(store, model)[:-KEPT]:
                if time.time() - old.updated > STAYS:
                    store.delete(old.name)
            return changed
    raise TransientError(
        f"others write the alerts of {model} all the time",
        safe="nothing was told twice",
        next="the next look tells what is due",
    )


def _numbers(store: Store, model: str) -> list[int]:
    return [int(one.name[-17:-5]) for one in _entries(store, model)]


def _entries(store: Store, model: str) -> list[Entry]:
    """In order; names of others are passed over."""
    folder = f"models/{model}/alerts/"
    return [one for one in store.list(folder) if _NUMBERED.fullmatch(one.name.removeprefix(folder))]


def _name(model: str, number: int) -> str:
    return f"models/{model}/alerts/{number:012d}.json"
