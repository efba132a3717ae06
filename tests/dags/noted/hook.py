"""A notifier as a team writes it: it posts the alert as JSON to the address of a connection."""

from __future__ import annotations

import urllib.request
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.bases.notifier import BaseNotifier


class Hook(BaseNotifier):
    template_fields = ("body",)

    def __init__(self, *, body: str, connection: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body, self.connection = body, connection

    def notify(self, context: Any) -> None:
        """Raises where there is no such connection, or its server answers with an error."""
        to = Connection.get(self.connection)
        address = f"http://{to.host}:{to.port}/"
        request = urllib.request.Request(address, self.body.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5):
            pass
