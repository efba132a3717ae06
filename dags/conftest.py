"""Tests of pipelines read their DAGs: Airflow writes a configuration file where it is first imported."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="ckpt-ops-airflow-"))
