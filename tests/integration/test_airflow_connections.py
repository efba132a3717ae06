"""A connection that was made in Airflow is the one that a source gets."""

from __future__ import annotations

from hashlib import sha256

import pytest
from airflow_process import eventually

from ckpt_ops.embedded.platform import Platform

pytestmark = pytest.mark.slow


def test_a_connection_made_in_airflow_reaches_the_source_and_no_log(platform: Platform) -> None:
    made = {
        "connection_id": "made_in_airflow",
        "conn_type": "http",
        "host": "https://api.example.com",  # as the UI's form suggests; Airflow's own URI of it misleads
        "login": "me",
        "password": "s3cret/@:%",
        "extra": '{"headers": {"X-Team": "a"}}',
    }
    platform.api("POST", "connections", made)
    eventually(
        lambda: [dag for dag in platform.api("GET", "dags?tags=test")["dags"] if dag["dag_id"] == "connected"]
    )
    run = platform.api("POST", "dags/connected/dagRuns", {"logical_date": None})
    path = f"dags/connected/dagRuns/{run['dag_run_id']}"
    ended = eventually(lambda: {platform.api("GET", path)["state"]} & {"success", "failed"})
    log = str(platform.api("GET", f"{path}/taskInstances/connect/logs/1"))
    assert ended == {"success"}, log
    value = platform.api("GET", f"{path}/taskInstances/connect/xcomEntries/return_value")["value"]
    assert value == {
        "host": made["host"],
        "login": made["login"],
        "password": sha256(made["password"].encode()).hexdigest(),
        "extra": {"headers": {"X-Team": "a"}},
    }
    assert "s3cret" not in log
