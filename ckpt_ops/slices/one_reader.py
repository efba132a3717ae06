"""One run reads a slice from its source while others wait: several models over one source read it once.

A reader leaves a claim in the store and renews it. Nothing depends on that: two that read at once write the
same content under the same names, and one of them commits. So a claim is no lock. It ends with its reader:
one that is not renewed for `DEAD_SECONDS` counts for nothing, and a run that was killed finds its own.

Claims are numbered entries, `slices/{source}/{key}/reading/{share}/{number}`, as nothing in a store is ever
overwritten: a renewal is the next number, and whoever waits sees it grow.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ckpt_ops.errors import CkptOpsError, ObjectNotFound
from ckpt_ops.slices.identity import check_key
from ckpt_ops.store import Store
from ckpt_ops.store.base import Entry

RENEW_SECONDS = 10.0
DEAD_SECONDS = 60.0
_LOOK_SECONDS = 1.0


@contextmanager
def one_reader(
    store: Store, source: str, key: str, *, share: str = "all", report: Callable[[str], None] = print
) -> Iterator[None]:
    """Wait while another run reads the slice, or the same share of it; then read in the block.

    What the other one has read is found by its receipts, so the block reads what is left.

    Args:
        share: which of the slice's parts are read.
        report: gets a line when another run is waited for.
    """
    claim = _Claim(store, f"slices/{check_key(source, field='source name')}/{check_key(key)}/reading/{share}")
    claim.take(report)
    try:
        with claim.renewed():
            yield
    finally:
        claim.give_back()


def _me() -> str:
    return os.environ.get("CKPT_OPS_RUN") or f"{socket.gethostname()}/{os.getpid()}"


class _Claim:
    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix
        self.by = _me()
        self.numbers: list[int] = []

    def take(self, report: Callable[[str], None]) -> None:
        """Take the claim as soon as no live run holds it."""
        seen, since, reported = "", time.monotonic(), False
        while True:
            newest = self._newest()
            if newest is None:
                holder, number = None, 0
            else:
                holder, number = self._holder(newest), int(newest.name.rpartition("/")[2])
                if newest.name != seen:
                    seen, since = newest.name, time.monotonic()
            old = newest is not None and time.time() - newest.updated > 2 * DEAD_SECONDS
            if holder in (None, self.by) or old or time.monotonic() - since > DEAD_SECONDS:
                if self._append(number + 1):
                    return
                continue
            if not reported:
                report(f"{holder} is reading this: waiting for it, so that the source is read once")
                reported = True
            time.sleep(_LOOK_SECONDS)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it while the block runs."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(RENEW_SECONDS):
                # a store that does not answer ends the claim, and nothing is lost by that
                with suppress(CkptOpsError):
                    if not self._append(self.numbers[-1] + 1):
                        return  # somebody took it for dead
                    self.store.delete(self._name(self.numbers.pop(0)))

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def give_back(self) -> None:
        """Let the next reader go on. What cannot be deleted expires by itself."""
        with suppress(CkptOpsError):
            for entry in self.store.list(f"{self.prefix}/"):
                if int(entry.name.rpartition("/")[2]) <= self.numbers[-1]:
                    self.store.delete(entry.name)

    def _newest(self) -> Entry | None:
        return max(self.store.list(f"{self.prefix}/"), key=lambda entry: entry.name, default=None)

    def _holder(self, entry: Entry) -> str | None:
        try:
            return self.store.get(entry.name).decode(errors="replace")
        except ObjectNotFound:
            return None

    def _append(self, number: int) -> bool:
        made = self.store.put_if_absent(self._name(number), self.by.encode())
        if made:
            self.numbers.append(number)
        return made

    def _name(self, number: int) -> str:
        return f"{self.prefix}/{number:09d}"
