"""The DAG whose runs have notes and tell people, and one that looks. Nothing starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from ckpt_ops_airflow import alerts_dag, retraining_dag
from noted.hook import Hook
from noted.pipeline import noted

notify = [
    Hook(body="{{ alert.json }}", connection="noted_gone"),  # nobody makes it
    Hook(body="{{ alert.json }}", connection="noted_hook"),
    SmtpNotifier(
        to="operators@example.com",
        subject="{{ alert.title }}",
        html_content="{{ alert.html }}",
        smtp_conn_id="noted_mail",
    ),
]

dag = retraining_dag(
    noted,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 2, 3, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
    notify=notify,
)

alerts = alerts_dag(notify=notify, models=["noted"], dag_id="noted_alerts", schedule=None, tags=("test",))
