"""The image: of the Airflow that is locked and of hashed wheels, and nothing private goes in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[3]


def instructions() -> list[tuple[str, str]]:
    """Word and rest of each instruction of the Dockerfile, its lines joined."""
    text = (PROJECT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def copied(*, before: str = "") -> list[str]:
    """What the Dockerfile copies, as it names it; up to the first instruction with that word."""
    words = [word for word, _ in instructions()]
    return [
        source
        for word, rest in instructions()[: words.index(before) if before else None]
        if word == "COPY"
        for source in [part for part in rest.split() if not part.startswith("--")][:-1]
    ]


class TestWhatItIsMadeOf:
    def test_airflow_and_python_are_those_of_the_lock(self) -> None:
        ((_, image),) = (each for each in instructions() if each[0] == "FROM")
        airflow, python = re.fullmatch(r"apache/airflow:slim-([\d.]+)-python([\d.]+)", image).groups()
        lines = (PROJECT / "requirements.in").read_text().splitlines()
        (asked,) = (
            Requirement(line.partition("#")[0]) for line in lines if line.startswith("apache-airflow")
        )
        assert asked.specifier.contains(airflow)
        for name in ("requirements.txt", "requirements-team.txt"):
            (found,) = re.findall(r"^apache-airflow==(\S+)", (PROJECT / name).read_text(), re.MULTILINE)
            assert found == airflow
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
        assert project["requires-python"].startswith(f">={python},")

    def test_every_package_comes_from_the_locks_with_its_hash(self) -> None:
        runs = [rest for word, rest in instructions() if word == "RUN"]
        installs = [part for rest in runs for part in rest.split(" && ") if "pip install" in part]
        locked, ours = installs
        assert "--require-hashes" in locked
        assert re.findall(r"-r (\S+)", locked) == ["requirements.txt", "requirements-team.txt"]
        assert "--no-deps" in ours
        assert ours.endswith(" -e .")

    def test_new_code_does_not_install_the_packages_again(self) -> None:
        assert all(source.startswith("requirements") for source in copied(before="RUN"))


def test_what_is_copied_is_let_through_and_nothing_else_is_secrets_least_of_all() -> None:
    lines = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] not in "#"]
    first, *others = lines
    assert first == "*", "what no line names stays out"
    assert {line.removeprefix("!") for line in others if line.startswith("!")} == {*copied()}
    assert [source for source in copied() if not [*PROJECT.glob(source)]] == []
