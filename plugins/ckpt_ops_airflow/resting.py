"""Airflow's LocalExecutor that lets the scheduler rest while nothing runs.

The scheduler goes through its loop ten times a second in the embedded platform, which takes a sixth of a
core: between two tasks of a run each pause counts. While no task runs, and none ran a moment ago, the loop
waits here instead, and asks the database four times a second for what a whole loop would find: a run that
was asked for, a task that may start. So a run that is asked for begins as soon as it did, and a scheduled
one seconds later at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from airflow.executors.local_executor import LocalExecutor
from airflow.models import DagRun, TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select

BUSY_SECONDS = 5.0
"""How long after its last task the executor still counts as busy."""

REST_SECONDS = 4.0
"""The longest rest: what is due by the clock alone is late by as much. The scheduler's heartbeat is 5 s."""

LOOK_SECONDS = 0.25

_AT_MOST = 1000  # of each, a look reads


class RestingExecutor(LocalExecutor):
    """As LocalExecutor; with nothing to do, a heartbeat takes up to `REST_SECONDS`."""

    def start(self) -> None:
        super().start()
        self._rest = Rest(asked_for)

    def sync(self) -> None:
        super().sync()
        queued = self.queued_tasks or self.queued_callbacks or self.queued_connection_tests
        self._rest.while_idle(busy=bool(self.running or self.event_buffer or queued))


class Rest:
    """Waits while there is nothing to do.

    Args:
        asked: the ids of what waits for the scheduler now. One that is not new wakes nobody: it may have to
            wait for long, as the run of a paused DAG does.
    """

    def __init__(
        self,
        asked: Callable[[], frozenset[object]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._asked, self._clock, self._sleep = asked, clock, sleep
        self._known: frozenset[object] = frozenset()
        self._busy_until = clock() + BUSY_SECONDS

    def while_idle(self, *, busy: bool) -> None:
        """Returns at once while there is work, or was a moment ago."""
        if busy:
            self._busy_until = self._clock() + BUSY_SECONDS
        until = self._clock() + REST_SECONDS
        while self._busy_until <= self._clock() < until:
            asked = self._asked()
            if asked - self._known:
                self._busy_until = self._clock() + BUSY_SECONDS
            self._known = asked
            if self._clock() >= self._busy_until:
                self._sleep(LOOK_SECONDS)


def asked_for() -> frozenset[object]:
    """The runs that are queued, and the tasks that are scheduled; both states have an index."""
    runs = select(DagRun.id).where(DagRun.state == DagRunState.QUEUED).limit(_AT_MOST)
    tasks = select(TaskInstance.id).where(TaskInstance.state == TaskInstanceState.SCHEDULED).limit(_AT_MOST)
    with create_session() as session:
        return frozenset((*session.scalars(runs), *session.scalars(tasks)))
