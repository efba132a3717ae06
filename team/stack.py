"""The stack as its operator handles it: the Compose command, its calls, and when all of it is healthy."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ckpt_ops.embedded.rest import COMPONENTS, Rest
from ckpt_ops.errors import BadInput, TerminalError

WORKERS = ("worker", "training-worker")
READY_SECONDS = 300.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PING = "celery --app airflow.providers.celery.executors.celery_executor.app inspect ping --timeout 10"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack, by its project folder and its variables.

    Args:
        project: the folder with docker-compose.yaml.
        variables: of .env.
        command: what Compose is called here: `docker compose`, or the value of the variable COMPOSE.
    """

    project: Path
    variables: Mapping[str, str]
    command: tuple[str, ...]

    @property
    def bind(self) -> str:
        """The address of this machine at which the UI is published."""
        value = self.variables.get("CKPT_OPS_UI_BIND") or "127.0.0.1"
        return value.strip("[]")  # Compose takes IPv6 in brackets too

    @property
    def address(self) -> str:
        """Where Airflow's UI and API answer, as seen from this machine."""
        host = "127.0.0.1" if self.bind == "0.0.0.0" else self.bind
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def port(self) -> int:
        """The published port of the UI."""
        value = self.variables.get("CKPT_OPS_UI_PORT") or "8080"
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise BadInput("CKPT_OPS_UI_PORT", value, "a port from 1 to 65535", next="correct it in .env")
        return int(value)

    @property
    def has_local_gcs(self) -> bool:
        """Whether the buckets are in the stack's own GCS server."""
        return "local-gcs" in self.variables.get("COMPOSE_PROFILES", "").split(",")

    @property
    def rest(self) -> Rest:
        """Airflow's REST API as the user admin, as long as that user has its first password."""
        return Rest(self.address, "admin", self.variables["AIRFLOW_ADMIN_PASSWORD"])

    # --- calls of Compose ------------------------------------------------------------------------

    def compose(
        self,
        *arguments: str,
        check: bool = True,
        quiet: bool = False,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a verb of Compose in the project's folder.

        Args:
            arguments: such as "stop", "gcs".
            check: raise when it fails.
            quiet: keep its output, in the result's `stdout` and `stderr`, instead of showing it.
            stdin, stdout: files to read from and write to.

        Raises:
            TerminalError: it failed; with its last lines.
        """
        kept = subprocess.PIPE if quiet else None
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.project,
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or kept,
            stderr=kept,
            check=False,
        )
        if check and done.returncode:
            ending = "\n".join(f"    {line}" for line in (done.stderr or b"").decode().splitlines()[-15:])
            raise TerminalError(
                f"`{shlex.join([*self.command, *arguments])}` ended with exit code {done.returncode}"
                + (f":\n{ending}" if ending else ""),
                safe="volumes are as they were",
                next="read its output; `make down-team` stops what did start",
            )
        return done

    def exec(self, service: str, *command: str, check: bool = True) -> str:
        """What a command in a service's running container prints."""
        return self.compose("exec", "-T", service, *command, check=check, quiet=True).stdout.decode()

    def runs(self, service: str) -> bool:
        """Whether the service's container runs."""
        return self.compose("exec", "-T", service, "true", check=False, quiet=True).returncode == 0

    def require_engine(self) -> None:
        """Ask Compose for its containers, which needs the engine behind it.

        Raises:
            TerminalError: there is no answer; with the last lines of Compose.
        """
        self.compose("ps", quiet=True)

    def psql(self, database: str, statement: str) -> str:
        """What PostgreSQL answers to a statement, or to several, which are one transaction."""
        return self.exec(
            "postgres",
            "psql",
            "-U",
            "airflow",
            "-d",
            database,
            "-qtA",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ).strip()

    # --- up --------------------------------------------------------------------------------------

    def build(self, report: Callable[[str], None]) -> None:
        """Build the image from this folder, unless .env names one of the team's own in CKPT_OPS_IMAGE."""
        if not self.variables.get("CKPT_OPS_IMAGE"):
            report("building the image")
            self.compose("build", quiet=True)

    def start(self, report: Callable[[str], None]) -> None:
        """Start everything in order, and return when all of it is healthy.

        Raises:
            TerminalError: with `preflight`'s own message if it refused.
        """
        report("starting")
        if self.compose("up", "-d", check=False).returncode:
            self.explain()
        self.wait_until_well(report)

    def explain(self) -> None:
        """Raise with `preflight`'s own message if it refused, else with Compose's."""
        logs = self.compose("logs", "preflight", check=False, quiet=True)
        lines = _COLOUR.sub("", (logs.stdout + logs.stderr).decode()).splitlines()
        refusals = [number for number, line in enumerate(lines) if " refused. " in line]
        # a restarted container keeps its log: what was refused before may be good by now
        if not refusals or any("preflight: secrets good" in line for line in lines[refusals[-1] :]):
            raise TerminalError(
                "the stack did not start",
                safe="volumes are as they were",
                next=f"read the lines above, then `{shlex.join(self.command)} logs`",
            )
        raise TerminalError("\n".join(line.partition("| ")[2] or line for line in lines[refusals[-1] :]))

    def wait_until_well(self, report: Callable[[str], None], *, seconds: float = READY_SECONDS) -> None:
        """Return when Airflow's components have fresh heartbeats and both workers answer.

        Raises:
            TerminalError: naming what was not healthy in time.
        """
        rest, since, deadline = self.rest, time.time() - 5.0, time.monotonic() + seconds
        ahead = set(COMPONENTS)
        while ahead and time.monotonic() < deadline:
            for name in sorted(ahead & rest.healthy(since=since)):
                report(f"{name.replace('_', '-')} is healthy")
                ahead.discard(name)
            time.sleep(0.5)
        silent = set(WORKERS)
        while silent and not ahead and time.monotonic() < deadline:
            silent = self._silent_workers()
        late = sorted(ahead or silent)  # while a component is not healthy, no worker is asked
        if late:
            raise TerminalError(
                f"not healthy after {seconds:g} s: {', '.join(late)}",
                safe="what runs goes on",
                next=f"{shlex.join(self.command)} logs {' '.join(late).replace('_', '-')}",
            )
        report("both workers answer")

    def _silent_workers(self) -> set[str]:
        hosts = {name: self.exec(name, "hostname", check=False).strip() for name in WORKERS}
        replies = self.exec(WORKERS[0], *PING.split(), check=False)
        return {name for name, host in hosts.items() if not host or f"celery@{host}" not in replies}


def find_compose(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """How Compose is called here.

    Raises:
        TerminalError: there is no Docker, and COMPOSE names nothing else.
    """
    asked = tuple(shlex.split(environ.get("COMPOSE", ""))) or ("docker", "compose")
    if shutil.which(asked[0]) is None:
        raise TerminalError(
            f"{asked[0]} is not installed",
            safe="nothing was started",
            next="install Docker with Compose, or name another tool: make up-team COMPOSE=podman-compose. "
            "Without either, `make up` runs everything on this machine",
        )
    return asked
