"""The process that waits for a training keeps its progress in the store.

Not the training: it tells its progress to a local file and never waits for the store. Here a thread of its
own writes what came, so that a store which is slow or down costs a page, and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ckpt_ops.candidates.progress_document import (
    ProgressDocument,
    after,
    begun,
    ended,
    name_of,
    reported,
    time_now,
)
from ckpt_ops.errors import CkptOpsError, TransientError
from ckpt_ops.printable import printable
from ckpt_ops.store import Store
from ckpt_ops.worker import AttemptBegan, AttemptEnded, PhaseBegan, Progress

EVERY_SECONDS = 3.0
"""Between two reports; a new phase is reported at once."""
RENEWED_SECONDS = 20.0
"""A training that says nothing, in a long step or reading many rows, is reported again so often."""
_LAST_SECONDS = 5.0  # that the end of a training waits for its last report
_LEFT = 10
"""Reports that a store may fail to remove before no more are written; a replica may be down for days."""
_log = logging.getLogger(__name__)


@contextmanager
def reporting(
    store: Store, model: str, version: int, *, slices: Sequence[str] = (), every: float = EVERY_SECONDS
) -> Iterator[Callable[[Progress], None]]:
    """Keep the progress that is told in the block in the store; see `progress_document`.

    A training that has ended leaves nothing behind: its log says it all. An attempt that ended without a
    result leaves a report that says so, for whoever looks and for the next attempt.

    Args:
        version: the one that is trained first, as far as is known before it began.
    """
    reporter = Reporter(store, model, version, slices=slices, every=every)
    try:
        yield reporter.told
    except BaseException:
        reporter.close(result=False)
        raise
    reporter.close(result=True)


class Reporter:
    """Writes reports in a thread of its own, until it is closed."""

    def __init__(
        self, store: Store, model: str, version: int, *, slices: Sequence[str] = (), every: float
    ) -> None:
        self._every, self._at_once, self._closing, self._result = every, True, False, False
        self._pending: list[Progress] = []
        self._changed = threading.Condition()
        self._quiet = False
        self._reports = _Reports(store, model, version, slices)
        self._thread = threading.Thread(target=self._run, name="training-progress", daemon=True)
        self._thread.start()

    def told(self, record: Progress) -> None:
        """The training has told `record`. Never blocks on the store."""
        with self._changed:
            self._pending.append(record)
            if isinstance(record, AttemptBegan | PhaseBegan):
                self._at_once = True
                self._changed.notify()

    def close(self, *, result: bool) -> None:
        """The training's process has ended, with a `result` or without one."""
        with self._changed:
            self._closing, self._result = True, result
            self._changed.notify()
        self._thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        try:
            while self._next():
                pass
        except CkptOpsError as error:  # for good: no right to write or to remove, say
            _log.warning("the progress of this training is not shown: %s", printable(error.what))
        except Exception:  # noqa: BLE001 - whatever it is, a page is not worth a training
            _log.exception("the progress of this training is not shown")

    def _next(self) -> bool:
        """Wait for the next moment to report, and report; False after the last time."""
        with self._changed:
            self._changed.wait_for(lambda: self._at_once or self._closing, timeout=self._every)
            told, self._pending, self._at_once = self._pending, [], False
            closing, result = self._closing, self._result
        try:
            self._reports.add(told)
            if closing:
                self._reports.end(result=result)
            else:
                self._reports.write()
        except TransientError as error:  # the store is asked again with the next report
            if not self._quiet:
                _log.warning("the progress of this training is not shown now: %s", printable(error.what))
            self._quiet = True  # once: it would be said every few seconds
        return not closing


class _Reports:
    """The reports of one process that trains, of one version after the other. Not thread-safe.

    Each method raises `TransientError` when the store does not answer now, and goes on from there later.
    """

    def __init__(self, store: Store, model: str, version: int, slices: Sequence[str]) -> None:
        self._store, self._model, self._version, self._slices = store, model, version, tuple(slices)
        self._writer = uuid.uuid4().hex[:8]
        self._started = time_now()
        self._told: deque[Progress] = deque()
        self._document: ProgressDocument | None = None
        self._written: ProgressDocument | None = None
        self._written_at = -RENEWED_SECONDS
        self._number = 0
        self._at_work = self._over = False  # whether its attempt has begun, and has ended with a result
        self._newest: str | None = None
        self._old: set[str] = set()  # to be removed: earlier reports, ours and those of attempts before

    def add(self, told: Iterable[Progress]) -> None:
        """The training has told this, in order."""
        self._told.extend(told)
        while True:
            if self._document is None:
                self._document = self._taken_over()
            if not self._told:
                return
            record = self._told[0]
            version = record.version if isinstance(record, AttemptBegan | PhaseBegan) else None
            if version is not None and version != self._version:
                self._go_on_to(version)
                continue
            if isinstance(record, AttemptBegan | AttemptEnded):
                self._at_work = isinstance(record, AttemptBegan)
                self._over = not self._at_work
            self._document = after(self._document, record, now=time_now())
            self._told.popleft()

    def write(self) -> None:
        """Write what is new, or the same again if that was long ago."""
        now, document = time.monotonic(), self._document
        if self._over:
            self._leave_nothing()
            return
        if document is None or (document == self._written and now - self._written_at < RENEWED_SECONDS):
            return
        if len(self._old) >= _LEFT:
            self._clean_up()  # or raise
        self._number += 1
        name = name_of(document, number=self._number, writer=self._writer)
        self._store.put(name, document.encode())
        self._written, self._written_at = document, now
        self._supersede(name)
        self._clean_up()

    def end(self, *, result: bool) -> None:
        """Leave nothing behind, or after an attempt without a result that it has ended."""
        if self._at_work and self._document is not None and not result:
            self._document = ended(self._document)
            self.write()
        else:
            self._leave_nothing()

    def _taken_over(self) -> ProgressDocument:
        """The first document, which goes on from what an earlier attempt at this version left."""
        before = reported(self._store, self._model, self._version)
        self._old |= {entry.name for entry in before.entries} if before else set()
        return begun(
            self._model,
            self._version,
            before=before.document if before else None,
            now=self._started,
            slices=self._slices,
        )

    def _go_on_to(self, version: int) -> None:
        """The process trains this version: one before it has its result, or was never begun."""
        self._leave_nothing()
        self._started = time_now() if self._over else self._started
        self._version, self._document, self._written = version, None, None
        self._at_work = self._over = False
        self._slices = ()

    def _leave_nothing(self) -> None:
        self._supersede(None)
        self._clean_up()

    def _supersede(self, name: str | None) -> None:
        """`name` is the report that counts now; None: none does."""
        self._old |= {self._newest} if self._newest else set()
        self._newest = name

    def _clean_up(self) -> None:
        for name in sorted(self._old):
            self._store.delete(name)
            self._old.discard(name)
