"""What MLflow's adapter makes of settings and of answers; tests/registries asks a real server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ckpt_ops.errors import BadInput, CkptOpsError, RegistryRefused, RegistryUnavailable
from ckpt_ops.registries import MLflow
from ckpt_ops.slices import connections


@dataclass
class Server:
    """Answers every request with one answer, and keeps what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    location: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    answers = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            answers.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            self.send_response(answers.status)
            if answers.location:
                self.send_header("Location", answers.location)
            self.end_headers()
            self.wfile.write(answers.body)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        answers.url = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield answers
        listening.shutdown()


@pytest.mark.parametrize(
    ("settings", "field_"),
    [
        ({"uri": "mlflow.example.com"}, "uri"),
        ({"uri": "https://"}, "uri"),
        ({"uri": "file:///tmp/mlruns"}, "uri"),
        ({"uri": "https://host/?token=x"}, "uri"),
        ({"uri": "https://host", "name": "it's"}, "name"),
        ({"uri": "https://host", "name": "a/b"}, "name"),
        ({"uri": "https://host", "alias": "latest"}, "alias"),
        ({"uri": "https://host", "alias": "v3"}, "alias"),
        ({"uri": "https://host", "alias": ""}, "alias"),
    ],
)
def test_settings_that_no_server_takes_are_refused(settings: dict[str, str], field_: str) -> None:
    with pytest.raises(BadInput) as refused:
        MLflow(**settings)
    assert refused.value.field == field_
    assert "token" not in str(refused.value)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(BadInput, match="without a user and a password") as refused:
        MLflow(uri="https://ada:secret@host")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (500, b"", RegistryUnavailable, "answers 500"),
        (503, b"<html>", RegistryUnavailable, "answers 503"),
        (429, b"{}", RegistryUnavailable, "answers 429"),
        (200, b"<html>a login page", RegistryUnavailable, "no JSON object"),
        (200, b"[]", RegistryUnavailable, "no JSON object"),
        (401, b"", RegistryRefused, "401"),
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "not you"}', RegistryRefused, "not you"),
        (302, b"", RegistryRefused, "302"),
        (404, b"not json", RegistryRefused, "404"),
    ],
)
def test_each_answer_is_an_error_that_says_what_is_safe_and_what_is_next(
    server: Server, status: int, body: bytes, error: type[CkptOpsError], said: str
) -> None:
    server.status, server.body, server.location = status, body, f"{server.url}/elsewhere"
    with pytest.raises(error, match=said) as raised:
        MLflow(uri=server.url).read("m")
    assert "production is as the log says" in raised.value.safe
    assert "ckpt-ops register MODEL" in raised.value.next
    assert len(server.asked) == 1, "a redirect is not followed: it may lead a password elsewhere"


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(RegistryUnavailable, match="does not answer: ConnectionError"):
        MLflow(uri="http://127.0.0.1:9").read("m")


@pytest.mark.parametrize(
    ("uri", "header"),
    [("http://:tok%2Fen@host", "Bearer tok/en"), ("http://ada:pw@host", "Basic YWRhOnB3")],
)
def test_the_login_comes_from_an_airflow_connection(server: Server, uri: str, header: str) -> None:
    server.status, server.body = 404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"}).encode()
    with connections.standing_in("tracking", uri):
        found = MLflow(uri=server.url, connection="tracking").read("m")
    assert (found.ids, found.production) == ({}, None)
    assert server.asked == [("GET", "/api/2.0/mlflow/registered-models/get?name=m", header)]
