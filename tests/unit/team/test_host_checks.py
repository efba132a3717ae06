"""What the host refuses before Compose builds, stops or starts anything; asked of real ports and files."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from compose_stand_in import ComposeStandIn

from ckpt_ops.embedded.ports import free_port
from ckpt_ops.errors import BadInput, TerminalError
from team.host_checks import require_startable
from team.stack import Stack

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

Made = Callable[..., Stack]
CREDENTIALS, BIND, PORT = "GOOGLE_CREDENTIALS_FILE", "CKPT_OPS_UI_BIND", "CKPT_OPS_UI_PORT"
NOBODY = 65534


@contextmanager
def another_user() -> Iterator[None]:
    """Root may enter every folder."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def listening(host: str) -> Iterator[str]:
    """A port of that address on which something else listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server:
        yield str(server.getsockname()[1])


@pytest.fixture
def stopped(compose: ComposeStandIn) -> ComposeStandIn:
    """A stack that does not run."""
    compose.answers("exec -T", code=1)
    return compose


def test_a_stack_as_make_env_writes_it_is_good(stack: Made, stopped: ComposeStandIn) -> None:
    require_startable(stack(**{PORT: str(free_port())}))
    assert stopped.asked == ["ps"]


def test_a_weak_secret_is_refused_before_compose_is_asked_anything(
    stack: Made, compose: ComposeStandIn
) -> None:
    with pytest.raises(TerminalError, match="POSTGRES_PASSWORD"):
        require_startable(stack(POSTGRES_PASSWORD="airflow"))
    assert compose.asked == []


def test_an_engine_that_does_not_run_is_said_in_composes_words(stack: Made, compose: ComposeStandIn) -> None:
    """Before the port: whether the stack itself has it, the engine alone knows."""
    compose.answers("ps", err="Cannot connect to the Docker daemon\n", code=1)
    with listening("127.0.0.1") as port, pytest.raises(TerminalError, match="Cannot connect to the Docker"):
        require_startable(stack(**{PORT: port}))


class TestCredentials:
    """The engine would make a directory in the place of a file that is not there."""

    @pytest.mark.parametrize("path", ["google.json", "{folder}/google.json", "{folder}", "{folder}/x\0y"])
    def test_that_are_no_file_are_refused(
        self,
        stack: Made,
        compose: ComposeStandIn,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        path: str,
    ) -> None:
        """A relative path neither, though the file is there: Compose would take a name for a volume's."""
        monkeypatch.chdir(tmp_path / "compose")
        Path("google.json").write_text("{}")
        with pytest.raises(BadInput, match=CREDENTIALS):
            require_startable(stack(**{CREDENTIALS: path.format(folder=tmp_path)}))
        assert compose.asked == []

    def test_in_a_folder_that_one_may_not_enter_are_refused(
        self, stack: Made, compose: ComposeStandIn, tmp_path: Path
    ) -> None:
        closed = tmp_path / "closed"
        closed.mkdir()
        (closed / "google.json").write_text("{}")
        made = stack(**{CREDENTIALS: str(closed / "google.json")})
        closed.chmod(0)
        with another_user(), pytest.raises(BadInput, match=CREDENTIALS):
            require_startable(made)
        assert compose.asked == []

    def test_that_are_a_file_are_good(self, stack: Made, stopped: ComposeStandIn, tmp_path: Path) -> None:
        (tmp_path / "google.json").write_text("{}")
        require_startable(stack(**{CREDENTIALS: str(tmp_path / "google.json"), PORT: str(free_port())}))


class TestPort:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
    def test_that_something_else_took_is_refused_by_name(
        self, stack: Made, stopped: ComposeStandIn, host: str
    ) -> None:
        with listening(host.strip("[]")) as port, pytest.raises(TerminalError) as refused:
            require_startable(stack(**{BIND: host, PORT: port}))
        assert f"{PORT}={port}" in refused.value.what
        assert f"sport = :{port}" in refused.value.next
        assert refused.value.safe == "nothing was started"

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
    def test_that_is_free_is_good(self, stack: Made, stopped: ComposeStandIn, host: str) -> None:
        with listening(host) as port:
            pass
        require_startable(stack(**{BIND: host, PORT: port}))

    def test_that_the_stack_itself_has_is_good(self, stack: Made, compose: ComposeStandIn) -> None:
        with listening("127.0.0.1") as port:
            require_startable(stack(**{PORT: port}))
        assert compose.asked == ["ps", "exec -T api-server true"]

    def test_that_is_taken_at_another_address_is_free_here(
        self, stack: Made, stopped: ComposeStandIn
    ) -> None:
        with listening("127.0.0.2") as port:
            require_startable(stack(**{PORT: port}))
            with pytest.raises(TerminalError, match=PORT):
                require_startable(stack(**{BIND: "0.0.0.0", PORT: port}))


class TestAddress:
    def test_of_another_machine_is_refused_though_the_stack_runs(
        self, stack: Made, compose: ComposeStandIn
    ) -> None:
        with pytest.raises(BadInput, match=rf"{BIND}='203\.0\.113\.1'.*an address of this machine"):
            require_startable(stack(**{BIND: "203.0.113.1", PORT: str(free_port())}))

    def test_on_a_machine_without_ipv6_is_left_to_the_engine(
        self, stack: Made, stopped: ComposeStandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

        monkeypatch.setattr("ckpt_ops.embedded.ports.socket.socket", refuse)
        require_startable(stack(**{BIND: "::1"}))
