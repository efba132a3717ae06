"""The order of runs, as the embedded platform keeps it, on Celery workers and the stack's PostgreSQL."""

from __future__ import annotations

from test_retraining_dag import TestOrder

__all__ = ["TestOrder"]
