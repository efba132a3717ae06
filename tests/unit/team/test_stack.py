"""The operator's side of the stack: what Compose is told, what its errors say, and when all is well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from airflow_stand_in import Airflow
from compose_stand_in import ComposeStandIn

from ckpt_ops.errors import BadInput, TerminalError
from team.stack import WORKERS, Stack, find_compose

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

Made = Callable[..., Stack]


def say(line: str) -> None:
    pass


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

    def test_several_statements_of_sql_go_together_and_the_first_that_fails_ends_them(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        compose.answers("exec -T postgres psql", " 17\n")
        assert stack().psql("airflow", "SELECT 1; SELECT 17") == "17"
        (asked,) = compose.asked
        assert asked.endswith("-d airflow -qtA -v ON_ERROR_STOP=1 -c SELECT 1; SELECT 17")

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
            *(("::1", "[::1]"), ("[::1]", "[::1]")),
        ],
    )
    def test_the_address_is_one_that_this_machine_can_ask(self, stack: Made, bind: str, host: str) -> None:
        made = stack(CKPT_OPS_UI_BIND=bind, CKPT_OPS_UI_PORT="9090")
        assert made.address == f"http://{host}:9090"

    def test_no_port_is_the_one_that_compose_takes(self, stack: Made) -> None:
        assert stack(CKPT_OPS_UI_PORT="").port == 8080

    @pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80 80"])
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


class TestBuild:
    @pytest.mark.parametrize(("image", "asked"), [("", ["build"]), ("registry/ckpt-ops:7", [])])
    def test_an_image_of_the_teams_own_is_not_built(
        self, stack: Made, compose: ComposeStandIn, image: str, asked: list[str]
    ) -> None:
        stack(CKPT_OPS_IMAGE=image).build(say)
        assert compose.asked == asked


class TestStart:
    def test_all_is_well_when_components_and_both_workers_answer(
        self, stack: Made, compose: ComposeStandIn, airflow_port: str
    ) -> None:
        compose.workers_answer(*WORKERS)
        lines: list[str] = []
        stack(CKPT_OPS_UI_PORT=airflow_port).start(lines.append)
        assert compose.asked[0] == "up -d"
        assert lines[0] == "starting"
        assert lines[-1] == "both workers answer"
        assert {"scheduler is healthy", "dag-processor is healthy"} <= {*lines}

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
        compose.workers_answer(*workers)
        with pytest.raises(TerminalError, match=rf"not healthy after 0\.7 s: {named}") as failed:
            stack(CKPT_OPS_UI_PORT=airflow_port).wait_until_well(say, seconds=0.7)
        assert f"logs {named.replace('_', '-')}" in failed.value.next

    def refused(self, stack: Made, compose: ComposeStandIn, logs: str) -> str:
        compose.answers("up -d", code=1)
        compose.answers("logs preflight", logs)
        with pytest.raises(TerminalError) as failed:
            stack().start(say)
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
