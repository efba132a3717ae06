"""Airflow's REST API, as one user sees it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ckpt_ops.errors import CkptOpsError, TerminalError, TransientError

COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


class Rest:
    """Calls to one api-server with one user's token, fetched on first use.

    Args:
        url: as `http://127.0.0.1:8080`.
        user, password: of a user of Airflow's auth manager.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user, self._password = user, password
        self._token: str | None = None

    def token(self) -> str:
        """A JWT for the header `Authorization: Bearer ...`; good for a day."""
        if self._token is None:
            body = {"username": self._user, "password": self._password}
            self._token = str(self._send("POST", "/auth/token", body, {})["access_token"])
        return self._token

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API and return its JSON (None where it answers without a body).

        Args:
            method: GET, POST, PATCH, DELETE ...
            path: from the server's root, as `/api/v2/dags`; a path without `/api` gets `/api/v2`.
            body: sent as JSON.

        Raises:
            TransientError: no answer, or HTTP 429 or 5xx.
            TerminalError: any other HTTP error; the message holds the answer.
        """
        path = path if path.startswith(("/api/", "/auth/", "/ui/")) else f"/api/v2/{path.lstrip('/')}"
        return self._send(method, path, body, {"Authorization": f"Bearer {self.token()}"})

    def health(self) -> dict[str, dict[str, str | None]]:
        """What `/api/v2/monitor/health` reports for each component; empty while there is no answer."""
        try:
            found: dict[str, dict[str, str | None]] = self._send("GET", "/api/v2/monitor/health", None, {})
        except CkptOpsError:
            return {}
        return {name: entry for name, entry in found.items() if entry}

    def healthy(self, *, since: float = 0.0) -> set[str]:
        """The components that are healthy by a heartbeat not older than `since` (seconds, epoch).

        A killed process looks healthy for half a minute; its heartbeat's age gives it away.
        """
        found = set()
        for name, entry in self.health().items():
            beat = next((value for key, value in entry.items() if key.startswith("latest_")), None)
            fresh = name == "metadatabase" or (
                beat is not None and datetime.fromisoformat(beat).timestamp() >= since
            )
            if entry.get("status") == "healthy" and fresh:
                found.add(name)
        return found

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path,
            data=data,
            method=method,
            headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                content = reply.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")[:2000]
            kind = TransientError if error.code == 429 or error.code >= 500 else TerminalError
            raise kind(f"{method} {path} answered HTTP {error.code}: {text}") from error
        except OSError as error:
            raise TransientError(f"{method} {self.url}{path} got no answer: {error}") from error
        return json.loads(content) if content else None
