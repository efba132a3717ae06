"""An Airflow that says how its components are, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

WELL = dict.fromkeys(("scheduler", "dag_processor", "triggerer"), 0.0)


class Airflow(BaseHTTPRequestHandler):
    """By component, how many seconds old its heartbeat is."""

    ages: ClassVar[dict[str, float]] = WELL

    def do_GET(self) -> None:
        found: dict[str, dict[str, str]] = {"metadatabase": {"status": "healthy"}}
        for name, age in Airflow.ages.items():
            beat = datetime.now(UTC) - timedelta(seconds=age)
            found[name] = {"status": "healthy", f"latest_{name}_heartbeat": beat.isoformat()}
        data = json.dumps(found).encode()
        self.send_response(200 if self.path == "/api/v2/monitor/health" else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass
