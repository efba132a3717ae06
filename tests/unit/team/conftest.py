"""The variables of a stack, and a program that stands for Compose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compose_stand_in import ComposeStandIn

from team import env_file
from team.stack import Stack

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
