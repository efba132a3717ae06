"""Ratings of films, year by year: the DAG of `pipeline.py`."""

from __future__ import annotations

from datetime import UTC, datetime

from ckpt_ops_airflow import export_dag, rebase_dag, retrain_dag, retraining_dag
from movie_ratings.pipeline import movie_ratings

# The data ends with 2016. An end date in the past: nothing starts by itself, every run is asked for.
dag = retraining_dag(
    movie_ratings,
    schedule="0 0 1 1 *",
    start_date=datetime(1996, 1, 1, tzinfo=UTC),
    end_date=datetime(2016, 1, 1, tzinfo=UTC),
)

rebase = rebase_dag(movie_ratings)

# Triggered by hand for a version that sees the history again; at first as a dry run.
retrain = retrain_dag(movie_ratings)

# Triggered from the page of a version, which it writes in another format.
export = export_dag(movie_ratings)
