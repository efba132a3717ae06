"""A stack of the tests' own: docker-compose.yaml with the tests' pipelines and a door to its store."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from ckpt_ops.embedded.ports import free_port
from ckpt_ops.embedded.rest import Rest
from team import env_file
from team.stack import Stack, find_compose

PROJECT = Path(__file__).parents[2]
TESTS = PROJECT / "tests"
WEEKS = ("2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27")
FIFTH = "2013-02-03"
HOME = "/opt/airflow/home"


@dataclass(frozen=True, kw_only=True)
class Team:
    """The running stack, with the face that tests know of the embedded platform.

    Args:
        folder: with docker-compose.yaml and .env; commands run there.
        gcs_endpoint: of the stack's GCS server, as this machine sees it.
    """

    folder: Path
    gcs_endpoint: str

    @property
    def stack(self) -> Stack:
        variables = env_file.read(self.folder / ".env")
        return Stack(project=self.folder, variables=variables, command=find_compose())

    @property
    def settings(self) -> Any:
        """Where the tests' pipelines leave notes, as this machine sees it."""
        return SimpleNamespace(home=self.folder / "home")

    @cached_property
    def rest(self) -> Rest:
        return self.stack.rest  # kept: Airflow limits how often one may log in

    def api(self, method: str, path: str, json: object = None) -> Any:
        """Call Airflow's REST API; see `Rest.call`."""
        return self.rest.call(method, path, json)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What `make` runs: `python -m team ...`, in the stack's folder."""
        return subprocess.run(
            [sys.executable, "-m", "team", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def init_of(self, service: str) -> int:
        """The first process of the service's container, by its number on this machine.

        Found by its namespace, which no engine has to be asked for. 0 while the container does not run.
        """
        namespace = self.stack.exec(service, "readlink", "/proc/self/ns/pid", check=False).strip()
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                if str((folder / "ns/pid").readlink()) == namespace and _number_inside(folder) == 1:
                    return int(folder.name)
            except OSError:
                continue
        return 0

    def kill(self, service: str) -> None:
        """SIGKILL the service's first process, and with it all of the container. Its restart policy is on."""
        first = self.init_of(service)
        assert first, f"no process of {service} was found: it does not run, or the tests do not run as root"
        os.kill(first, signal.SIGKILL)


def _number_inside(folder: Path) -> int:
    (line,) = [line for line in (folder / "status").read_text().splitlines() if line.startswith("NSpid:")]
    return int(line.split()[-1])


def write(folder: Path, *, name: str) -> Team:
    """Write the stack's folder.

    Args:
        folder: an empty one.
        name: of the Compose project.
    """
    gcs_port = free_port()
    spec = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    copy_pipelines(folder / "dags")
    home = folder / "home"
    home.mkdir()
    home.chmod(0o777)
    _overlay(spec["services"], folder, gcs_port)
    (folder / "docker-compose.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    _write_env(folder / ".env", {"CKPT_OPS_UI_PORT": str(free_port()), "COMPOSE_PROJECT_NAME": name})
    secret = env_file.read(folder / ".env")["CKPT_OPS_GCS_SECRET"]
    return Team(folder=folder, gcs_endpoint=f"http://ckpt-ops:{secret}@127.0.0.1:{gcs_port}")


def copy_pipelines(folder: Path) -> None:
    """The pipelines of all tests and those of these, side by side: one is made of the other."""
    for path in (TESTS / "dags", TESTS / "compose" / "dags"):
        shutil.copytree(path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _overlay(services: dict[str, Any], folder: Path, gcs_port: int) -> None:
    services["preflight"]["build"] = str(PROJECT)
    services["gcs"]["ports"] = [f"127.0.0.1:{gcs_port}:4443"]
    for name, service in services.items():
        if name in ("postgres", "redis"):
            continue
        service["image"] = "ckpt-ops-test:latest"  # never the one that a stack in use has
        if name == "gcs":
            continue
        service["volumes"] = [
            *service["volumes"],
            f"{folder / 'dags'}:/opt/airflow/dags:ro",
            f"{folder / 'home'}:{HOME}",
        ]
        service["environment"] = {**service["environment"], "CKPT_OPS_HOME": HOME}


def _write_env(path: Path, values: Mapping[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    env_file.complete(path)
