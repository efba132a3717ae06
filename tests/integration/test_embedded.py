"""The platform that runs on one machine: what it starts, what it survives, what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ckpt_ops.embedded import leftovers, ports, procfs, secret_files
from ckpt_ops.embedded.airflow import airflow_environment
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.embedded.platform import Event, Platform
from ckpt_ops.embedded.process import Child, Command, ComponentFailed, Record
from ckpt_ops.embedded.rest import Rest
from ckpt_ops.embedded.settings import Settings
from ckpt_ops.embedded.shell import exports, write_environment
from ckpt_ops.embedded.stalled_runs import stalled_runs
from ckpt_ops.embedded.state import State
from ckpt_ops.errors import BadInput, Corrupt, TerminalError, TransientError

PROJECT = Path(__file__).parents[2]
NewSettings = Callable[[Path], Settings]
RunCommand = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def run_command(clean_environment: dict[str, str], at_rest: dict[str, str]) -> RunCommand:
    """Runs `python -m ckpt_ops.embedded NAME --home HOME` on free ports; the DAGs are the smallest."""

    def run(name: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        defaults = {"CKPT_OPS_GCS_PORT": "0", "CKPT_OPS_UI_PORT": "0", "COLUMNS": "200"}
        defaults |= {**at_rest, "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "tests" / "dags" / "smoke")}
        return subprocess.run(
            [sys.executable, "-m", "ckpt_ops.embedded", name, "--home", str(home)],
            env={**clean_environment, **defaults, **variables},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


HOLDER = """
import sys, time, psycopg2
connection = psycopg2.connect(sys.argv[1].replace("postgresql+psycopg2", "postgresql"))
cursor = connection.cursor()
cursor.execute("SELECT id FROM dag_run WHERE run_id = %s FOR UPDATE", (sys.argv[2],))
print("holds", flush=True)
time.sleep(600)
"""


def _dsn(platform: Platform) -> str:
    return platform._database["psycopg2"].replace("postgresql+psycopg2", "postgresql")


def eventually(check: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)
    return found


def running_task(state: State) -> procfs.Identity:
    """Start DAG `smoke_long` and wait for the process, in a session of its own, that its task runs."""
    passwords = json.loads(Path(state.password_file).read_text())
    rest = Rest(state.ui_url, state.user, passwords[state.user])
    eventually(lambda: {"smoke_long"} & {dag["dag_id"] for dag in rest.call("GET", "dags?tags=test")["dags"]})
    rest.call("POST", "dags/smoke_long/dagRuns", {"logical_date": None})

    def sleeper() -> procfs.Identity | None:
        below = procfs.descendants([state.pids["scheduler"]])
        cmdlines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below}
        tasks = (pid for pid, line in cmdlines.items() if line == b"sleep\x001234\x00")
        return next(map(procfs.identify, tasks), None)

    found = eventually(sleeper)
    assert isinstance(found, procfs.Identity)
    return found


class TestSettings:
    def test_reads_home_and_ports_from_the_environment(self, tmp_path: Path) -> None:
        (tmp_path / "dags").mkdir()
        environ = {"CKPT_OPS_HOME": "state", "CKPT_OPS_GCS_PORT": "0", "CKPT_OPS_UI_PORT": "9000"}
        settings = Settings.from_environment(environ, cwd=tmp_path)
        assert (settings.home, settings.gcs_port, settings.ui_port) == (tmp_path / "state", 0, 9000)

    def test_the_project_is_the_nearest_parent_with_dags(self, tmp_path: Path) -> None:
        (tmp_path / "dags").mkdir()
        below = tmp_path / "notebooks" / "deep"
        below.mkdir(parents=True)
        assert Settings.from_environment({}, cwd=below).home == tmp_path / ".ckpt_ops"

    @pytest.mark.parametrize("value", ["eighty", "-1", "65536", "80.5", "0x50"])
    def test_refuses_what_is_not_a_port(self, value: str, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="CKPT_OPS_UI_PORT"):
            Settings.from_environment({"CKPT_OPS_UI_PORT": value}, cwd=tmp_path)

    def test_refuses_one_port_for_both_servers(self, tmp_path: Path) -> None:
        environ = {"CKPT_OPS_UI_PORT": "9000", "CKPT_OPS_GCS_PORT": "9000"}
        with pytest.raises(BadInput, match=r"CKPT_OPS_UI_PORT=9000 .*CKPT_OPS_GCS_PORT=9000"):
            Settings.from_environment(environ, cwd=tmp_path)

    def test_a_variable_set_by_the_user_wins(self, tmp_path: Path, settings_in: NewSettings) -> None:
        user = {"AIRFLOW__CORE__PARALLELISM": "9", "AIRFLOW__CORE__FERNET_KEY_CMD": "cat key"}
        found = airflow_environment(settings_in(tmp_path), environ=user)
        assert found["AIRFLOW__CORE__PARALLELISM"] == "9"
        assert "AIRFLOW__CORE__FERNET_KEY" not in found
        assert found["AIRFLOW__CORE__EXECUTOR"] == "ckpt_ops_airflow.resting.RestingExecutor"

    def test_secrets_are_made_once_and_are_private(self, tmp_path: Path, settings_in: NewSettings) -> None:
        first, second = (airflow_environment(settings_in(tmp_path), environ={}) for _ in range(2))
        assert first == second
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        assert modes == dict.fromkeys(("secrets.json", "passwords.json", "gcs-secret"), 0o600)

    def test_a_user_who_is_added_gets_a_password_and_the_others_keep_theirs(
        self, tmp_path: Path, settings_in: NewSettings
    ) -> None:
        settings = settings_in(tmp_path)
        secret_files.load_or_create(settings)
        before = secret_files.password(settings)
        secret_files.add_passwords(settings, "admin:admin, eve:viewer,")
        known = json.loads(secret_files.passwords(settings).read_text())
        assert (known["admin"], set(known)) == (before, {"admin", "eve"})
        assert secret_files.passwords(settings).stat().st_mode & 0o777 == 0o600
        secret_files.passwords(settings).write_text("[]")
        with pytest.raises(Corrupt, match=r"passwords\.json does not hold"):
            secret_files.add_passwords(settings, "eve:viewer")


class TestShell:
    def test_it_gets_what_the_platform_s_processes_got_word_for_word(self, tmp_path: Path) -> None:
        said = {"AIRFLOW__CORE__X": 'it\'s 50 % $HOME `x`\n"y"', "CKPT_OPS_STORE": "gs://a/b"}
        write_environment(tmp_path, said)
        assert (tmp_path / "environment.json").stat().st_mode & 0o777 == 0o600
        script = f'{exports(tmp_path)}exec "$0" -c "import json, os; print(json.dumps(dict(os.environ)))"'
        done = subprocess.run(["sh", "-c", script, sys.executable], capture_output=True, check=True)
        assert said.items() <= json.loads(done.stdout).items()

    def test_a_home_without_a_platform_is_refused_and_nothing_reaches_eval(
        self, tmp_path: Path, run_command: RunCommand
    ) -> None:
        refused = run_command("env", tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "no platform has run in" in refused.stderr
        assert "Next: python -m ckpt_ops.embedded up" in refused.stderr
        assert list(tmp_path.iterdir()) == []


class TestPorts:
    def test_a_busy_port_is_refused_by_name(self, tmp_path: Path, busy_port: int) -> None:
        settings = Settings.from_environment({"CKPT_OPS_UI_PORT": str(busy_port)}, home=tmp_path)
        with pytest.raises(BadInput) as refused:
            ports.resolve(settings)
        assert f"CKPT_OPS_UI_PORT={busy_port}" in str(refused.value)
        assert "set CKPT_OPS_UI_PORT to another port" in refused.value.next

    def test_zero_becomes_a_free_port(self, tmp_path: Path, settings_in: NewSettings) -> None:
        found = ports.resolve(settings_in(tmp_path))
        assert found.gcs_port != found.ui_port
        assert ports.is_free(found.gcs_port)


class TestProcess:
    def child(self, tmp_path: Path, *argv: str) -> Child:
        return Child(
            command=Command(
                name="child",
                argv=argv,
                environment={"PATH": os.defpath},
                cwd=tmp_path,
                log=tmp_path / "child.log",
                record=tmp_path / "run" / "child.json",
            )
        )

    def test_an_early_end_tells_the_last_lines_of_the_log(self, tmp_path: Path) -> None:
        child = self.child(tmp_path, "sh", "-c", "echo cannot open the vault; exit 3")
        child.start()
        with pytest.raises(ComponentFailed, match=r"(?s)exit code 3.*cannot open the vault"):
            child.wait_ready(lambda: False, seconds=10)

    def test_a_machine_that_stood_still_for_long_is_asked_once_more(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now, answers = 0.0, iter([False, True])

        def ready() -> bool:
            nonlocal now
            now += 1000.0
            return next(answers)

        child = self.child(tmp_path, "sleep", "300")
        child.start()
        with monkeypatch.context() as patch:
            patch.setattr("ckpt_ops.embedded.process.time.monotonic", lambda: now)
            child.wait_ready(ready, seconds=10)
        child.stop()
        assert next(answers, None) is None

    def test_what_never_answers_is_said_to_be_late(self, tmp_path: Path) -> None:
        child = self.child(tmp_path, "sleep", "300")
        child.start()
        with pytest.raises(ComponentFailed, match="child was not ready after 0 s"):
            child.wait_ready(lambda: False, seconds=0)
        child.stop()

    def test_what_it_prints_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        child = self.child(tmp_path / "logs", "true")
        (tmp_path / "logs").mkdir(mode=0o755)
        child.start()
        child.stop()
        modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "logs", child.command.log)]
        assert modes == [0o700, 0o600]

    def test_stop_ends_what_left_the_process_group_too(self, tmp_path: Path) -> None:
        child = self.child(tmp_path, "sh", "-c", "trap '' TERM; setsid sleep 300 & echo $!; wait")
        child.start()
        grandchild = int(eventually(lambda: (tmp_path / "child.log").read_text().strip()))
        left = eventually(lambda: procfs.identify(grandchild))
        child.command = Command(**{**vars(child.command), "stop_seconds": 1.0})
        child.stop()
        assert not left.alive
        assert not child.command.record.exists()

    def test_a_recycled_pid_is_never_signalled(self, tmp_path: Path) -> None:
        child = self.child(tmp_path, "sleep", "300")
        child.start()
        true = Record.read(child.command.record)
        assert true is not None
        assert true.process.alive
        other = procfs.Identity(pid=true.process.pid, started="another boot:1")
        Record(name="child", process=other).stop()
        assert true.process.alive
        child.stop()
        assert not true.process.alive


class TestWatch:
    """What the supervisor does about a process that died, with processes that are quick to start."""

    @pytest.fixture
    def platform(self, tmp_path: Path, settings_in: NewSettings) -> Iterator[Platform]:
        settings = settings_in(tmp_path)
        secrets = secret_files.load_or_create(settings)
        self.events: list[Event] = []
        made = Platform(settings, environ={}, report=self.events.append)
        for name in ("postgres", "scheduler"):
            made._children[name] = Child(
                command=Command(
                    name=name,
                    argv=("sh", "-c", "setsid sleep 300 & exec sleep 300"),
                    environment={"PATH": os.defpath, procfs.PLATFORM_VARIABLE: secrets.platform_id},
                    cwd=tmp_path,
                    log=tmp_path / "logs" / f"{name}.log",
                    record=tmp_path / "run" / f"{name}.json",
                )
            )
            made._children[name].start()
            eventually(lambda name=name: len(leftovers.marked_in(tmp_path, component=name)) == 2)
        yield made
        made.stop()
        leftovers.end_marked(tmp_path)

    def kill(self, platform: Platform, name: str) -> None:
        victim = procfs.identify(platform.pids[name])
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
        eventually(lambda: not victim.alive)

    def test_what_a_dead_one_left_is_ended_before_it_is_started_again(self, platform: Platform) -> None:
        home = platform.settings.home
        before = procfs.identities(leftovers.marked_in(home, component="scheduler"))
        others = procfs.identities(leftovers.marked_in(home, component="postgres"))
        self.kill(platform, "scheduler")
        platform.watch()
        assert not [process for process in before if process.alive]
        assert all(process.alive for process in others)
        eventually(lambda: len(leftovers.marked_in(home, component="scheduler")) == 2)
        assert "1 processes that it left behind were ended" in self.events[-1].detail

    def test_each_has_its_own_three_restarts(self, platform: Platform) -> None:
        """A database that dies takes the scheduler with it, and no more than one of either's is used up."""
        for _ in range(3):
            self.kill(platform, "postgres")
            self.kill(platform, "scheduler")
            platform.watch()
        self.kill(platform, "scheduler")
        with pytest.raises(ComponentFailed, match="scheduler was killed by SIGKILL"):
            platform.watch()

    def test_servers_answer_again_before_whoever_needs_them_is_started(self, platform: Platform) -> None:
        asked: list[bool] = []
        dead = procfs.identify(platform.pids["scheduler"])
        assert dead is not None

        def answers() -> bool:
            asked.append(platform.pids["scheduler"] == dead.pid)
            return len(asked) == 3

        platform._answering["postgres"] = answers
        self.kill(platform, "postgres")
        self.kill(platform, "scheduler")
        platform.watch()
        assert asked == [True, True, True]

    def test_a_full_disk_does_not_keep_it_from_stopping(self, tmp_path: Path) -> None:
        script = (
            "import sys; from ckpt_ops.embedded.supervisor import Reporter; "
            "from ckpt_ops.embedded.platform import Event; "
            "Reporter(None)(Event(component='platform', state='stopping')); print('went on', file=sys.stderr)"
        )
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, cwd=PROJECT, check=False
            )
        assert b"went on" in done.stderr


class TestGcsServer:
    def test_data_survives_a_restart_and_a_kill(self, tmp_path: Path) -> None:
        storage = pytest.importorskip("google.cloud.storage")
        credentials = pytest.importorskip("google.auth.credentials").AnonymousCredentials()
        for turn in range(3):
            with GcsServer(tmp_path) as server:
                client = storage.Client(
                    project="test", credentials=credentials, client_options={"api_endpoint": server.endpoint}
                )
                bucket = client.bucket("ckpt-ops")
                for earlier in range(turn):
                    assert bucket.blob(f"a/{earlier}").download_as_bytes() == b"%d" % earlier
                bucket.blob(f"a/{turn}").upload_from_string(b"%d" % turn)
                if turn == 1 and server.child is not None and server.child.pid is not None:
                    os.kill(server.child.pid, signal.SIGKILL)

    def test_the_session_server_is_what_clients_use(self, gcs_server: GcsServer) -> None:
        assert os.environ["STORAGE_EMULATOR_HOST"] == gcs_server.endpoint


@pytest.mark.slow
class TestPlatform:
    def test_all_four_components_are_healthy(self, platform: Platform) -> None:
        health = platform.api("GET", "/api/v2/monitor/health")
        found = {name: entry["status"] for name, entry in health.items()}
        assert found == dict.fromkeys(("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy")

    def test_nobody_enters_without_the_password(self, platform: Platform) -> None:
        with pytest.raises(TerminalError, match="HTTP 401"):
            Rest(platform.ui_url, platform.user, "guess").token()

    def test_a_task_runs_and_gets_the_store_s_address(self, platform: Platform) -> None:
        dags = eventually(lambda: platform.api("GET", "dags?tags=test")["dags"])
        assert [dag["is_paused"] for dag in dags if dag["dag_id"] == "smoke"] == [False]
        run = platform.api("POST", "dags/smoke/dagRuns", {"logical_date": None})
        path = f"dags/smoke/dagRuns/{run['dag_run_id']}"
        state = eventually(lambda: {platform.api("GET", path)["state"]} & {"success", "failed"})
        assert state == {"success"}
        value = platform.api("GET", f"{path}/taskInstances/store_address/xcomEntries/return_value")
        assert value["value"] == "gs://ckpt-ops/store"
        log = platform.api("GET", f"{path}/taskInstances/store_address/logs/1")
        assert "Could not read" not in str(log)

    def test_a_process_that_dies_is_started_again(self, platform: Platform) -> None:
        began, victim = time.time(), platform.pids["triggerer"]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: procfs.identify(victim) is None)

        def restarted() -> bool:
            platform.watch()  # again and again: a parent cannot reap it before its last thread has ended
            return platform.pids["triggerer"] != victim

        eventually(restarted)
        assert platform.pids["triggerer"] != victim
        eventually(lambda: "triggerer" in platform.rest.healthy(since=began))

    def test_a_killed_scheduler_leaves_no_lock_and_runs_move_on(self, platform: Platform) -> None:
        """Its workers hold connections of the database; one of them, killed in the midst, a lock on a run."""
        dags = eventually(lambda: platform.api("GET", "dags?tags=test")["dags"])
        assert "smoke" in {dag["dag_id"] for dag in dags}
        run = platform.api("POST", "dags/smoke/dagRuns", {"logical_date": None})
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, platform._database["psycopg2"], run["dag_run_id"]],
            env={
                **os.environ,
                procfs.PLATFORM_VARIABLE: secret_files.load_or_create(platform.settings).platform_id,
                procfs.COMPONENT_VARIABLE: "scheduler",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        victim = platform.pids["scheduler"]
        below = procfs.identities(procfs.descendants([victim]))
        assert below
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: procfs.identify(victim) is None)
        eventually(lambda: platform.watch() or platform.pids["scheduler"] != victim)
        assert not [process for process in below if process.alive]
        assert holder.wait(timeout=10) != 0
        path = f"dags/smoke/dagRuns/{run['dag_run_id']}"
        state = eventually(lambda: {platform.api("GET", path)["state"]} & {"success", "failed"}, seconds=90)
        assert state == {"success"}

    def test_a_run_that_does_not_move_is_named(self, platform: Platform) -> None:
        """Told from one that works, and from one that has only just begun."""
        eventually(lambda: platform.api("GET", "dags?tags=test")["dags"])
        run = platform.api("POST", "dags/smoke_long/dagRuns", {"logical_date": None})
        path = f"dags/smoke_long/dagRuns/{run['dag_run_id']}"
        eventually(
            lambda: platform.api("GET", f"{path}/taskInstances")["task_instances"][0]["state"] == "running"
        )
        later = datetime.now(UTC) + timedelta(minutes=10)
        name = f"smoke_long {run['dag_run_id']}"
        assert name not in stalled_runs(platform.rest, now=later)
        with (
            psycopg2.connect(_dsn(platform)) as holder,
            psycopg2.connect(_dsn(platform)) as connection,
            holder.cursor() as lock,
            connection.cursor() as cursor,
        ):
            # A scheduler passes over a run whose row is locked; without the lock it would go on at once.
            lock.execute("SELECT id FROM dag_run WHERE run_id = %s FOR UPDATE", (run["dag_run_id"],))
            cursor.execute("UPDATE task_instance SET state = NULL WHERE run_id = %s", (run["dag_run_id"],))
            connection.commit()
            assert name in stalled_runs(platform.rest, now=later)
            assert name not in stalled_runs(platform.rest)

        def ended() -> bool:
            """Its task, which runs on, may hold the same rows: then the database ends one of the two."""
            with suppress(TransientError):
                return bool(platform.api("PATCH", path, {"state": "failed"}))
            return False

        eventually(ended)

    def test_passwords_are_in_no_log(self, platform: Platform) -> None:
        known = json.loads(secret_files.passwords(platform.settings).read_text())
        assert set(known) == {"admin", "eve"}
        assert Rest(platform.ui_url, "eve", known["eve"]).token()
        secrets = [*known.values(), (platform.settings.home / "gcs-secret").read_text().strip()]
        for log in (path for path in platform.settings.logs.iterdir() if path.is_file()):
            assert log.stat().st_mode & 0o077 == 0
            assert not [secret for secret in secrets if secret in log.read_text(errors="replace")]

    def test_one_home_has_one_owner(self, platform: Platform, run_command: RunCommand) -> None:
        refused = run_command("up", platform.settings.home)
        assert refused.returncode == 1
        assert "already runs" in refused.stdout
        assert platform.rest.healthy()


@pytest.mark.slow
class TestCommand:
    @pytest.fixture(scope="class")
    @staticmethod
    def home(session_home: Path) -> Path:
        """One for all: a database that an earlier test has made is not made again."""
        return session_home / "command"

    def test_up_refuses_a_busy_port_and_starts_nothing(
        self, session_home: Path, busy_port: int, run_command: RunCommand
    ) -> None:
        home = session_home / "busy"
        refused = run_command("up", home, CKPT_OPS_GCS_PORT=str(busy_port))
        assert refused.returncode == 1
        assert refused.stdout.count(f"CKPT_OPS_GCS_PORT={busy_port} is not allowed") == 1, refused.stdout
        assert leftovers.running(home / "run") == {}

    def test_up_tells_which_component_failed_and_cleans_up(self, home: Path, run_command: RunCommand) -> None:
        failed = run_command("up", home, AIRFLOW__API__SSL_CERT="/nowhere", AIRFLOW__API__SSL_KEY="/nowhere")
        assert failed.returncode == 1
        assert failed.stdout.count("api-server ended by itself") == 1, failed.stdout
        assert "SSL related file does not exist /nowhere" in failed.stdout
        assert leftovers.running(home / "run") == {}
        assert leftovers.marked_in(home) == set()

    def test_up_twice_a_killed_supervisor_and_down(self, home: Path, run_command: RunCommand) -> None:
        first = run_command("up", home)
        assert first.returncode == 0, first.stdout
        state = State.read(home)
        assert state is not None
        assert state.ready
        assert state.ui_url in first.stdout
        second = run_command("up", home)
        assert (second.returncode, "already runs" in second.stdout) == (0, True)
        assert run_command("status", home).returncode == 0
        components = leftovers.running(home / "run")
        assert set(components) == set(leftovers.COMPONENTS)

        task = running_task(state)
        os.kill(state.supervisor, signal.SIGKILL)
        eventually(lambda: procfs.identify(state.supervisor) is None)
        assert all(record.process.alive for record in components.values())
        assert run_command("status", home).returncode == 1
        down = run_command("down", home)
        assert down.returncode == 0
        assert "a killed supervisor left behind" in down.stdout
        assert [name for name, record in components.items() if record.process.alive] == []
        assert not task.alive
        assert leftovers.marked_in(home) == set()
        assert ports.is_free(int(state.ui_url.rsplit(":", 1)[1]))
        assert ports.is_free(int(state.gcs_endpoint.rsplit(":", 1)[1]))
        again = run_command("down", home)
        assert (again.returncode, "Nothing runs" in again.stdout) == (0, True)
