"""Fencing and resuming, as on the embedded platform, with a task below a Celery worker."""

from __future__ import annotations

from test_kill_through_airflow import (
    store,
    test_a_killed_training_and_a_killed_worker_leave_the_weights_of_an_undisturbed_run,
)

__all__ = ["store", "test_a_killed_training_and_a_killed_worker_leave_the_weights_of_an_undisturbed_run"]
