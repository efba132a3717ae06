"""`python -m team`: what `make` runs, one at a time, and put right again where it is ended in its midst."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from compose_stand_in import ComposeStandIn

from team import __main__ as command_line
from team import env_file, gcs_volume
from team.stack import WORKERS

PROJECT = Path(__file__).parents[3]
PACKING = " ".join(gcs_volume.script(gcs_volume.PACK))
AT_WORK = "another up-team, down-team, backup or restore is running here"

Started = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def _here(
    no_variable_of_this_machine: None,
    tmp_path: Path,
    compose: ComposeStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMPOSE", str(compose.program))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_env_says_what_it_wrote_and_never_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    command: str, compose: ComposeStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main([command]) == 1
    assert "make env" in capsys.readouterr().err
    assert compose.asked == []


def test_down_keeps_the_volumes(compose: ComposeStandIn) -> None:
    command_line.main(["env"])
    assert command_line.main(["down"]) == 0
    assert compose.asked == ["down"]


class TestUp:
    @pytest.fixture(autouse=True)
    def _env(self) -> None:
        command_line.main(["env"])

    def test_what_the_host_refuses_is_refused_before_anything_is_built(
        self, compose: ComposeStandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("CKPT_OPS_UI_BIND", "203.0.113.1")
        compose.answers("up", code=1)
        assert command_line.main(["up"]) == 1
        assert "CKPT_OPS_UI_BIND" in capsys.readouterr().err
        assert compose.asked == ["ps"]

    def test_a_second_time_is_as_good_as_the_first_and_no_password_is_said(
        self,
        tmp_path: Path,
        compose: ComposeStandIn,
        airflow_port: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """The port is taken by the stack's own api-server."""
        compose.workers_answer(*WORKERS)
        monkeypatch.setenv("CKPT_OPS_UI_PORT", airflow_port)
        assert command_line.main(["up"]) == 0
        assert compose.asked[:4] == ["ps", "exec -T api-server true", "build", "up -d"]
        said = capsys.readouterr().out
        assert f"http://127.0.0.1:{airflow_port}" in said
        assert env_file.read(tmp_path / ".env")["AIRFLOW_ADMIN_PASSWORD"] not in said


@pytest.fixture
def starting(tmp_path: Path, compose: ComposeStandIn) -> Iterator[Started]:
    """Starts a command in a process of its own; with `until`, returns when Compose was asked that."""
    processes = []

    def start(*arguments: str, until: str = "", nohup: bool = False) -> subprocess.Popen[bytes]:
        # said either way: these tests may themselves run below nohup
        below = ["nohup"] if nohup else ["env", "--default-signal=HUP"]
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(
                [*below, sys.executable, "-S", "-m", "team", *arguments],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        processes.append(process)
        deadline = time.monotonic() + 30
        while until and not any(each.startswith(until) for each in compose.asked):
            assert process.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with what Compose still does for it
        process.wait()


class TestAlone:
    @pytest.mark.parametrize("other", ["up", "down", "backup", "restore"])
    def test_a_second_command_is_refused_while_the_first_is_at_work(
        self, starting: Started, compose: ComposeStandIn, capsys: pytest.CaptureFixture[str], other: str
    ) -> None:
        """In a process of its own; and again, after `make env` put another .env in the place of the first."""
        command_line.main(["env"])
        compose.answers("down", does="exec sleep 60")
        compose.answers("up", code=1)
        first = starting("down", until="down")
        assert command_line.main([other]) == 1
        said = capsys.readouterr().err
        assert AT_WORK in said
        assert "Safe: nothing was changed" in said
        Path(".env").write_text(Path(".env").read_text().replace("CKPT_OPS_UI_PORT=8080\n", ""))
        command_line.main(["env"])
        assert command_line.main([other]) == 1
        assert AT_WORK in capsys.readouterr().err
        assert compose.asked == ["down"]
        assert first.poll() is None

    @pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
    def test_the_next_is_let_in_when_it_has_ended_in_whatever_way(
        self, starting: Started, compose: ComposeStandIn, ending: signal.Signals
    ) -> None:
        command_line.main(["env"])
        compose.answers("down", does="exec sleep 60")
        first = starting("down", until="down")
        first.send_signal(ending)
        first.wait()
        compose.answers("down")
        assert command_line.main(["down"]) == 0


class TestEnded:
    @pytest.fixture(autouse=True)
    def _env(self) -> None:
        command_line.main(["env"])

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
    @pytest.mark.parametrize("step", ["stop gcs", PACKING], ids=["stopping", "reading"])
    def test_a_backup_starts_the_server_again_and_leaves_nothing_half_written(
        self, starting: Started, compose: ComposeStandIn, tmp_path: Path, step: str, number: signal.Signals
    ) -> None:
        compose.answers(step, does="echo half of; exec sleep 60")
        process = starting("backup", until=step)
        process.send_signal(number)
        assert process.wait(timeout=20) == 128 + number
        assert compose.asked[-1] == "start gcs"
        assert [*(tmp_path / "backups").iterdir()] == []

    def test_below_nohup_a_backup_outlives_its_terminal(
        self, starting: Started, compose: ComposeStandIn, tmp_path: Path
    ) -> None:
        compose.answers(PACKING, does="while ! [ -e go ]; do sleep 0.05; done")
        process = starting("backup", until=PACKING, nohup=True)
        process.send_signal(signal.SIGHUP)
        (compose.folder / "go").touch()
        assert process.wait(timeout=20) == 0, (tmp_path / "said").read_text()
        assert len([*(tmp_path / "backups").iterdir()]) == 1
