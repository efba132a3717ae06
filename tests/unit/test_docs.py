"""What the pages show runs: each block of Python by itself; each command and option is one that there is."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from ckpt_ops.cli.main import app

PROJECT = Path(__file__).parents[2]
PAGES = [
    *sorted((PROJECT / "docs").rglob("*.md")),
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md")),
]
# compiled alone: what would train for hours on data that the page does not have; a file that needs its folder
COMPILED = {
    ("checkpoints.md", 0),
    ("checkpoints.md", 1),
    ("fleets.md", 1),
    ("intake.md", 1),
    ("registries.md", 1),
    ("tutorial.md", 2),
}


def blocks() -> Iterator[tuple[str, int, str]]:
    for page in PAGES:
        for at, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
            yield page.name, at, code


@pytest.mark.parametrize(("page", "at", "code"), list(blocks()), ids=lambda each: str(each)[:20])
def test_a_block_of_python_runs_as_it_stands(
    page: str, at: int, code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for folder in ("dags", "plugins"):
        monkeypatch.syspath_prepend(str(PROJECT / folder))
    module = ModuleType(f"page_{at}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # what it defines can be pickled
    compiled = compile(code, f"{page}, block {at}", "exec")
    if (page, at) not in COMPILED:
        exec(compiled, module.__dict__)


def commands() -> Iterator[tuple[str, str]]:
    """Of the pages: whole lines of shell, and what stands in code spans."""
    for page in PAGES:
        text = page.read_text()
        shell = "\n".join(re.findall(r"```(?:bash|sh|shell|console)?\n(.*?)```", text, re.DOTALL))
        lines = re.findall(r"(?m)^[$ ]*(?:\S*/)?(ckpt-ops [^\n#|]*)", shell.replace("\\\n", " "))
        for said in dict.fromkeys([*lines, *re.findall(r"`(ckpt-ops [^`]*)`", text)]):
            yield page.name, said.strip()


def parsed(said: str) -> tuple[Any, list[str]]:
    """The command that is meant, and the options it is given; alternatives and brackets are taken apart."""
    plain = re.sub(r"[\[\]()|]|\.\.\.", " ", said.replace("\\|", " "))
    message = shlex.split(plain, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while (below := getattr(command, "commands", None)) and message and re.match(r"[a-z]", message[0]):
        name = message.pop(0)
        assert name in below, f"there is no command {name}"
        command = below[name]
    return command, [word.partition("=")[0] for word in message if re.match(r"--[a-z]", word)]


@pytest.mark.parametrize(("page", "said"), list(commands()), ids=lambda each: str(each)[:60])
def test_a_command_and_its_options_are_there(page: str, said: str) -> None:
    command, options = parsed(said)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = set(options) - known - {"--help"}
    assert not unknown, f"{page}: {said}: {command.name} has no {', '.join(unknown)}"
