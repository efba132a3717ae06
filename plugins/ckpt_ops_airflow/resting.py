"""Airflow's LocalExecutor that lets the scheduler rest while nothing changes.

The scheduler goes through its loop ten times a second in the embedded platform, which takes a sixth of a
core: between two tasks of a run each pause counts. When nothing has changed for a moment, because nothing
runs or one long task does, the loop waits here instead, and asks the database a few times a second for what a
whole loop would act on: a run that was asked for, a task that may start, one that has ended. So a run that is
asked for begins half a second later at most, and a scheduled one four seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from airflow.executors.local_executor import LocalExecutor
from airflow.models import DagRun, TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select

from ckpt_ops_airflow.imported_ahead import import_ahead

BUSY_SECONDS = 5.0
"""How long after the last change the executor still counts as busy."""

REST_SECONDS = 4.0
"""The longest rest: what is due by the clock alone is late by as much. The scheduler's heartbeat is 5 s."""

LOOK_SECONDS = 0.25
"""Between two looks, while something goes on."""

IDLE_LOOK_SECONDS = 0.5
"""The same while nothing does."""

_AT_MOST = 1000  # of each, a look reads


class RestingExecutor(LocalExecutor):
    """As LocalExecutor; with nothing to do, a heartbeat takes up to `REST_SECONDS`.

    Its workers, and so all tasks, have what tasks import from the start.
    """

    def start(self) -> None:
        import_ahead()
        super().start()
        self._rest = Rest(going_on)

    def sync(self) -> None:
        super().sync()
        # `running` says nothing: Airflow's LocalExecutor never fills it
        queued = self.queued_tasks or self.queued_callbacks or self.queued_connection_tests
        self._rest.while_idle(busy=bool(self.event_buffer or queued))


class Rest:
    """Waits while nothing changes.

    Args:
        look: what goes on now: runs and tasks, each with its state. What stays as it is wakes nobody: it may
            stay so for long, as the run of a paused DAG does, and a training.
    """

    def __init__(
        self,
        look: Callable[[], frozenset[object]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._look, self._clock, self._sleep = look, clock, sleep
        self._known: frozenset[object] = frozenset()
        self._busy_until = clock() + BUSY_SECONDS

    def while_idle(self, *, busy: bool) -> None:
        """Returns at once while something changes, or did a moment ago."""
        if busy:
            self._busy_until = self._clock() + BUSY_SECONDS
        until = self._clock() + REST_SECONDS
        while self._busy_until <= self._clock() < until:
            found = self._look()
            if found != self._known:
                self._busy_until = self._clock() + BUSY_SECONDS
            self._known = found
            if self._clock() >= self._busy_until:
                self._sleep(LOOK_SECONDS if found else IDLE_LOOK_SECONDS)


def going_on() -> frozenset[object]:
    """The runs that are queued, and the tasks that wait for the scheduler or run, each with its state."""
    runs = select(DagRun.id).where(DagRun.state == DagRunState.QUEUED).limit(_AT_MOST)
    states = (
        TaskInstanceState.SCHEDULED,
        TaskInstanceState.QUEUED,
        TaskInstanceState.RUNNING,
        TaskInstanceState.RESTARTING,
    )
    tasks = select(TaskInstance.id, TaskInstance.state).where(TaskInstance.state.in_(states)).limit(_AT_MOST)
    with create_session() as session:
        return frozenset((*session.scalars(runs), *map(tuple, session.execute(tasks))))
