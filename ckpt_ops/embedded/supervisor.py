"""The detached process that owns a platform, and the messages by which `up` follows its start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from types import FrameType

from ckpt_ops.embedded import leftovers
from ckpt_ops.embedded.platform import Event, Platform
from ckpt_ops.embedded.process import private_log
from ckpt_ops.embedded.settings import Settings
from ckpt_ops.errors import CkptOpsError

WATCH_SECONDS = 0.5


class Stop(BaseException):
    """A signal asked the supervisor to end; not an error, and not to be caught as one."""


def serve(settings: Settings, *, events: int | None = None) -> int:
    """Run a platform in this process until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: of the platform.
        events: a file descriptor that gets each step as a line of JSON, until its reader is gone.
    """
    report = Reporter(events)
    platform = Platform(settings, report=report)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        platform.record_supervisor()
        platform.start()
        while True:
            platform.watch()
            time.sleep(WATCH_SECONDS)
    except Stop:
        return 0
    except CkptOpsError as error:
        report(Event(component="platform", state="failed", detail=str(error)))
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        platform.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop(signal.Signals(number).name)


class Reporter:
    """Writes each step to the supervisor's log and, while someone reads, to a pipe.

    It never fails: a disk that is full must not keep the supervisor from stopping what it started.
    """

    def __init__(self, events: int | None) -> None:
        self._events = events
        if events is not None:
            os.set_inheritable(events, False)

    def __call__(self, event: Event) -> None:
        """Report one step."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S")
        with suppress(OSError, ValueError):
            print(stamp, event.component, event.state, f"{event.seconds:.1f}s", event.detail, flush=True)
        if self._events is not None:
            try:
                os.write(self._events, (json.dumps(asdict(event)) + "\n").encode())
            except OSError:  # `up` has seen what it waited for and is gone
                with suppress(OSError):
                    os.close(self._events)
                self._events = None


def launch(settings: Settings) -> tuple[subprocess.Popen[bytes], Iterator[Event]]:
    """Start a detached supervisor; the iterator yields its steps until it is ready or gone."""
    reading, writing = os.pipe()
    argv = [sys.executable, "-m", "ckpt_ops.embedded", "serve"]
    argv += ["--home", str(settings.home), "--events", str(writing)]
    with private_log(settings.logs / f"{leftovers.SUPERVISOR}.log") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(writing,),
        )
    os.close(writing)
    return process, _events(reading)


def _events(reading: int) -> Iterator[Event]:
    with os.fdopen(reading) as lines:
        for line in lines:
            event = Event(**json.loads(line))
            yield event
            if event.component == "platform" and event.state == "ready":
                return
