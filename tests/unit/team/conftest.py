"""A stack without containers: its variables, programs that stand for Compose and Airflow, and a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from airflow_stand_in import WELL, Airflow
from compose_stand_in import ComposeStandIn

from team import backups, env_file, gcs_volume
from team.stack import WORKERS, Stack

# those of the environment win over .env
OTHERS = ("COMPOSE", "CKPT_OPS_UPGRADE", "CKPT_OPS_IMAGE")


@pytest.fixture
def no_variable_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment holds none of the variables that .env may hold."""
    for name in (*env_file.complete(tmp_path / "names"), *OTHERS):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "names").unlink()


@pytest.fixture
def compose(tmp_path: Path) -> ComposeStandIn:
    """Answers what it was told to answer, otherwise nothing and well; keeps what it was asked."""
    return ComposeStandIn(tmp_path / "compose")


@pytest.fixture
def stack(tmp_path: Path, compose: ComposeStandIn) -> Callable[..., Stack]:
    """Makes a stack with what `make env` writes, but for the variables that are given."""

    def make(**variables: str) -> Stack:
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        env_file.complete(project / ".env")
        return Stack(
            project=project,
            variables={**env_file.read(project / ".env"), **variables},
            command=(str(compose.program),),
        )

    return make


@pytest.fixture(scope="session")
def _airflow(
    serving: Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]],
) -> Iterator[str]:
    with serving(Airflow) as found:
        yield found


@pytest.fixture
def airflow_port(_airflow: str) -> str:
    """Where an Airflow answers all of whose components are well."""
    Airflow.ages = WELL
    return _airflow.rpartition(":")[2]


@pytest.fixture
def well(compose: ComposeStandIn) -> ComposeStandIn:
    """A stack whose every part can be read, and whose image knows the backup's tables."""
    compose.answers("exec -T postgres pg_dump", b"a dump\0\xff")
    compose.answers("exec -T postgres psql", "d2f4e1b3c5a7\n")
    compose.answers(" ".join(gcs_volume.script(gcs_volume.PACK)), b"objects\0\xff")
    compose.workers_answer(*WORKERS)
    return compose


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups are."""
    return tmp_path / "backups"


@pytest.fixture
def made(stack: Callable[..., Stack], folder: Path, well: ComposeStandIn) -> Path:
    """A backup of the stack with what `make env` wrote."""
    found = backups.backup(stack(), folder, lambda line: None)
    well.forget()
    return found
