"""What this process knows of one model: its log as far as it was read, and the views made of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ckpt_ops.errors import BadInput, CkptOpsError, TransientError
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.printable import printable
from ckpt_ops.store import Store
from ckpt_ops.views.building.model import model_view
from ckpt_ops.views.building.summary import summary
from ckpt_ops.views.cache import KeptViews, MadeOf, V
from ckpt_ops.views.description import Description, read_description
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.model import ModelView
from ckpt_ops.views.sizes import Size, read_size

SETTINGS_STAY = 5.0
"""Seconds for which a description and a size are taken to be as they were read."""

PATIENCE = 20.0
"""Seconds that a thread waits for others that read the same."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class KnownModel:
    """A model, read by one thread at a time.

    Where a view of the log's last entry was kept, the log itself is not read: two of its entries are asked
    for, the one that the view was made of and the one that would come next.
    """

    def __init__(self, store: Store, model: str, *, keep: bool = True) -> None:
        self._store, self._model, self._keep = store, model, keep
        self._log, self._kept = ModelLog(store, model), KeptViews(store, model)
        self._lock = threading.RLock()
        self._at: tuple[int, bytes] | None = None  # where the log ended, without its state being read
        self._state: LineageState | None = None  # as it was read last
        self._views: dict[type, tuple[MadeOf, Summary | ModelView]] = {}
        self._about: tuple[float, Description, Size | None] | None = None

    def state(self) -> LineageState:
        """As the log has it now. Raises `BadInput`: there is no such model."""
        with self._alone():
            state = self._log.now()
            if not state.sequence:
                raise BadInput("model", self._model, "a model that has a log")
            self._state = state
            return state

    def description(self) -> Description:
        return self._settings()[0]

    def size(self) -> Size | None:
        """What it holds in the store, as it was measured last."""
        return self._settings()[1]

    def summary(self) -> Summary:
        """Without what depends on the time. Raises as `state`."""
        return self._view(Summary, lambda state, about: summary(self._store, state, about))

    def page(self) -> ModelView:
        """As `summary`."""
        return self._view(ModelView, lambda state, about: model_view(self._store, state, about))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Raises `TransientError` where another thread has it for long: a store that hangs holds them all."""
        if not self._lock.acquire(timeout=PATIENCE):
            raise TransientError(
                f"{self._model} is being read for somebody else, and the store is slow to answer",
                safe="nothing was written",
                next="load the page again",
            )
        try:
            yield
        finally:
            self._lock.release()

    @property
    def read(self) -> bool:
        """The state or the page is in memory: some megabytes for a thousand versions."""
        return self._state is not None or ModelView in self._views

    def forget(self) -> None:
        """Give up the state, the log and the page; the summary, and where the log ended, stay known.

        Whoever asks for another model causes it. So it asks the store for nothing, fails for nothing that is
        wrong with this model, and leaves one alone that is being read now.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._state is not None:
                number = self._state.sequence
                data = self._log.known(number)
                self._at = None if data is None else (number, data)
                self._log, self._state = ModelLog(self._store, self._model), None
            self._views.pop(ModelView, None)
        finally:
            self._lock.release()

    def with_log(self, read: Callable[[ModelLog, LineageState], T]) -> T:
        """What `read` makes of the log, which no other thread reads meanwhile."""
        with self._alone():
            return read(self._log, self.state())

    def _view(self, kind: type[V], build: Callable[[LineageState, Description], V]) -> V:
        with self._alone():
            about = self.description()
            made_of = MadeOf.of(*self._end(kind), about)
            known = self._views.get(kind)
            if known is not None and known[0] == made_of and isinstance(known[1], kind):
                return known[1]
            found = self._kept.read(kind, made_of)
            if found is None:
                state = self.state()
                made_of = MadeOf.of(*self._end_of(state), about)
                found = build(state, about)
                if self._keep:
                    self._kept.write(found, made_of)
            self._views[kind] = (made_of, found)
            return found

    def _end(self, kind: type[V]) -> tuple[int, bytes]:
        """The number and the bytes of the log's last entry."""
        if self._state is None:
            if self._at is None:
                self._at = self._kept_at(kind)
            if self._at is not None and self._log.entry(self._at[0] + 1) is None:
                return self._at
        return self._end_of(self.state())

    def _kept_at(self, kind: type[V]) -> tuple[int, bytes] | None:
        for sequence in self._kept.sequences(kind):
            data = self._log.entry(sequence)
            if data is not None:
                return sequence, data
        return None

    def _end_of(self, state: LineageState) -> tuple[int, bytes]:
        return state.sequence, self._log.entry(state.sequence) or b""

    def _settings(self) -> tuple[Description, Size | None]:
        with self._alone():
            if self._about is None or time.monotonic() - self._about[0] > SETTINGS_STAY:
                description = read_description(self._store, self._model)
                self._about = (time.monotonic(), description, read_size(self._store, self._model))
            return self._about[1:]


def keep_views(store: Store, model: str) -> None:
    """Make and keep the views of the log as it is now, so that pages find them. It never fails a step."""
    known = KnownModel(store, model)
    try:
        known.summary()
        known.page()
    except CkptOpsError as error:
        _log.warning("could not make the views of %s: %s", model, printable(error.what))
    except Exception:  # noqa: BLE001 - whatever it is, a page is not worth a promotion
        _log.exception("could not make the views of %s", model)
