"""The operator's side of the stack: what Compose is told, what is refused first, and when all is well."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
from compose_stand_in import ComposeStandIn

from ckpt_ops.embedded.ports import free_port
from ckpt_ops.errors import BadInput, TerminalError
from team import __main__ as command_line
from team.stack import PING, WORKERS, Stack, find_compose

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

Made = Callable[..., Stack]
Serving = Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]]


class Airflow(BaseHTTPRequestHandler):
    """Says how its components are, and nothing else."""

    ages: ClassVar[dict[str, float]] = {}

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


@pytest.fixture(scope="module")
def address(serving: Serving) -> Iterator[str]:
    with serving(Airflow) as found:
        yield found


@pytest.fixture
def airflow_port(address: str) -> str:
    """Where an Airflow answers all of whose components are well."""
    Airflow.ages = dict.fromkeys(("scheduler", "dag_processor", "triggerer"), 0.0)
    return address.rpartition(":")[2]


def say(line: str) -> None:
    pass


def workers_answer(compose: ComposeStandIn, *names: str) -> None:
    for name in names:
        compose.answers(f"exec -T {name} hostname", f"host-of-{name}\n")
    compose.answers(
        f"exec -T {WORKERS[0]} {PING}", "".join(f"->  celery@host-of-{name}: OK\n" for name in names)
    )


class TestCompose:
    def test_runs_in_the_folder_of_the_project(self, stack: Made, tmp_path: Path) -> None:
        made = Stack(project=tmp_path, variables={}, command=("pwd", "-P"))
        assert made.compose(quiet=True).stdout.decode().strip() == str(tmp_path.resolve())

    def test_what_a_command_prints_is_given(self, stack: Made, compose: ComposeStandIn) -> None:
        compose.answers("exec -T redis redis-cli", "PONG\n")
        assert stack().exec("redis", "redis-cli", "ping") == "PONG\n"
        assert compose.asked == ["exec -T redis redis-cli ping"]

    def test_a_failure_says_what_was_called_and_what_it_said_at_last(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        compose.answers("build", err="".join(f"line {number}\n" for number in range(40)), code=17)
        with pytest.raises(TerminalError, match=r"program build` ended with exit code 17") as failed:
            stack().compose("build", quiet=True)
        assert "line 39" in str(failed.value)
        assert "line 24" not in str(failed.value)

    def test_a_failure_may_be_an_answer(self, stack: Made, compose: ComposeStandIn) -> None:
        compose.answers("exec -T postgres", code=1)
        assert not stack().runs("postgres")
        assert stack().runs("redis")

    @pytest.mark.parametrize(
        ("asked", "found"),
        [("sh", ("sh",)), ("sh -c 'a b'", ("sh", "-c", "a b")), ("sh  --x", ("sh", "--x"))],
    )
    def test_another_than_dockers_is_named_by_a_variable(self, asked: str, found: tuple[str, ...]) -> None:
        assert find_compose({"COMPOSE": asked}) == found

    @pytest.mark.parametrize("asked", [{}, {"COMPOSE": ""}])
    def test_dockers_is_taken_else(
        self, asked: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(TerminalError, match=r"(?s)docker is not installed.*COMPOSE=.*`make up`"):
            find_compose(asked)
        (tmp_path / "docker").write_text("#!/bin/sh\n")
        (tmp_path / "docker").chmod(0o755)
        assert find_compose(asked) == ("docker", "compose")


class TestVariables:
    @pytest.mark.parametrize(
        ("bind", "host"),
        [
            *(("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("10.1.2.3", "10.1.2.3")),
            ("", "127.0.0.1"),  # as Compose takes it
        ],
    )
    def test_the_address_is_one_that_this_machine_can_ask(self, stack: Made, bind: str, host: str) -> None:
        made = stack(CKPT_OPS_UI_BIND=bind, CKPT_OPS_UI_PORT="9090")
        assert made.address == f"http://{host}:9090"

    @pytest.mark.parametrize("port", ["", "0", "65536", "-1", "http", "80 80"])
    def test_a_port_is_a_port(self, stack: Made, port: str) -> None:
        with pytest.raises(BadInput, match="CKPT_OPS_UI_PORT"):
            print(stack(CKPT_OPS_UI_PORT=port).port)

    @pytest.mark.parametrize(
        ("profiles", "local"), [("local-gcs", True), ("tools,local-gcs", True), ("", False), ("tools", False)]
    )
    def test_buckets_are_local_where_their_server_is_started(
        self, stack: Made, profiles: str, local: bool
    ) -> None:
        assert stack(COMPOSE_PROFILES=profiles).has_local_gcs is local


class TestUp:
    def test_a_weak_secret_is_refused_before_compose_is_asked_anything(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        with pytest.raises(TerminalError, match="POSTGRES_PASSWORD"):
            stack(POSTGRES_PASSWORD="airflow").up(say)
        assert compose.asked == []

    def test_an_engine_that_does_not_run_is_the_first_thing_said(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        compose.answers("ps", err="Cannot connect to the Docker daemon\n", code=1)
        with pytest.raises(TerminalError, match="Cannot connect to the Docker daemon"):
            stack().up(say)
        assert compose.asked == ["ps"]

    def test_a_taken_port_is_refused_before_anything_is_built(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        compose.answers("exec -T api-server true", code=1)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(TerminalError, match=rf"CKPT_OPS_UI_PORT={port}.*(?s:.*)nothing was started"):
                stack(CKPT_OPS_UI_PORT=str(port)).up(say)
        assert not {"build", "up -d"} & set(compose.asked)

    def test_a_port_that_is_taken_elsewhere_is_free_here(self, stack: Made, compose: ComposeStandIn) -> None:
        compose.answers("exec -T api-server true", code=1)
        port = str(free_port())
        with socket.create_server(("127.0.0.2", int(port))):
            stack(CKPT_OPS_UI_PORT=port).require_port()
            with pytest.raises(TerminalError, match="CKPT_OPS_UI_PORT"):
                stack(CKPT_OPS_UI_PORT=port, CKPT_OPS_UI_BIND="127.0.0.2").require_port()

    @pytest.mark.parametrize("path", ["google.json", "{folder}/google.json", "{folder}"])
    def test_credentials_that_are_no_file_are_refused_before_the_engine_makes_a_directory_of_them(
        self, stack: Made, compose: ComposeStandIn, tmp_path: Path, path: str
    ) -> None:
        with pytest.raises(BadInput, match="GOOGLE_CREDENTIALS_FILE"):
            stack(GOOGLE_CREDENTIALS_FILE=path.format(folder=tmp_path)).up(say)
        assert compose.asked == []
        (tmp_path / "google.json").write_text("{}")
        stack(GOOGLE_CREDENTIALS_FILE=str(tmp_path / "google.json")).require_credentials()

    def test_an_image_of_the_teams_own_is_not_built(
        self, stack: Made, compose: ComposeStandIn, airflow_port: str
    ) -> None:
        workers_answer(compose, *WORKERS)
        stack(CKPT_OPS_UI_PORT=airflow_port, CKPT_OPS_IMAGE="registry/ckpt-ops:7").up(say)
        assert "build" not in compose.asked
        assert "up -d" in compose.asked

    def test_all_is_well_when_components_and_both_workers_answer(
        self, stack: Made, compose: ComposeStandIn, airflow_port: str
    ) -> None:
        """Its port is taken by its own api-server: a second `up` is as good as the first."""
        workers_answer(compose, *WORKERS)
        lines: list[str] = []
        stack(CKPT_OPS_UI_PORT=airflow_port).up(lines.append)
        assert compose.asked[:4] == ["ps", "exec -T api-server true", "build", "up -d"]
        assert lines[:2] == ["building the image", "starting"]
        assert lines[-1] == "both workers answer"
        assert {"scheduler is well", "dag-processor is well"} <= {*lines}

    @pytest.mark.parametrize(
        ("ages", "workers", "named"),
        [
            ({"scheduler": 0.0, "dag_processor": 3600.0, "triggerer": 0.0}, WORKERS, "dag_processor"),
            ({"scheduler": 0.0, "dag_processor": 0.0}, WORKERS, "triggerer"),
            ({"scheduler": 0.0, "dag_processor": 0.0, "triggerer": 0.0}, ("worker",), "training-worker"),
        ],
        ids=["an old heartbeat", "none", "a silent worker"],
    )
    def test_what_is_not_well_in_time_is_named(
        self,
        stack: Made,
        compose: ComposeStandIn,
        airflow_port: str,
        ages: dict[str, float],
        workers: tuple[str, ...],
        named: str,
    ) -> None:
        Airflow.ages = ages
        workers_answer(compose, *workers)
        with pytest.raises(TerminalError, match=rf"not well after 0\.7 s: {named}") as failed:
            stack(CKPT_OPS_UI_PORT=airflow_port).wait_until_well(say, seconds=0.7)
        assert f"logs {named.replace('_', '-')}" in failed.value.next

    def refused(self, stack: Made, compose: ComposeStandIn, logs: str) -> str:
        compose.answers("up -d", code=1)
        compose.answers("logs preflight", logs)
        with pytest.raises(TerminalError) as failed:
            stack(CKPT_OPS_UI_PORT=str(free_port())).up(say)
        return str(failed.value)

    def test_what_preflight_refused_is_said_in_its_own_words(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        logs = (
            "preflight-1  | preflight: secrets good (0.0 s)\n"
            "preflight-1  | preflight: store refused. CKPT_OPS_STORE=gs://b: the bucket b does not exist\n"
            "preflight-1  | Safe: nothing was read or written\n"
            "preflight-1  | Next: correct it\n"
        )
        assert self.refused(stack, compose, logs) == (
            "preflight: store refused. CKPT_OPS_STORE=gs://b: the bucket b does not exist\n"
            "Safe: nothing was read or written\n"
            "Next: correct it"
        )

    def test_colours_do_not_hide_it(self, stack: Made, compose: ComposeStandIn) -> None:
        logs = "\x1b[36mpreflight-1  | \x1b[0mpreflight: store refused. gs://b is gone\n"
        assert self.refused(stack, compose, logs) == "preflight: store refused. gs://b is gone"

    def test_what_it_refused_an_earlier_time_is_not_the_reason(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        logs = (
            "preflight-1  | preflight: secrets good (0.0 s)\n"
            "preflight-1  | preflight: store refused. the bucket b does not exist\n"
            "preflight-1  | preflight: secrets good (0.0 s)\n"
            "preflight-1  | preflight: store good (0.1 s)\n"
        )
        words = self.refused(stack, compose, logs)
        assert words.startswith("the stack did not start")
        assert f"{compose.program} logs" in words


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def _here(
        self,
        no_variable_of_this_machine: None,
        tmp_path: Path,
        compose: ComposeStandIn,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COMPOSE", str(compose.program))

    def test_env_says_what_it_wrote_and_never_a_secret(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command_line.main(["env"]) == 0
        assert command_line.main(["env"]) == 0
        said = capsys.readouterr().out
        assert "is written, with fresh secrets" in said
        assert "added: nothing, it is complete" in said
        values = [line.partition("=")[2] for line in (tmp_path / ".env").read_text().splitlines()]
        assert not any(value in said for value in values if len(value) > 20)

    @pytest.mark.parametrize("command", ["up", "down", "backup", "restore"])
    def test_without_env_nothing_is_done(
        self, command: str, compose: ComposeStandIn, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command_line.main([command]) == 1
        assert "make env" in capsys.readouterr().err
        assert compose.asked == []

    def test_down_keeps_the_volumes(self, compose: ComposeStandIn) -> None:
        command_line.main(["env"])
        assert command_line.main(["down"]) == 0
        assert compose.asked == ["down"]

    def test_up_says_where_airflow_is_and_not_the_password(
        self,
        tmp_path: Path,
        compose: ComposeStandIn,
        airflow_port: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        command_line.main(["env"])
        workers_answer(compose, *WORKERS)
        monkeypatch.setenv("CKPT_OPS_UI_PORT", airflow_port)
        assert command_line.main(["up"]) == 0
        said = capsys.readouterr().out
        assert f"http://127.0.0.1:{airflow_port}" in said
        (line,) = (each for each in (tmp_path / ".env").read_text().splitlines() if "ADMIN_PASSWORD=" in each)
        assert line.partition("=")[2] not in said
