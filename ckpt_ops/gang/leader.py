"""The first worker's side of a gang: it listens, lets the others begin, and hears when one is gone."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType

from ckpt_ops.documents import BadDocument, read_as
from ckpt_ops.errors import CkptOpsError, GangBroken, TerminalError, WorkersDiffer
from ckpt_ops.gang import failing
from ckpt_ops.gang.channel import BEAT_SECONDS, SILENT_SECONDS, Channel, Closed
from ckpt_ops.gang.facts import Facts, differences
from ckpt_ops.gang.meeting import Meeting, announce, free_port, own_address, own_host, remove
from ckpt_ops.store import Store

_COLLECT = 2.0  # seconds: who fails first often is not who failed first
_TOLD_EVERY = 15.0


class _Other:
    def __init__(self, channel: Channel, address: str) -> None:
        self.channel, self.address = channel, address


class Leader:
    """Worker 0 of `count`, as long as the block lasts.

    Args:
        within: seconds that it waits for the others.
        report: gets lines for people.
    """

    worker = 0

    def __init__(
        self,
        store: Store,
        model: str,
        facts: Facts,
        *,
        count: int,
        within: float,
        report: Callable[[str], None],
    ) -> None:
        self._store, self._model, self._facts = store, model, facts
        self._count, self._within, self._report = count, within, report
        self._others: dict[int, _Other] = {}
        self._failures: list[tuple[int, CkptOpsError]] = []
        self._changed = threading.Condition()
        self._begun = self._closed = False
        self._address = own_address()
        self._secret = secrets.token_hex(16)
        self._server = socket.create_server((self._address, 0))
        self._server.settimeout(1.0)
        self._meeting = ""

    def __enter__(self) -> Leader:
        port = int(self._server.getsockname()[1])
        meeting = Meeting(address=self._address, port=port, host=own_host(), secret=self._secret)
        self._meeting = announce(self._store, self._model, meeting)
        for work in (self._accept, self._beat):
            threading.Thread(target=work, daemon=True, name="gang").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._tell_all("failed", error=failing.written(error))
        with self._changed:
            self._closed = True
        self._server.close()
        for other in self._others.values():
            other.channel.close()
        remove(self._store, self._meeting)

    def meet(self) -> tuple[str, ...]:
        """Wait until all are there, and let them begin; the address of each worker's process.

        Raises:
            GangBroken: they were not, in time.
            WorkersDiffer: one of them has other code, libraries or settings.
        """
        until = time.monotonic() + self._within
        told = (-1, 0.0)
        while True:
            with self._changed:
                self._changed.wait(1.0)
                self._raise_failure()
                there = len(self._others) + 1
                if there == self._count:
                    own = f"{self._address}:{free_port(self._address)}"
                    addresses = (own, *(self._others[one].address for one in range(1, self._count)))
                    self._begun = True
                    break
            now = time.monotonic()
            if now > until:
                raise GangBroken(
                    f"{self._who(there)} after {self._within:.0f} s",
                    safe=failing.SAFE,
                    next=f"see that {self._count} trainings can run at the same time, then retry: this one "
                    "gave its slot back; or lower Workers(count=...), which makes a different candidate",
                )
            if there != told[0] or now - told[1] > _TOLD_EVERY:
                self._report(f"{self._who(there)}; waiting up to {until - now:.0f} s")
                told = (there, now)
        self._report(f"all {self._count} workers are there")
        self._tell_all("begin", addresses=list(addresses))
        return addresses

    def check(self) -> None:
        """Raises `GangBroken`, or what another worker raised: the work is over."""
        with self._changed:
            if not self._failures:
                return
        time.sleep(_COLLECT)
        with self._changed:
            self._raise_failure()

    def explained(self, error: CkptOpsError) -> CkptOpsError:
        """An error of the own process, or the one of another worker that it is a consequence of."""
        if isinstance(error, TerminalError | WorkersDiffer | GangBroken):
            return error
        time.sleep(_COLLECT)
        with self._changed:
            return failing.together([(0, error), *self._failures]) if self._failures else error

    def done(self, version: int) -> None:
        """Tell the others that the result is recorded."""
        self._tell_all("done", version=version)

    def _who(self, there: int) -> str:
        missing = [str(one) for one in range(1, self._count) if one not in self._others]
        return (
            f"{there} of {self._count} workers {'is' if there == 1 else 'are'} there, not worker "
            f"{', '.join(missing)}: all have to run at the same time, are there {self._count} slots?"
        )

    def _raise_failure(self) -> None:
        if self._failures:
            raise failing.together(self._failures)

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._hear, args=(connection,), daemon=True, name="gang").start()

    def _hear(self, connection: socket.socket) -> None:
        worker, channel, why = 0, None, "it said nothing"
        try:
            channel = Channel(connection, self._secret, listens=True)
            worker = self._greeted(channel)
            while worker:
                message = channel.receive()
                if message.get("kind") == "failed":
                    self._failed(worker, failing.read(message.get("error")))
                    return
        except (Closed, BadDocument) as error:
            why = str(error)
        if worker:
            self._lost(worker, channel, why)
        elif channel is not None:
            channel.close()

    def _greeted(self, channel: Channel) -> int:
        """The number of the worker, now one of the gang; 0 for one that is refused."""
        hello = channel.receive()
        worker = read_as(int, hello.get("worker"), at="worker")
        found = differences(self._facts, Facts.read(hello.get("facts")), named=f"worker {worker}")
        if found:
            refused = WorkersDiffer(
                f"worker {worker} cannot train together with worker 0: {'; '.join(found)}",
                safe=failing.SAFE,
                next="install the same lock and code on all workers, then retry",
            )
            channel.send("failed", error=failing.written(refused))
            if replace(self._facts, candidate="") != replace(Facts.read(hello.get("facts")), candidate=""):
                self._failed(worker, refused)  # else it is of another run, and ours may come
            return 0
        if not 0 < worker < self._count:
            raise Closed(f"there is no worker {worker} of {self._count}")
        with self._changed:
            before = self._others.get(worker)
            if self._begun:
                channel.send("failed", error=failing.written(failing.gone(worker, "it began again")))
                self._failures.append((worker, failing.gone(worker, "it began again")))
                return 0
            self._others[worker] = _Other(channel, read_as(str, hello.get("address"), at="address"))
            self._changed.notify_all()
        if before is not None:
            before.channel.close()
        return worker

    def _failed(self, worker: int, error: CkptOpsError) -> None:
        with self._changed:
            self._failures.append((worker, error))
            self._changed.notify_all()

    def _lost(self, worker: int, channel: Channel | None, why: str) -> None:
        """Before all have started, a worker may come again; after that it is missed."""
        with self._changed:
            other = self._others.get(worker)
            if other is None or other.channel is not channel:
                return
            if self._begun:
                self._failures.append((worker, failing.gone(worker, why)))
            else:
                del self._others[worker]
            self._changed.notify_all()

    def _beat(self) -> None:
        while not self._closed:
            self._tell_all("beat")
            for worker, other in list(self._others.items()):
                if time.monotonic() - other.channel.heard > SILENT_SECONDS:
                    self._lost(worker, other.channel, f"it said nothing for {SILENT_SECONDS:.0f} s")
            time.sleep(BEAT_SECONDS)

    def _tell_all(self, kind: str, **body: object) -> None:
        with self._changed:
            others = list(self._others.values())
        for other in others:
            with suppress(Closed):  # whoever hears it finds out
                other.channel.send(kind, **body)
