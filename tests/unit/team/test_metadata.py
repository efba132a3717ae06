"""Whose version the tables have, asked of Airflow's own migrations, and the first user.

In one process, for Airflow is slow.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.embedded.ports import free_port

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[3]

CASES = """
import io, json, os, sqlite3, sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from alembic.config import Config
from alembic.script import ScriptDirectory
from ckpt_ops.errors import TerminalError
from team import metadata, preflight
import airflow

folder, port = Path(sys.argv[1]), sys.argv[2]
location = str(Path(airflow.__file__).parent / "migrations")
scripts = ScriptDirectory.from_config(Config(config_args={"script_location": location}))
head = scripts.get_current_head()
older = next(each for each in scripts.walk_revisions() if each.module.airflow_version.startswith("2."))

def required(found, upgrade):
    try:
        metadata.require_same_version(found, upgrade=upgrade)
    except TerminalError as error:
        return {"what": error.what, "safe": error.safe, "next": error.next}
    return "good"

def revision(address):
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = address
    try:
        return metadata.revision()
    except TerminalError as error:
        return {"what": error.what, "safe": error.safe, "next": error.next}

with sqlite3.connect(folder / "old.db") as database:
    database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    database.execute("INSERT INTO alembic_version VALUES (?)", [older.revision])

def main(found, **variables):
    os.environ.update(variables)
    with redirect_stdout(io.StringIO()) as said:
        code = metadata.main([found])
    for name in variables:
        del os.environ[name]
    return [code, said.getvalue()]

def created(*users):
    # what `airflow` was called with, and what it read; nothing where it was not called
    address = folder / f"{len(users)}.db"
    with sqlite3.connect(address) as database:
        database.execute("CREATE TABLE ab_user (username VARCHAR(32))")
        database.executemany("INSERT INTO ab_user VALUES (?)", [[user] for user in users])
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{address}"
    called, real = folder / "called", sys.executable
    called.unlink(missing_ok=True)
    sys.executable = str(folder / "airflow")
    try:
        metadata.create_admin("hunter2-hunter2")
    finally:
        sys.executable = real
    return called.read_text().splitlines() if called.exists() else []

(folder / "airflow").write_text(f'#!/bin/sh\\necho "$*" > {folder}/called; cat >> {folder}/called\\n')
(folder / "airflow").chmod(0o700)

admin = {"nobody": created(), "another": created("ada"), "admin": created("admin", "ada")}
databases = {
    "empty": revision(f"sqlite:///{folder}/empty.db"),
    "old": revision(f"sqlite:///{folder}/old.db"),
    "refusing": revision(f"postgresql+psycopg2://airflow:hunter2-hunter2@127.0.0.1:{port}/airflow"),
}
print(json.dumps({
    "here": version("apache-airflow-core"),
    "head": head,
    "older": [older.revision, older.module.airflow_version],
    "required": {
        f"{name}, {'upgrade' if upgrade else 'as it is'}": required(found, upgrade)
        for name, found in {
            "empty": None, "head": head, "older": older.revision, "unknown": "ffffffffffff"
        }.items()
        for upgrade in (False, True)
    },
    "databases": databases,
    "main": {
        "head": main(head),
        "older": main(older.revision),
        "older, upgrade": main(older.revision, CKPT_OPS_UPGRADE="yes"),
        "older, something": main(older.revision, CKPT_OPS_UPGRADE="no"),
        "unknown, upgrade": main("ffffffffffff", CKPT_OPS_UPGRADE="yes"),
    },
    "admin": admin,
    "preflight": preflight.main(dict(os.environ)),
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, clean_environment: dict[str, str]) -> Any:
    """What each case came to; and, under "lines", what `preflight` printed while the database refuses."""
    from team import env_file

    folder = tmp_path_factory.mktemp("metadata")
    env_file.complete(folder / ".env")
    done = subprocess.run(
        [sys.executable, "-c", CASES, str(folder), str(free_port())],
        env={
            **clean_environment,
            **env_file.read(folder / ".env"),
            "AIRFLOW_HOME": str(folder),
            "PYTHONPATH": str(PROJECT),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *lines, answer = done.stdout.splitlines()
    return {**json.loads(answer), "lines": lines}


@pytest.mark.parametrize("case", ["empty, as it is", "head, as it is", "empty, upgrade", "head, upgrade"])
def test_an_empty_database_and_one_of_this_airflow_are_good(found: Any, case: str) -> None:
    assert found["required"][case] == "good"


def test_an_older_one_waits_until_a_person_asks_for_the_upgrade(found: Any) -> None:
    refused = found["required"]["older, as it is"]
    _, theirs = found["older"]
    assert refused["what"] == f"the database belongs to Airflow {theirs}, this image has {found['here']}"
    assert "make backup" in refused["next"]
    assert "CKPT_OPS_UPGRADE=yes" in refused["next"]
    assert found["required"]["older, upgrade"] == "good"


@pytest.mark.parametrize("asked", ["as it is", "upgrade"])
def test_a_newer_one_is_refused_whatever_was_asked_for(found: Any, asked: str) -> None:
    refused = found["required"][f"unknown, {asked}"]
    assert "to a newer Airflow" in refused["what"]
    assert refused["safe"] == "the database was not touched"


def test_the_revision_is_read_from_the_database(found: Any) -> None:
    assert found["databases"]["empty"] is None
    assert found["databases"]["old"] == found["older"][0]


def test_a_database_that_refuses_says_why_and_never_the_password(found: Any) -> None:
    refused = found["databases"]["refusing"]
    assert "Connection refused" in refused["what"]
    assert "POSTGRES_PASSWORD" in refused["next"]
    assert "hunter2" not in json.dumps(refused)


@pytest.mark.parametrize(
    ("case", "code"),
    [("head", 0), ("older", 1), ("older, something", 1), ("older, upgrade", 0), ("unknown, upgrade", 1)],
)
def test_a_restore_is_told_what_preflight_would_say_of_the_backup(found: Any, case: str, code: int) -> None:
    """With the same word for an upgrade: else the stack would be stopped, and not start again."""
    ended, said = found["main"][case]
    assert ended == code
    assert said.startswith("the database belongs to") == bool(code), "its first line is what is passed on"


class TestAdmin:
    def test_is_made_where_there_is_no_user_and_its_password_stands_on_no_command_line(
        self, found: Any
    ) -> None:
        """Whoever is on the machine can read a command line."""
        called, *answers = found["admin"]["nobody"]
        assert called.startswith("-m airflow users create --username=admin --role=Admin")
        assert "hunter2" not in called
        assert answers == ["hunter2-hunter2"] * 2

    @pytest.mark.parametrize("case", ["another", "admin"])
    def test_that_was_renamed_or_removed_does_not_come_back(self, found: Any, case: str) -> None:
        assert found["admin"][case] == []


def test_preflight_ends_there(found: Any) -> None:
    """Nothing after it ran: neither a bucket was written to, nor a table made."""
    assert found["preflight"] == 1
    said = [line for line in found["lines"] if line.startswith("preflight: ")]
    assert [line.split()[1:3] for line in said] == [["secrets", "good"], ["database", "refused."]]
