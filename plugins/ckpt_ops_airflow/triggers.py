"""What waits in the triggerer. Imported there and by a task that begins to wait, not by DAG files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async


class EarlierRunsEnded(BaseTrigger):
    """Fires when none of the runs is queued or running, or when they are stuck in the queue.

    All its state is in its arguments: a triggerer that takes it over starts to look again.

    Args:
        dag_id: the runs' DAG.
        run_ids: what to watch.
        poll_seconds: how often.
        stuck_seconds: see `ordering.WaitForEarlierRuns`.
    """

    def __init__(self, *, dag_id: str, run_ids: list[str], poll_seconds: float, stuck_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dag_id, self.run_ids = dag_id, run_ids
        self.poll_seconds, self.stuck_seconds = poll_seconds, stuck_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As Airflow keeps it."""
        return "ckpt_ops_airflow.triggers.EarlierRunsEnded", {
            "dag_id": self.dag_id,
            "run_ids": self.run_ids,
            "poll_seconds": self.poll_seconds,
            "stuck_seconds": self.stuck_seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the earlier runs have ended or are stuck."""
        moved = time.monotonic()
        while True:
            running, queued = await self._count("running"), await self._count("queued")
            if not running and not queued:
                yield TriggerEvent({"stuck": []})
                return
            if running:
                moved = time.monotonic()
            elif time.monotonic() - moved > self.stuck_seconds:
                yield TriggerEvent({"stuck": self.run_ids})
                return
            await asyncio.sleep(self.poll_seconds)

    async def _count(self, state: str) -> int:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        count = sync_to_async(RuntimeTaskInstance.get_dr_count)
        return int(await count(dag_id=self.dag_id, run_ids=self.run_ids, states=[state]))
