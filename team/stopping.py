"""A Celery worker that is stopped asks its tasks to end; a training saves first.

Celery by itself waits for them, and Docker kills what it still waits for. The training worker imports this
because docker-compose.yaml says so.
"""

from __future__ import annotations

import os
import signal

from celery.signals import worker_shutting_down


def ask_tasks_to_end(**_said: object) -> None:
    """Send SIGTERM to every task below this worker: Airflow has it retried by whichever worker is there."""
    # here: tasks are forks of this process, and see code that changed only as long as it has imported none
    from ckpt_ops.embedded import procfs

    for task in procfs.group_leaders(procfs.identities(procfs.descendants([os.getpid()]))):
        task.signal(signal.SIGTERM)


worker_shutting_down.connect(ask_tasks_to_end)
