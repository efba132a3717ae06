"""How a slice is pulled again, for messages: with Airflow, and without."""

from __future__ import annotations

TRIED_AGAIN = "a DAG tries the pull again by itself; by hand: ckpt-ops run NAME --slice KEY"
"""After what fails for now."""


def pull_again(key: str = "KEY") -> str:
    """After a person has fixed what failed for good."""
    return f"pull the slice again: ckpt-ops run NAME --slice {key}, or clear its pull task in Airflow"
