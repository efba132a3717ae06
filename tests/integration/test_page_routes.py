"""Every route of the pages' app: who is let in, and what is refused before anything is looked up or written.

The routes are taken from the app itself. A new one has to be said here what it is for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from stand_in import ADA, BOB, W1, W2, W3, W4, Place

from ckpt_ops.embedded.airflow import airflow_environment
from ckpt_ops.embedded.settings import Settings
from ckpt_ops.lineage.records import SliceQuarantined
from ckpt_ops.pipeline import Approval
from ckpt_ops.runs import steps

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
MODEL = "people"
EVIL = "<img src=x onerror=alert(1)>"
DAG = """
from datetime import UTC, datetime
from ckpt_ops_airflow import rebase_dag, retraining_dag
from {name}.pipeline import {name}

dag = retraining_dag({name}, schedule="0 0 * * 0", start_date=datetime(2013, 1, 6, tzinfo=UTC),
                     end_date=datetime(2013, 1, 27, tzinfo=UTC))
rebase = rebase_dag({name})
"""
RUNS = [
    {
        "dag_id": MODEL,
        "run_id": "taken",
        "start": "2013-01-06",
        "state": "success",
        "left": {"pull": {"return_value": {"key": W1}}, "train": {"return_value": {"version": 1}}},
    },
    {
        "dag_id": MODEL,
        "run_id": "none+there",
        "start": "2013-01-13",
        "state": "success",
        "note": f"no slice {EVIL}",
        "left": {"pull": {"missing_slice": "2013-01-13T00:00:00+00:00"}},
    },
]
USERS = {"jo": "ADMIN", "vi": "VIEWER", "otto": "ADMIN"}
"""An operator, somebody who may only look, and somebody who has another DAG than ours."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    """Our routes, as a browser asks for them."""

    def __init__(self, started: str) -> None:
        found = json.loads(started)
        self.at = f"http://127.0.0.1:{found['port']}"
        self.tokens: dict[str, str] = found["tokens"]
        self.routes = [(method, path) for method, path in found["routes"]]

    def ask(
        self,
        path: str,
        user: str | None = "jo",
        *,
        method: str = "GET",
        body: object = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """The answer, redirects not followed. With a body: sent as our pages send a change."""
        sent = dict(headers)
        if user is not None:
            sent = {"Cookie": f"_token={self.tokens[user]}", **sent}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent = {"Content-Type": "application/json", **sent}
        if method != "GET":
            sent = {"Origin": self.at, **sent}
        request = Request(f"{self.at}/ckpt-ops{path}", data, sent, method=method)
        try:
            reply = build_opener(_Stay).open(request, timeout=60)
        except HTTPError as error:
            reply = error
        with reply:
            return Answer(reply.status, reply.read().decode(), dict(reply.headers))

    def token(self, user: str = "jo") -> str:
        return str(self.ask("/api/me", user).json["csrf"])

    def act(self, action: str, user: str = "jo", model: str = MODEL, **body: Any) -> Answer:
        return self.ask(
            f"/api/models/{model}/actions/{action}",
            user,
            method="POST",
            body=body,
            headers={"X-CSRF-Token": self.token(user)},
        )


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, without_pictures: Callable[[], Any]) -> Iterator[Place]:
    """Versions 1 and 2 in production after each other, 3 waits for a person; a late slice, and a bad one."""
    with pytest.MonkeyPatch.context() as patch, without_pictures():
        found = Place(tmp_path_factory.mktemp("pages"), patch)
        (found.folder / "dags" / MODEL / "dag.py").write_text(DAG.format(name=MODEL))
        for number, key in enumerate((W1, W3), start=1):
            found.take_in(key, (ADA, number))
            found.learn(key)
        found.take_in(W4, (BOB, 4))
        asking = replace(found.pipeline, approval=Approval())
        steps.train(asking, found.store, W4, lambda line: None)
        steps.evaluate(asking, found.store, 3)
        found.take_in(W2, (BOB, 8))
        bad = found.take_in("2013-02-03", (ADA, 3))
        found.say(SliceQuarantined(slice=bad, report="", reason=EVIL))
        yield found


@pytest.fixture(scope="module")
def server(
    place: Place, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
) -> Iterator[Server]:
    settings = replace(settings_in(place.folder / "home"), dags_dir=place.folder / "dags")
    settings.airflow_home.mkdir(parents=True)
    environment = {
        **clean_environment,
        "CKPT_OPS_STORE": place.store.url,
        "CKPT_OPS_LANDING": place.landing.url,
        "CKPT_OPS_DAGS": str(place.folder / "dags"),
        "AIRFLOW__CORE__AUTH_MANAGER": "pages_auth.ByDag",
        "PAGES_RUNS": json.dumps(RUNS),
    }
    environment |= airflow_environment(settings, environ=environment)
    paths = [PROJECT, PROJECT / "plugins", PROJECT / "tests" / "integration", place.folder / "dags"]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    log = place.folder / "server.log"
    with log.open("w") as told, subprocess.Popen(
        [sys.executable, str(PROJECT / "tests/integration/pages_server.py")],
        env=environment,
        cwd=PROJECT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=told,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"users": USERS, "dags": str(place.folder / "dags")}) + "\n")
        process.stdin.flush()
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline() or pytest.fail(log.read_text()))
        finally:
            process.stdin.close()
            process.wait(30)


FOR_ALL = {"/", "/static/{name}", "/icon/{theme}", "/api/me", "/api/fleet"}
"""Routes that show nothing of a DAG, or choose what to show for the user."""

VALUES = {"dag_id": MODEL, "key": W1, "version": "1", "run_id": "taken", "action": "taint", "theme": "dark"}


def filled(path: str, **values: str) -> str:
    return path.format(**{**VALUES, "name": "app.js", **values})


class TestEveryRoute:
    def test_each_is_on_a_dag_or_known_to_be_for_all(self, server: Server) -> None:
        assert {path for _, path in server.routes if "{dag_id}" not in path} == FOR_ALL
        assert len(server.routes) >= 20

    def test_nobody_gets_an_answer_without_a_session(self, server: Server) -> None:
        for headers in ({}, {"Cookie": "_token=forged"}, {"Authorization": "Bearer forged"}):
            for method, path in server.routes:
                found = server.ask(filled(path), None, method=method, body={}, headers=headers)
                assert found.status in (401, 403), (method, path, found.status)
                assert found.status == 401 or headers, (method, path)

    def test_who_has_another_dag_gets_nothing_of_this_one(self, server: Server) -> None:
        for method, path in server.routes:
            if "{dag_id}" not in path:
                continue
            found = server.ask(filled(path), "otto", method=method, body={} if method == "POST" else None)
            assert found.status == 403, (method, path, found.status)
            assert "2013-" not in found.text

    def test_who_may_look_sees_all_of_it_and_changes_nothing(self, server: Server, place: Place) -> None:
        before = place.state().sequence
        for method, path in server.routes:
            found = server.ask(
                filled(path),
                "vi",
                method=method,
                body={"key": W1, "why": "x"} if method == "POST" else None,
                headers={"X-CSRF-Token": server.token("vi")},
            )
            allowed = {"GET": (200, 303, 404), "POST": (403,)}
            assert found.status in allowed[method], (method, path, found.status, found.text)
        assert place.state().sequence == before

    @pytest.mark.parametrize("strange", ["%00", "a%00b", "a%09b", "%1b[31m", "%7F", "%C2%85", "%E2%80%AE"])
    def test_control_characters_are_refused_in_words_in_each_part_of_an_address(
        self, server: Server, strange: str
    ) -> None:
        for method, path in server.routes:
            for name in VALUES:
                if f"{{{name}}}" in path:
                    found = server.ask(filled(path, **{name: strange}), method=method, body={})
                    assert (found.status, "is not allowed" in found.text) == (400, True), (method, path, name)
            if path != "/static/{name}":
                found = server.ask(f"{filled(path)}?from={strange}", method=method, body={})
                assert (found.status, "is not allowed" in found.text) == (400, True), (method, path)

    @pytest.mark.parametrize(
        "strange", ["x" * 251, "x" * 20_000, "9" * 5_000, quote("ü" * 300), quote("<b>'\"")]
    )
    def test_names_that_nothing_can_have_are_refused_or_not_found(self, server: Server, strange: str) -> None:
        for method, path in server.routes:
            for name in (*VALUES, "name"):
                if f"{{{name}}}" in path:
                    found = server.ask(filled(path, **{name: strange}), method=method, body={})
                    message_only = "/models/{dag_id}" in path and "/api/" not in path and name == "dag_id"
                    expected = (200, 400) if message_only else (400, 403, 404, 422)
                    assert found.status in expected, (method, path, name, found.status)
                    assert "<b>" not in found.text or found.headers["Content-Type"] == "application/json"

    def test_no_answer_may_be_framed_elsewhere_sniffed_or_kept_by_others(self, server: Server) -> None:
        for method, path in server.routes:
            headers = server.ask(filled(path), method=method, body={}).headers
            if 300 <= server.ask(filled(path), method=method, body={}).status < 400:
                continue
            assert "frame-ancestors" in headers["Content-Security-Policy"], path
            assert (
                "unsafe-inline" not in headers["Content-Security-Policy"]
                or "sandbox" in headers["Content-Security-Policy"]
            )
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"].startswith("private")
