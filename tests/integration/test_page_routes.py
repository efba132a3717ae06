"""Every route of the pages' app: who is let in, and what is refused before anything is looked up or written.

The routes are taken from the app itself. A new one has to be said here what it is for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from airflow_process import in_a_process
from pages_process import pages_of
from stand_in import ADA, BOB, W1, W2, W3, W4, Place

from ckpt_ops.embedded.settings import Settings
from ckpt_ops.html import element, page
from ckpt_ops.intake.acknowledging import acknowledge, lift
from ckpt_ops.lineage.records import SliceAccepted
from ckpt_ops.pipeline import Approval
from ckpt_ops.runs import steps
from ckpt_ops.serving.on_request import FORMATS
from ckpt_ops.views.building.attention import MOST_KEYS

pytestmark = pytest.mark.slow

MODEL = "people"
EVIL = "<img src=x onerror=alert(1)>"
DAG = """
from datetime import UTC, datetime
from ckpt_ops_airflow import export_dag, rebase_dag, retraining_dag
from {name}.pipeline import {name}

dag = retraining_dag({name}, schedule="0 0 * * 0", start_date=datetime(2013, 1, 6, tzinfo=UTC),
                     end_date=datetime(2013, 1, 27, tzinfo=UTC))
rebase = rebase_dag({name})
export = export_dag({name})
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
        "run_id": "asks",
        "start": "2013-01-20",
        "state": "running",
        "left": {"train": {"return_value": {"version": 3}}, "promote": {}},
        "asks": "promote",
    },
    {
        "dag_id": MODEL,
        "run_id": "closed",
        "start": "2013-02-10",
        "state": "success",
        "left": {"pull": {"missing_slice": "2013-02-10T00:00:00+00:00"}},
    },
    {
        "dag_id": f"{MODEL}_export",
        "run_id": "as+keras",
        "start": "2013-02-01",
        "state": "running",
        "conf": {"version": 2, "format": "keras", "why": EVIL},
        "left": {},
    },
    {
        "dag_id": f"{MODEL}_export",
        "run_id": "of+head",
        "start": "2013-02-02",
        "state": "success",
        "conf": {"format": "safetensors", "why": "w"},
        "left": {"export": {"return_value": {"version": 2, "format": "safetensors"}}},
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
ORIGINS = """
import json
from fastapi import Request
from ckpt_ops_airflow.csrf import _from_here

def said(**headers):
    named = [(name.encode(), value.encode()) for name, value in {"host": "af:8080", **headers}.items()]
    scope = {"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": named}
    return _from_here(Request(scope))

print(json.dumps([said(), said(origin="null"), said(referer="/x"), said(origin="http://af:8080")]))
"""

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

    def __init__(self, started: str, pid: int) -> None:
        found = json.loads(started)
        self.pid = pid
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
            return Answer(reply.status, reply.read().decode(), reply.headers)

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
        found.quarantine("2013-02-03", (ADA, 3), why=EVIL)
        yield found


@pytest.fixture(scope="module")
def server(
    place: Place, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
) -> Iterator[Server]:
    home = settings_in(place.folder / "home")
    with pages_of(place, home, clean_environment, users=USERS, runs=RUNS) as (told, pid):
        yield Server(told, pid)


FOR_ALL = {"/", "/static/{name}", "/icon/{theme}", "/api/me", "/api/fleet"}
"""Routes that show nothing of a DAG, or choose what to show for the user."""

VALUES = {
    "dag_id": MODEL,
    "key": W1,
    "version": "1",
    "run_id": "taken",
    "action": "release-hold",
    "format": "safetensors",
    "theme": "dark",
}


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

    @pytest.mark.parametrize("strange", ["%00", "a%09b", "%1b[31m", "%C2%85", "%E2%80%AE"])
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
        "strange",
        ["x" * 251, "x" * 20_000, "9" * 5_000, quote("ü" * 300), quote("<b>'\"")],
        ids=["251", "20,000", "digits", "umlauts", "markup"],
    )
    def test_names_that_nothing_can_have_are_refused_or_not_found(self, server: Server, strange: str) -> None:
        for method, path in server.routes:
            for name in (*VALUES, "name"):
                if f"{{{name}}}" in path:
                    found = server.ask(filled(path, **{name: strange}), method=method, body={})
                    says_so = path.startswith("/models/{dag_id}") and name == "dag_id"
                    expected = (200, 400, 404) if says_so else (400, 403, 404, 422)
                    assert found.status in expected, (method, path, name, found.status)
                    assert "<b>" not in found.text or found.headers["Content-Type"] == "application/json"

    def test_a_name_of_two_lines_and_a_version_that_is_no_number_are_refused(self, server: Server) -> None:
        assert server.ask(f"/models/{MODEL}%0A/plan").status in (400, 404)
        assert server.ask(f"/models/{MODEL}/versions/one/evaluation").status == 422
        found = server.ask(f"/api/models/{MODEL}/versions/one")
        assert (found.status, "version=" in found.json["what"]) == (400, True)

    def test_no_answer_may_be_framed_elsewhere_sniffed_or_kept_by_others(self, server: Server) -> None:
        for method, path in server.routes:
            found = server.ask(filled(path), method=method, body={})
            if found.status == 303:
                continue
            policy = found.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'"), path
            assert "frame-ancestors" in policy, path
            # inline style is for what the store's pages bring along: nothing of theirs runs
            assert "unsafe" not in policy or "script-src" not in policy, path
            assert found.headers["X-Content-Type-Options"] == "nosniff"
            assert found.headers["Cache-Control"].startswith("private")


class TestChanges:
    """What a POST needs, beside the permission."""

    PATH = f"/api/models/{MODEL}/actions/withdraw"

    def refused(self, server: Server, place: Place, status: int, **asked: Any) -> Any:
        before = place.state().sequence
        found = server.ask(self.PATH, method="POST", **asked)
        assert (found.status, place.state().sequence) == (status, before), found.text
        assert set(found.json) == {"what", "safe", "next"}
        return found.json

    @pytest.mark.parametrize(
        "spoken",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "", "Referer": "https://evil.example/ckpt-ops/"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
        ids=str,
    )
    def test_a_request_that_another_page_made_the_browser_send_is_refused(
        self, server: Server, place: Place, spoken: dict[str, str]
    ) -> None:
        headers = {"X-CSRF-Token": server.token(), **spoken}
        body = {"key": W1, "why": "x"}
        said = self.refused(server, place, 403, body=body, headers=headers)
        assert "did not come from Airflow" in said["what"]

    def test_nor_does_silence_on_where_it_comes_from_help_where_airflow_has_no_address_configured(
        self, tmp_path: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
    ) -> None:
        environment = {**clean_environment, "AIRFLOW__API__BASE_URL": "/"}
        found = in_a_process(ORIGINS, settings_in(tmp_path), environment)
        assert found == [False, False, False, True]

    def test_so_is_one_without_the_token_of_this_login(self, server: Server, place: Place) -> None:
        for token in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": server.token("vi")}, {"X-CSRF-Token": "é"}):
            sent = {name: value.encode().decode("latin-1") for name, value in token.items()}
            said = self.refused(server, place, 403, body={"key": W1, "why": "x"}, headers=sent)
            assert said["next"].startswith("load the page again")

    @pytest.mark.parametrize(
        ("raw", "kind", "status", "named"),
        [
            (b"", "application/json", 400, "body"),
            (b"{", "application/json", 400, "body"),
            (b"[" * 60_000, "application/json", 400, "body"),
            (b"[]", "application/json", 400, "body"),
            (b"\xff\xfe", "application/json", 400, "body"),
            (b'{"why": 1}', "application/json", 400, "why=1"),
            (b'{"version": true}', "application/json", 400, "version=True"),
            (b'{"at_step": 1.5}', "application/json", 400, "at_step=1.5"),
            (b'{"actor": "ada"}', "application/json", 400, "body='actor'"),
            (b'{"key": "a\\u0000b", "why": "x"}', "application/json", 400, "key="),
            (b'{"key": "2013-01-06", "why": "a\\u0000b"}', "application/json", 400, "why="),
            (b'{"key": "2013-01-06", "why": " "}', "application/json", 400, "why=' '"),
            (b'{"key": "../x", "why": "x"}', "application/json", 400, "key='../x'"),
            (b'{"key": "2030-01-01", "why": "x"}', "application/json", 404, "knows no slice"),
            (b'{"why": "' + b"x" * 70_000 + b'"}', "application/json", 413, "65,536 bytes"),
            (b"key=2013-01-06&why=x", "application/x-www-form-urlencoded", 415, "application/json"),
            (b"{}", "text/plain", 415, "application/json"),
        ],
        ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else None,
    )
    def test_a_body_that_makes_no_sense_is_refused_by_its_field(
        self, server: Server, place: Place, raw: bytes, kind: str, status: int, named: str
    ) -> None:
        headers = {"X-CSRF-Token": server.token(), "Content-Type": kind}
        assert named in self.refused(server, place, status, raw=raw, headers=headers)["what"]

    def test_an_action_that_there_is_not_is_refused_with_the_names_of_all(
        self, server: Server, place: Place
    ) -> None:
        for method in ("GET", "POST"):
            headers = {"X-CSRF-Token": server.token()}
            path = f"/api/models/{MODEL}/actions/explode"
            found = server.ask(path, method=method, body={}, headers=headers)
            assert (found.status, "promote-despite-gates" in found.json["what"]) == (400, True)

    def test_what_cannot_be_done_now_is_a_conflict_that_says_why(self, server: Server) -> None:
        found = server.act("release-slice", key=W1, why="x")
        assert found.status == 409
        assert "Nothing of it is in quarantine" in found.json["what"]
        assert server.act("rollback", version=3, why="x").status == 409

    def test_it_is_recorded_once_under_the_name_of_who_is_logged_in(
        self, server: Server, place: Place
    ) -> None:
        seen = server.ask(f"/api/models/{MODEL}/actions/resolve?key={W2}&how=append")
        assert seen.json["possible"]
        assert "after what was consumed" in seen.json["will"][0]
        before = place.state().sequence
        other = server.act("resolve", key=W2, how="append", why=EVIL, seen="0" * 16)
        assert (other.status, place.state().sequence) == (409, before), other.text
        first = server.act("resolve", key=W2, how="append", why=EVIL, seen=seen.json["seen"])
        assert (first.status, first.json["changed"]) == (200, True), first.text
        again = server.act("resolve", key=W2, how="append", why=EVIL)
        assert (again.status, again.json["changed"]) == (200, False), again.text
        (record,) = place.records()[before:]
        assert (record.actor, record.reason) == ("jo", EVIL)

    def test_a_version_is_promoted_and_rolled_back_without_a_library_that_trains(
        self, server: Server, place: Place
    ) -> None:
        done = server.act("approve", version=3, why="checked")
        assert (done.status, done.json["message"]) == (200, "Version 3 is in production."), done.text
        assert done.json["airflow"] == {
            "method": "PATCH",
            "path": f"dags/{MODEL}/dagRuns/asks/taskInstances/promote/-1/hitlDetails",
            "run": "asks",
            "body": {"chosen_options": ["Approve"], "params_input": {"why": "checked"}},
        }
        assert place.state().head == 3
        assert server.act("rollback", version=2, why="complaints").status == 200
        assert place.state().head == 2
        assert [one.actor for one in place.records()[-3:]] == ["jo"] * 3
        assert "tensorflow" not in _libraries(server)

    def test_a_slice_is_released_only_if_the_code_of_today_can_read_it(
        self, server: Server, place: Place
    ) -> None:
        path = f"/api/models/{MODEL}/actions/release-slice?key=2013-02-03"
        seen = server.ask(path).json
        assert [server.ask(path, user).json["permitted"] for user in ("jo", "vi")] == [True, False]
        assert (seen["possible"], EVIL in seen["will"][0]) == (True, True)
        source = place.folder / "dags" / MODEL / "pipeline.py"
        code = source.read_text()
        source.write_text(code.replace('("n", pa.int64())', '("n", pa.int64()), ("new", pa.int64())'))
        found = server.act("release-slice", key="2013-02-03", why="a holiday")
        assert (found.status, "new" in found.json["what"]) == (409, True), found.text
        source.write_text(code)
        found = server.act("release-slice", key="2013-02-03", why="a holiday")
        assert (found.status, found.json["changed"]) == (200, True), found.text
        record = place.records()[-1]
        assert isinstance(record, SliceAccepted)
        assert (record.actor, record.released, record.reason) == ("jo", True, "released: a holiday")


def _libraries(server: Server) -> str:
    """What the server's process has mapped into its memory."""
    return Path(f"/proc/{server.pid}/maps").read_text()


class TestShell:
    def test_it_loads_only_what_is_its_own(self, server: Server) -> None:
        found = server.ask("/")
        assert found.status == 200
        assert found.headers["Content-Type"] == "text/html; charset=utf-8"
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'self'"):
            assert part in found.headers["Content-Security-Policy"]
        assert "unsafe" not in found.headers["Content-Security-Policy"]

    def test_a_file_is_sent_once_and_one_that_is_named_by_its_digest_is_kept(self, server: Server) -> None:
        first = server.ask("/static/app.js")
        assert first.headers["Cache-Control"] == "private, no-cache"
        tag = first.headers["ETag"]
        assert server.ask("/static/app.js", headers={"If-None-Match": tag}).status == 304
        kept = server.ask(f"/static/app.js?v={tag.strip(chr(34))}")
        assert "immutable" in kept.headers["Cache-Control"]

    @pytest.mark.parametrize("name", ["..%2Fcsrf.py", "%2E%2E", "SOURCE", "nothing.js", ".js", "a%5Cb.js"])
    def test_no_other_file_is_sent(self, server: Server, name: str) -> None:
        assert server.ask(f"/static/{name}").status == 404


class TestStoredPages:
    def test_a_report_stays_in_a_sandbox_and_takes_the_theme_of_the_page_around_it(
        self, server: Server, place: Place
    ) -> None:
        report = place.state().slices["2013-02-03"].report
        place.store.put(f"{report.rpartition('/')[0]}/report.html", page("t", element("p", EVIL)).encode())
        path = f"/slices/{MODEL}/2013-02-03/report"
        found = server.ask(path)
        assert found.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'; sandbox")
        assert "prefers-color-scheme" in found.text
        assert EVIL not in found.text
        dark = server.ask(f"{path}?theme=dark")
        assert ("color-scheme: dark;" in dark.text, "prefers-color-scheme" in dark.text) == (True, False)
        assert dark.headers["Content-Security-Policy"] == found.headers["Content-Security-Policy"]
        assert server.ask(f"{path}?theme=pink").status == 400


class TestFleet:
    def test_it_holds_what_airflow_knows_of_each_dag(self, server: Server) -> None:
        found = server.ask("/api/fleet").json
        (one,) = found["models"]
        assert one["model"] == MODEL
        assert one["airflow"] | {"next_run": None} == {
            "next_run": None,
            "paused": False,
            "last_run": "none+there",
            "last_run_state": "success",
            "last_run_note": f"no slice {EVIL}",
            "missing_runs": 1,  # the slice of the other run came by another way
        }

    def test_a_run_whose_missing_slice_a_person_acknowledged_is_not_counted(
        self, server: Server, place: Place
    ) -> None:
        path, key = f"/api/models/{MODEL}/slices/2013-02-10", "2013-02-10"
        assert (server.ask(path, "vi").status, server.ask(path, "vi").json["missing"]) == (200, True)
        assert server.act("acknowledge-missing", "vi", key=key, why=EVIL).status == 403
        done = server.act("acknowledge-missing", key=key, why=EVIL)
        assert (done.status, done.json["changed"]) == (200, True), done.text
        assert (place.records()[-1].actor, place.records()[-1].reason) == ("jo", EVIL)
        (one,) = server.ask("/api/fleet").json["models"]
        assert (one["airflow"]["missing_runs"], one["acknowledged"]) == (0, [key])
        assert server.ask(path).json["acknowledged"]["actor"] == "jo"
        assert server.act("lift-acknowledgement", key=key, why="it was open").status == 200
        assert server.ask(f"/api/models/{MODEL}").json["airflow"]["missing_runs"] == 1
        assert server.act("lift-acknowledgement", key=key, why="x").json["changed"] is False

    def test_nor_is_one_that_was_acknowledged_before_many_others(self, server: Server, place: Place) -> None:
        keys = [f"{date(2013, 2, 10) + timedelta(weeks=week)}" for week in range(MOST_KEYS + 1)]
        for key in keys:
            acknowledge(place.store, MODEL, key, "closed")
        (one,) = server.ask("/api/fleet").json["models"]
        assert (one["acknowledged"], one["airflow"]["missing_runs"]) == (keys[1:], 0)
        assert server.ask(f"/api/models/{MODEL}").json["airflow"]["missing_runs"] == 0
        for key in keys:
            lift(place.store, MODEL, key, "it was open")
        assert server.ask(f"/api/models/{MODEL}").json["airflow"]["missing_runs"] == 1

    def test_it_holds_only_models_whose_dag_the_user_may_read(self, server: Server) -> None:
        assert server.ask("/api/fleet", "otto").json["models"] == []
        assert [one["model"] for one in server.ask("/api/fleet", "vi").json["models"]] == [MODEL]

    def test_a_model_says_whether_the_user_may_change_it(self, server: Server) -> None:
        for user, may in (("jo", True), ("vi", False)):
            assert server.ask(f"/api/models/{MODEL}", user).json["may"] == {"trigger": may}


class TestTabs:
    def test_a_dag_leads_to_its_model_and_that_of_a_rebase_too(self, server: Server) -> None:
        for dag in (MODEL, f"{MODEL}_rebase"):
            found = server.ask(f"/models/{dag}")
            assert (found.status, found.headers["Location"]) == (303, f"/ckpt-ops/#/m/{MODEL}")

    def test_the_plan_keeps_its_range(self, server: Server) -> None:
        found = server.ask(f"/models/{MODEL}/plan?from=2013-01-06&to=2013-01-27&x=1")
        assert found.headers["Location"] == f"/ckpt-ops/#/m/{MODEL}/plan?from=2013-01-06&to=2013-01-27"

    def test_a_dag_without_a_model_says_so_and_not_where_files_are(
        self, server: Server, place: Place
    ) -> None:
        for path in ("/models/other/plan", "/models/other", "/api/models/other/plan", "/api/models/other"):
            assert str(place.folder) not in server.ask(path).text
        found = server.ask("/models/other/plan")
        assert (found.status, "other is no retraining DAG" in found.text) == (200, True)

    def test_a_run_leads_to_its_slice_or_says_why_it_has_none(self, server: Server) -> None:
        found = server.ask(f"/models/{MODEL}/runs/taken")
        assert found.headers["Location"] == f"/ckpt-ops/#/m/{MODEL}/slices/{W1}?version=1"
        found = server.ask(f"/models/{MODEL}/runs/none+there")
        assert found.status == 200
        assert "This run has no slice: the source had none" in found.text
        assert EVIL not in found.text
        assert "&lt;img src=x" in found.text
        assert server.ask(f"/models/{MODEL}/runs/never").status == 404


class TestExports:
    PATH = f"/api/models/{MODEL}/versions/2/exports"

    def test_they_name_each_format_the_dag_and_the_runs_of_this_version(self, server: Server) -> None:
        found = server.ask(self.PATH).json
        assert (found["dag"], found["paused"], found["permitted"]) == (f"{MODEL}_export", False, True)
        assert [one["format"] for one in found["formats"]] == list(FORMATS)
        assert [(one["run"], one["format"], one["state"]) for one in found["runs"]] == [
            ("of+head", "safetensors", "success"),
            ("as+keras", "keras", "running"),
        ]
        assert found["runs"][1]["reason"] == EVIL
        assert server.ask(self.PATH.replace("/2/", "/1/")).json["runs"] == []

    def test_a_look_says_where_it_will_be_and_who_may_look_may_not_start_it(self, server: Server) -> None:
        seen = [server.ask(f"{self.PATH}/safetensors", user).json for user in ("jo", "vi")]
        assert [one["permitted"] for one in seen] == [True, False]
        assert [one["possible"] for one in seen] == [True, True]
        assert f"models/{MODEL}/v2/exported/safetensors/step-" in " ".join(seen[0]["will"])
        assert server.ask(self.PATH, "vi").json["permitted"] is False

    def test_a_format_or_a_version_that_there_is_not_is_refused(self, server: Server) -> None:
        found = server.ask(f"{self.PATH}/exe")
        assert (found.status, "saved-model" in found.json["what"]) == (400, True)
        assert server.ask(f"/api/models/{MODEL}/versions/99/exports").status == 404
        assert server.ask(f"/api/models/{MODEL}/versions/99/exports/keras").status == 404

    def test_its_runs_lead_to_the_version(self, server: Server) -> None:
        found = server.ask(f"/models/{MODEL}_export/runs/{quote('of+head')}")
        assert found.headers["Location"] == f"/ckpt-ops/#/m/{MODEL}/v/2"
        assert "tensorflow" not in _libraries(server)


class TestPlan:
    def test_it_says_what_runs_would_do_and_how_airflow_is_asked_for_them(self, server: Server) -> None:
        found = server.ask(f"/api/models/{MODEL}/plan").json
        assert {one["key"]: one["action"] for one in found["slices"]}[W1] == "skip"
        assert sum(found["counts"].values()) == len(found["slices"])
        assert set(found["counts"]) <= set(found["actions"])
        assert (found["range"]["known"], found["range"]["by_time"]) == (True, False)
        assert found["range"]["backfill_from"] == "2013-01-06T00:00:00+00:00"

    @pytest.mark.parametrize(
        "query",
        ["from=soon", "from=2014-01-01&to=2013-01-01", "from=0001-01-01", "to=2013-13-01"],
    )
    def test_a_range_that_cannot_be_is_refused(self, server: Server, query: str) -> None:
        found = server.ask(f"/api/models/{MODEL}/plan?{query}")
        assert (found.status, "is not allowed" in found.json["what"]) == (400, True)

    def test_there_is_none_for_what_is_no_pipeline(self, server: Server) -> None:
        found = server.ask("/api/models/other/plan")
        assert (found.status, "other has no plan" in found.json["what"]) == (404, True)

    def test_unchanged_code_begins_with_what_is_in_production(self, server: Server) -> None:
        assert server.ask(f"/api/models/{MODEL}/plan/transfer").json is None
