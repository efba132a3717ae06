"""Flight delays, week by week: the DAG of `pipeline.py`."""

from __future__ import annotations

from datetime import UTC, datetime

from ckpt_ops_airflow import export_dag, rebase_dag, retrain_dag, retraining_dag
from flight_delay.pipeline import flight_delay

# The data ends with 2013. An end date in the past: nothing starts by itself, every run is asked for.
dag = retraining_dag(
    flight_delay,
    schedule="0 0 * * 0",
    start_date=datetime(2012, 12, 30, tzinfo=UTC),
    end_date=datetime(2014, 1, 5, tzinfo=UTC),
)

# Triggered by hand when a slice was corrected, withdrawn or tainted; at first as a dry run.
rebase = rebase_dag(flight_delay)

# Triggered by hand for a version that sees the history again; at first as a dry run.
retrain = retrain_dag(flight_delay)

# Triggered from the page of a version, which it writes in another format.
export = export_dag(flight_delay)
