"""The training loop's side of checkpoints: called after every step, it saves when something wants a save.

Four things may: the trigger, a person's request, SIGTERM, the end of training. The loop belongs to its
owner: it calls `after_step` between two steps, ends when `stopping` is set, and calls `finish`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from ckpt_ops.checkpoints.capture import capture
from ckpt_ops.checkpoints.intermediate import IntermediateWriter
from ckpt_ops.checkpoints.requests import SaveRequest, SaveRequestPoller
from ckpt_ops.checkpoints.stall import StallMeter
from ckpt_ops.checkpoints.triggers import SaveTrigger, SinceSave, seconds_between
from ckpt_ops.checkpoints.writer import BackgroundWriter

_NOT_RECORDED = "this training records no intermediate results: its pipeline sets no intermediate="


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a training has come.

    Attributes:
        step: optimizer steps since the parent.
        seconds: of training, over all attempts.
        cursor: the position in its data, as its loop gives it.
        metrics: numbers, or scalar tensors, which are read only when something is saved.
    """

    step: int = 0
    seconds: float = 0.0
    cursor: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.metrics.items()}


class Checkpointer:
    """Saves `variables` through `writer`. Not thread-safe, but for `stop`.

    Args:
        variables: what a checkpoint holds, by name.
        save: when a save of the parameters is due.
        requests: where people request saves; None for nowhere.
        intermediate: records intermediate results; None for none.
        start: where training begins or resumes.

    Attributes:
        at: the position of the training now; `start` before the first step.
    """

    def __init__(
        self,
        writer: BackgroundWriter,
        variables: Mapping[str, Any],
        *,
        save: SaveTrigger,
        requests: SaveRequestPoller | None = None,
        intermediate: IntermediateWriter | None = None,
        start: Position | None = None,
    ) -> None:
        self.at = start or Position()
        self._writer, self._variables, self._save = writer, variables, save
        self._requests, self._intermediate = requests, intermediate
        self._stopping = threading.Event()
        self._stall = StallMeter()
        self._writing = False  # whether the next step shares the machine with a save
        self._saved_step = self.at.step
        self._saved_at = self._stepped_at = time.monotonic()

    @property
    def saved_step(self) -> int:
        """The step of the last save that was started; before the first, the step that training starts at."""
        return self._saved_step

    @property
    def stall_seconds(self) -> float:
        """What saves have cost the training so far, as measured."""
        return self._stall.total

    @property
    def save_every(self) -> float | None:
        """Seconds between two saves, as the trigger has them now; None where it does not go by time."""
        return seconds_between(self._save, self._stall.seconds)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked the training to end early: leave the loop and call `finish`."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask for an early end. May be called from another thread or a signal handler."""
        self._stopping.set()

    def after_step(
        self,
        step: int,
        *,
        seconds: float = 0.0,
        cursor: Mapping[str, int] | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> None:
        """Training is at `step`; the rest as in `Position`.

        Blocks no longer than it takes to capture the variables, unless the previous save is still being
        written. Raises whatever a save raised, at the latest one save later.
        """
        self.at = Position(step=step, seconds=seconds, cursor=cursor or {}, metrics=metrics or {})
        now = time.monotonic()
        self._stall.step(now - self._stepped_at, saving=self._writing)
        self._stepped_at = now
        requests = self._requests.due(step) if self._requests else ()
        since = SinceSave(
            steps=step - self._saved_step, seconds=now - self._saved_at, stall=self._stall.seconds
        )
        if self._save.due(since) or any(request.parameters for request in requests):
            self._submit()
        elif self._writer.failed():
            self._writer.wait()
        if self._intermediate is not None:
            wanted = any(request.intermediate for request in requests)
            self._intermediate.after_step(step, self.at.numbers, self._writer, wanted=wanted)
        for request in requests:
            self._answer(request)
        self._writing = self._writer.busy

    def finish(self) -> None:
        """Save the last state, whatever the trigger says, and wait until it is committed."""
        if self.at.step > self._saved_step:
            self._submit()
        self._writer.wait()
        if self._requests is not None and not self.stopping:
            self._requests.close(self.at.step)

    def close(self) -> None:
        """Stop looking for requests; those that wait are left to the next attempt."""
        if self._requests is not None:
            self._requests.stop()

    @contextmanager
    def stopping_on_sigterm(self) -> Iterator[None]:
        """SIGTERM calls `stop` instead of ending the process; only where the main thread calls this."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handler(number: int, frame: FrameType | None) -> None:
            self.stop()

        before = signal.signal(signal.SIGTERM, handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _submit(self) -> None:
        at = self.at
        self._writer.submit(
            capture(self._variables, step=at.step, seconds=at.seconds, metrics=at.numbers(), cursor=at.cursor)
        )
        self._saved_step, self._saved_at = at.step, time.monotonic()

    def _answer(self, request: SaveRequest) -> None:
        poller, step = self._requests, self.at.step
        if poller is None:
            return
        objects = [self._writer.name_of(step)] if request.parameters else []
        why = ""
        if request.intermediate and self._intermediate is not None:
            objects.append(self._intermediate.name_of(step))
        elif request.intermediate:
            why = _NOT_RECORDED
        self._writer.run(lambda: poller.answer(request, step, objects, why=why))
