"""A Celery worker that is stopped asks its tasks to end; a training saves first.

Celery by itself only waits for them, and Docker kills those that are not done. docker-compose.yaml makes the
training worker import this.
"""

from __future__ import annotations

import os
import signal

from celery.signals import worker_shutting_down


def ask_tasks_to_end(**_details: object) -> None:
    """Send SIGTERM to every task below this worker: Airflow retries it on any worker that is up."""
    # here: tasks are forks of this process, and see changed code only if it has not imported it
    from ckpt_ops.embedded import procfs

    for task in procfs.group_leaders(procfs.identities(procfs.descendants([os.getpid()]))):
        task.signal(signal.SIGTERM)


worker_shutting_down.connect(ask_tasks_to_end)
