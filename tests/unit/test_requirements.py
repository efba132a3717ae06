"""The locks: complete, in step with what is asked for, with a hash for every file, and installable."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2]
EXTRAS = ("bigquery.in", "celery.in", "demo.in", "embedded.in", "kubernetes.in", "postgres.in")
INSTALLED = {
    **dict.fromkeys(("requirements.in", *EXTRAS), "requirements.txt"),
    "onnx.in": "requirements-onnx.txt",
    "dev.in": "requirements-dev.txt",
}
# those of the image for a team are not in the environment that runs these tests
LOCKS = {**INSTALLED, "team.in": "requirements-team.txt"}


def asked(name: str) -> list[Requirement]:
    lines = (line.partition(" #")[0].strip() for line in (PROJECT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked(name: str) -> dict[str, tuple[str, int]]:
    """By package, its version and how many hashes stand behind it."""
    found: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", (PROJECT / name).read_text()):
        if entry.startswith("#"):
            continue
        requirement = Requirement(entry.partition("\\")[0].strip())
        version = re.fullmatch(r"==([^*]+)", str(requirement.specifier))
        assert version, f"{entry.splitlines()[0]} is not pinned"
        found[canonicalize_name(requirement.name)] = (version[1], entry.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize(("source", "lock"), LOCKS.items())
def test_every_direct_dependency_is_locked_at_a_version_that_it_allows(source: str, lock: str) -> None:
    versions = locked(lock)
    for requirement in asked(source):
        version, _ = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but {lock} has {version}: make lock"


@pytest.mark.parametrize("lock", sorted({*LOCKS.values()}))
def test_every_locked_package_has_hashes(lock: str) -> None:
    assert [name for name, (_, hashes) in locked(lock).items() if hashes == 0] == []


@pytest.mark.parametrize("source", LOCKS)
def test_every_direct_dependency_says_why_it_is_there(source: str) -> None:
    obvious = {"pytest", "ruff", "mypy"}
    lines = [line for line in (PROJECT / source).read_text().splitlines() if line and line[0] != "#"]
    assert [line for line in lines if " #" not in line and line not in obvious] == []


@pytest.mark.parametrize(("one", "other"), [*combinations(sorted({*LOCKS.values()}), 2)])
def test_two_locks_agree_where_they_overlap(one: str, other: str) -> None:
    ones, others = locked(one), locked(other)
    assert {name for name in ones.keys() & others.keys() if ones[name][0] != others[name][0]} == set()


@pytest.mark.parametrize(
    "name", [*sorted({*LOCKS, *LOCKS.values()}), "pyproject.toml", "Makefile", "Dockerfile"]
)
def test_no_file_chooses_where_packages_come_from(name: str) -> None:
    text = (PROJECT / name).read_text()
    assert (
        re.findall(r"https?://|file:|--(?:extra-)?index-url\b(?<!no-emit-index-url)|--find-links", text) == []
    )


def test_the_wheel_asks_for_what_is_locked() -> None:
    """Its dependencies and each extra are files of those that `make lock` reads, and none is left out."""
    setuptools = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["dynamic"]
    of_wheel = {*setuptools["dependencies"]["file"]}
    of_wheel |= {name for extra in setuptools["optional-dependencies"].values() for name in extra["file"]}
    assert of_wheel == {"requirements.in", *EXTRAS, "onnx.in"}
    makefile = (PROJECT / "Makefile").read_text()
    assert re.findall(r"^EXTRAS := (.*)$", makefile, re.MULTILINE) == [" ".join(EXTRAS)]


def test_the_package_itself_is_built_with_what_the_lock_holds() -> None:
    """`make` installs the checkout without build isolation, so the build's needs must be locked too."""
    build = tomllib.loads((PROJECT / "pyproject.toml").read_text())["build-system"]["requires"]
    versions = locked("requirements.txt")
    for requirement in map(Requirement, build):
        assert requirement.specifier.contains(versions[requirement.name][0])


def test_what_is_installed_is_what_is_locked() -> None:
    """The environment that runs these tests was made from the locks; otherwise they prove little."""
    from importlib.metadata import distributions

    have = {canonicalize_name(found.metadata["Name"]): found.version for found in distributions()}
    wanted = {name: found for lock in INSTALLED.values() for name, found in locked(lock).items()}
    differs = {
        name: (have.get(name), version) for name, (version, _) in wanted.items() if have.get(name) != version
    }
    assert differs == {}, "make venv"


@pytest.mark.slow
def test_the_lock_resolves_into_an_empty_environment(tmp_path: Path) -> None:
    """A missing package, hash or conflict would be refused here: with hashes nothing may be left open."""
    uv = shutil.which("uv") or PROJECT / ".uv" / "bin" / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    done = subprocess.run(
        [uv, "pip", "install", "--dry-run", "--require-hashes", "--python", tmp_path / "venv"]
        + [part for lock in sorted({*LOCKS.values()}) for part in ("-r", PROJECT / lock)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wanted = {name: found for lock in LOCKS.values() for name, found in locked(lock).items()}
    assert f"Would install {len(wanted)} packages" in done.stderr
