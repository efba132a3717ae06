"""All of the platform as one object: starts its processes in order, watches them, stops them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import IO, Any

from ckpt_ops.embedded import airflow, gcs_server, leftovers, ports, procfs, secret_files
from ckpt_ops.embedded.edited import EditedDags
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.embedded.postgres import Postgres
from ckpt_ops.embedded.process import READY_SECONDS, Child, Command, Record, how_it_ended
from ckpt_ops.embedded.rest import Rest
from ckpt_ops.embedded.settings import USER, Settings
from ckpt_ops.embedded.shell import write_environment
from ckpt_ops.embedded.state import State
from ckpt_ops.errors import CkptOpsError, TransientError

RESTARTS = 3
RESTARTS_WITHIN_SECONDS = 600.0
HEALTH_POLL_SECONDS = 0.2
EDITED_POLL_SECONDS = 2.0
HEALTH_NAMES = {
    airflow.SCHEDULER: "scheduler",
    airflow.DAG_PROCESSOR: "dag_processor",
    airflow.TRIGGERER: "triggerer",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One step of a start or stop, for whoever shows progress.

    Args:
        component: which process, or `migrate`, or `platform` for all of them.
        state: starting, ready, restarted, failed, stopping, stopped or leftover.
        seconds: how long it took, where that is known.
        detail: for a person.
    """

    component: str
    state: str
    seconds: float = 0.0
    detail: str = ""


class Platform:
    """The GCS server, PostgreSQL and Airflow's four processes, children of this process.

    A context manager: everything runs inside the block and nothing after it. For a platform that
    outlives the caller use `python -m ckpt_ops.embedded up`, which runs one of these detached.

    Args:
        settings: ports of 0 are resolved at the start; read them from `settings` afterwards.
        environ: what the processes inherit, and where a user's AIRFLOW__X__Y is looked up; this
            process's own variables by default.
        report: called with each step.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str] | None = None,
        report: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.settings = settings
        self._environ = dict(os.environ if environ is None else environ)
        self._report = report
        self._lock: IO[str] | None = None
        self._children: dict[str, Child] = {}
        self._restarts: dict[str, deque[float]] = {}
        self._answering: dict[str, Callable[[], bool]] = {}
        self._rest: Rest | None = None
        self._edited: EditedDags | None = None
        self._to_parse: set[str] = set()
        self._look_at = 0.0
        self._database: dict[str, str] = {}

    # --- for those who use it --------------------------------------------------------------------

    @property
    def ui_url(self) -> str:
        """Where Airflow's UI and REST API answer."""
        return self.settings.ui_url

    @property
    def gcs_endpoint(self) -> str:
        """For STORAGE_EMULATOR_HOST; it holds the server's secret."""
        return gcs_server.endpoint(self.settings.home, self.settings.gcs_port)

    @property
    def user(self) -> str:
        """The UI's one user."""
        return USER

    @property
    def password(self) -> str:
        """That user's password."""
        return secret_files.password(self.settings)

    @property
    def pids(self) -> dict[str, int]:
        """The pid of each component that was started."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    @property
    def rest(self) -> Rest:
        """Airflow's REST API as `user`."""
        if self._rest is None:
            self._rest = Rest(self.ui_url, self.user, self.password)
        return self._rest

    def token(self) -> str:
        """A JWT of `user` for the REST API."""
        return self.rest.token()

    def api(self, method: str, path: str, json: object = None) -> Any:
        """Call Airflow's REST API; see `Rest.call`."""
        return self.rest.call(method, path, json)

    def environment(self) -> dict[str, str]:
        """The variables to set so that an Airflow command or `dag.test()` uses this platform."""
        return airflow.airflow_environment(
            self.settings, database=self._database or None, environ=self._environ
        )

    # --- start, watch, stop ----------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and return when all of it is healthy; on failure stop what was started.

        Raises:
            AlreadyRunning: another process runs a platform in this home.
            BadInput: a port is busy.
            ExtraMissing: something that the platform needs is not installed.
            ComponentFailed: one process did not come up; the message holds its log's last lines.
        """
        self._lock = leftovers.lock(self.settings.run_dir)
        began = time.monotonic()
        try:
            for name in leftovers.stop_leftovers(self.settings.home):
                self._report(Event(component=name, state="leftover", detail="left by a killed supervisor"))
            self.settings = ports.resolve(self.settings)
            self._start_all()
        except BaseException:
            self.stop()
            raise
        self._edited = EditedDags(self.settings.dags_dir)
        self._write_state(ready=True)
        self._report(Event(component="platform", state="ready", seconds=time.monotonic() - began))

    def _start_all(self) -> None:
        secrets = secret_files.load_or_create(self.settings)
        base = self._environ | {procfs.PLATFORM_VARIABLE: secrets.platform_id, "SPT_NOENV": "1"}
        gcs = GcsServer(self.settings.home, self.settings.gcs_port, environ=base)
        postgres = Postgres(self.settings.home, environ=base)
        self._timed("gcs", gcs.start)
        self._adopt("gcs", gcs.child, gcs.answers)
        self._timed("postgres", postgres.start)
        self._adopt("postgres", postgres.child, postgres.answers)
        self._database = {driver: postgres.url(driver) for driver in ("psycopg2", "asyncpg")}
        write_environment(self.settings.home, self.environment())
        environment = base | self.environment() | {"PYTHONUNBUFFERED": "1"}
        self._write_state(ready=False)
        secret_files.add_passwords(
            self.settings, environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "")
        )
        self._migrate(postgres, environment)
        # the dag-processor needs no api-server; the scheduler's tasks do
        self._launch([airflow.API_SERVER, airflow.DAG_PROCESSOR], environment)
        self._wait({airflow.API_SERVER: lambda: bool(self.rest.health())})
        self._launch([airflow.SCHEDULER, airflow.TRIGGERER], environment)
        self._wait({name: partial(self._beats, name) for name in HEALTH_NAMES})

    def _beats(self, name: str) -> bool:
        return HEALTH_NAMES[name] in self.rest.healthy(since=self._children[name].started_at)

    def _migrate(self, postgres: Postgres, environment: Mapping[str, str]) -> None:
        ours = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == self._database["psycopg2"]
        stamp, version = postgres.migrated_file, airflow.version()
        if ours and stamp.exists() and stamp.read_text().strip() == version:
            return
        self._timed("migrate", lambda: airflow.migrate(self.settings, environment))
        if ours:
            stamp.write_text(version + "\n")

    def _timed(self, name: str, step: Callable[[], object]) -> None:
        self._report(Event(component=name, state="starting"))
        began = time.monotonic()
        step()
        self._report(Event(component=name, state="ready", seconds=time.monotonic() - began))

    def _adopt(self, name: str, child: Child | None, answers: Callable[[], bool]) -> None:
        if child is not None:
            self._children[name] = child
            self._answering[name] = answers

    def _launch(self, names: Iterable[str], environment: Mapping[str, str]) -> None:
        for name in names:
            self._report(Event(component=name, state="starting"))
            command: Command = airflow.command(name, self.settings, environment)
            self._children[name] = Child(command=command)
            self._children[name].start()

    def _wait(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        """Wait until each component named passes its check, while all that were started run."""
        ahead = dict(checks)
        deadline = time.monotonic() + READY_SECONDS
        while ahead:
            late = time.monotonic() > deadline  # before asking, as in `Child.wait_ready`
            for child in self._children.values():
                child.require_running()
            for name in [name for name, ready in ahead.items() if ready()]:
                seconds = time.time() - self._children[name].started_at
                self._report(Event(component=name, state="ready", seconds=seconds))
                del ahead[name]
            if late and ahead:
                name = next(iter(ahead))
                raise self._children[name].failure(f"was not ready after {READY_SECONDS:.0f} s")
            time.sleep(HEALTH_POLL_SECONDS)

    def watch(self) -> None:
        """Restart each process that ended, ask for DAGs whose code was edited; to be called repeatedly.

        Processes that it left behind are ended first: a dead scheduler's workers would hold its locks in the
        database, and no run would make progress.

        Raises:
            ComponentFailed: one of them ended too often within ten minutes: something is wrong for good.
        """
        for name, child in self._children.items():  # servers first: others may have died for want of them
            code = child.exit_code
            if code is None:
                continue
            failure = child.failure(how_it_ended(code))
            restarts = self._restarts.setdefault(name, deque(maxlen=RESTARTS + 1))
            restarts.append(time.monotonic())
            if len(restarts) > RESTARTS and restarts[-1] - restarts[0] < RESTARTS_WITHIN_SECONDS:
                raise failure
            child.stop()
            ended = leftovers.end_marked(self.settings.home, component=name)
            child.start()
            if name in self._answering:
                child.wait_ready(self._answering[name])
            self._write_state(ready=True)
            left = f"\n{ended} processes that it left behind were ended" if ended else ""
            self._report(Event(component=name, state="restarted", detail=f"{failure}{left}"))
        self._parse_what_was_edited()

    def _parse_what_was_edited(self) -> None:
        if self._edited is None or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + EDITED_POLL_SECONDS
        self._to_parse.update(self._edited.look())
        if not self._to_parse:
            return
        secret = self.environment()["AIRFLOW__API__SECRET_KEY"]
        rest = Rest(self.ui_url, self.user, self.password)
        for path in sorted(self._to_parse):
            try:
                rest.call("PUT", f"/parseDagFile/{airflow.file_token(path, secret)}")
            except TransientError:
                return  # the next look asks again, for this one and those after it
            except CkptOpsError:
                pass  # it makes no DAG that Airflow knows, is asked for already, or is gone
            self._to_parse.discard(path)

    def stop(self) -> None:
        """Stop every process that this object started, in an order that loses nothing."""
        for stage in leftovers.STOP_STAGES:
            here = [name for name in stage if name in self._children]
            leftovers.together([partial(self._stop_one, name) for name in here])
        if self._lock is not None:
            leftovers.stop_leftovers(self.settings.home)
            with suppress(OSError):  # such as a full disk: all is stopped by now
                self._write_stopped()
            self._lock.close()
            self._lock = None
        self._rest = None

    def _stop_one(self, name: str) -> None:
        self._report(Event(component=name, state="stopping"))
        began = time.monotonic()
        self._children.pop(name).stop()
        self._report(Event(component=name, state="stopped", seconds=time.monotonic() - began))

    def _write_state(self, *, ready: bool) -> None:
        State(
            gcs_endpoint=self.gcs_endpoint,
            ui_url=self.ui_url,
            password_file=str(secret_files.passwords(self.settings)),
            supervisor=os.getpid(),
            database=self._database,
            pids=self.pids,
            ready=ready,
        ).write(self.settings.home)

    def _write_stopped(self) -> None:
        known = State.read(self.settings.home)
        if known is not None:
            replace(known, supervisor=0, pids={}, ready=False).write(self.settings.home)

    def record_supervisor(self) -> None:
        """Name this process as the one that `down` asks to end."""
        owner = procfs.identify(os.getpid())
        if owner is not None:
            record = Record(name=leftovers.SUPERVISOR, process=owner, stop_seconds=90.0)
            record.write(self.settings.run_dir / f"{leftovers.SUPERVISOR}.json")

    def __enter__(self) -> Platform:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
