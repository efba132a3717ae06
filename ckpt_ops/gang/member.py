"""The side of every worker but the first: it finds the first one, and works as long as that one is there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from ckpt_ops.documents import BadDocument, read_as
from ckpt_ops.errors import BadInput, CkptOpsError, GangBroken
from ckpt_ops.gang import failing
from ckpt_ops.gang.channel import BEAT_SECONDS, SILENT_SECONDS, Channel, Closed
from ckpt_ops.gang.facts import Facts
from ckpt_ops.gang.meeting import LOOPBACK, Meeting, free_port, meetings, own_address, own_host
from ckpt_ops.gang.watching import Done
from ckpt_ops.store import Store

_LOOK_SECONDS = 1.0
_CONNECT_SECONDS = 3.0


class Member:
    """Worker `worker` of `count`, as long as the block lasts. Arguments as of `Leader`.

    Args:
        over: asked while nobody is met: the version, when the work was done meanwhile.
    """

    def __init__(
        self,
        store: Store,
        model: str,
        facts: Facts,
        *,
        worker: int,
        count: int,
        within: float,
        report: Callable[[str], None],
        over: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.worker = worker
        self._store, self._model, self._facts, self._over = store, model, facts, over
        self._count, self._within, self._report = count, within, report
        self._address = own_address()
        self._tensorflow = f"{self._address}:{free_port(self._address)}"
        self._channel: Channel | None = None
        self._heard = threading.Condition()
        self._begin: tuple[str, ...] = ()
        self._end: Exception | None = None
        self._closed = False

    def __enter__(self) -> Member:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._channel is None:
            return
        if error is not None and not isinstance(error, Done) and error is not self._end:
            with suppress(Closed):
                self._channel.send("failed", error=failing.written(error))
        self._channel.close()

    def meet(self) -> tuple[str, ...]:
        """Find the first worker and wait until it lets all begin; the address of each worker's process.

        Raises:
            Done: the work was done meanwhile.
            GangBroken: it was not found in time, or not all were there.
            WorkersDiffer: it has other code, libraries or settings.
        """
        until = time.monotonic() + self._within
        self._report(f"worker {self.worker} of {self._count} looks for worker 0")
        while self._channel is None:
            for name, meeting in meetings(self._store, self._model):
                self._channel = self._connected(name, meeting)
                if self._channel is not None:
                    break
            else:
                self._raise_over()
                if time.monotonic() > until:
                    raise GangBroken(
                        f"worker {self.worker} of {self._count} found no worker 0 in {self._within:.0f} s: "
                        f"all have to run at the same time, are there {self._count} slots?",
                        safe=failing.SAFE,
                        next=f"see that {self._count} trainings can run at the same time, then retry all",
                    )
                time.sleep(_LOOK_SECONDS)
        self._report(f"worker {self.worker} of {self._count} has found worker 0, and waits for the others")
        for work in (self._hear, self._beat):
            threading.Thread(target=work, daemon=True, name="gang").start()
        with self._heard:
            while not self._begin:
                self._raise_end()
                self._heard.wait(1.0)
        return self._begin

    def check(self) -> None:
        """Raises `Done`, `GangBroken`, or what another worker raised: the work is over."""
        channel = self._channel
        with self._heard:
            self._raise_end()
        if channel is not None and time.monotonic() - channel.heard > SILENT_SECONDS:
            raise failing.gone(0, f"it said nothing for {SILENT_SECONDS:.0f} s")

    def explained(self, error: CkptOpsError) -> CkptOpsError:
        """As `Leader.explained`: the first worker finds out what it is a consequence of."""
        return error

    def wait(self) -> int:
        """Wait until the first worker has recorded the result; the version. Raises as `check`."""
        while True:
            try:
                self.check()
            except Done as done:
                return done.version
            time.sleep(0.2)

    def _raise_over(self) -> None:
        version = self._over()
        if version is not None:
            raise Done(version)

    def _raise_end(self) -> None:
        if self._end is not None:
            raise self._end

    def _connected(self, name: str, meeting: Meeting) -> Channel | None:
        if meeting.address == LOOPBACK and meeting.host != own_host():
            raise BadInput(
                "CKPT_OPS_WORKERS_ADDRESS",
                LOOPBACK,
                f"an address that other hosts reach, at worker 0: worker {self.worker} is on another host",
                next="set CKPT_OPS_WORKERS_ADDRESS on every host with workers: its own address, or auto",
            )
        try:
            connection = socket.create_connection((meeting.address, meeting.port), timeout=_CONNECT_SECONDS)
        except OSError:
            return None
        try:
            channel = Channel(connection, meeting.secret, listens=False)
            facts, address = self._facts.written(), self._tensorflow
            channel.send("hello", worker=self.worker, facts=facts, address=address)
        except Closed:
            connection.close()
            return None
        return channel

    def _hear(self) -> None:
        channel = self._channel
        try:
            while channel is not None:
                self._take(channel.receive())
        except (Closed, BadDocument) as error:
            self._ended(failing.gone(0, str(error)))

    def _take(self, message: Any) -> None:
        match message.get("kind"):
            case "begin":
                with self._heard:
                    self._begin = read_as(tuple[str, ...], message.get("addresses"), at="addresses")
                    self._heard.notify_all()
            case "failed":
                self._ended(failing.read(message.get("error")))
            case "done":
                self._ended(Done(read_as(int, message.get("version"), at="version")))

    def _ended(self, end: Exception) -> None:
        """What ended it first counts: after that the connection closes."""
        with self._heard:
            self._end = self._end or end
            self._heard.notify_all()

    def _beat(self) -> None:
        while not self._closed and self._channel is not None:
            try:
                self._channel.send("beat")
            except Closed:
                return
            time.sleep(BEAT_SECONDS)
