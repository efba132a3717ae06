"""Airflow's metadata: the version of its tables, and the setup of an empty database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from ckpt_ops.errors import TerminalError

UPGRADE = "yes"


def revision() -> str | None:
    """Which migration the database is at; None for one without Airflow's tables.

    Raises:
        TerminalError: the database refuses the connection.
    """
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import inspect

    with _connection() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = MigrationContext.configure(connection).get_current_revision()
        return found


def require_same_version(found: str | None, *, upgrade: bool) -> None:
    """Refuse a database of another Airflow, unless it is older and an upgrade was asked for.

    Args:
        found: from `revision`.
        upgrade: whether a person wants an older database migrated; there is no way back but a backup.

    Raises:
        TerminalError: naming both versions.
    """
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    scripts = ScriptDirectory.from_config(
        Config(config_args={"script_location": str(files("airflow") / "migrations")})
    )
    if found is None or found == scripts.get_current_head():
        return
    here = version("apache-airflow-core")
    try:
        script = scripts.get_revision(found)
    except CommandError:
        script = None
    if script is None:
        raise TerminalError(
            f"the database belongs to a newer Airflow than this image's {here}: revision {found} is unknown",
            safe="the database was not touched",
            next="start the image that it was made with (CKPT_OPS_IMAGE in .env), or `make restore` a backup "
            f"of Airflow {here}",
        )
    if not upgrade:
        theirs = getattr(script.module, "airflow_version", "an older version")
        raise TerminalError(
            f"the database belongs to Airflow {theirs}, this image has {here}",
            safe="the database was not touched",
            next=f"make backup; then make up-team CKPT_OPS_UPGRADE={UPGRADE} migrates it, "
            "and only the backup leads back",
        )


def main(arguments: list[str]) -> int:
    """`python -m team.metadata REVISION`: whether this image would start on a database at that revision."""
    try:
        require_same_version(arguments[0], upgrade=os.environ.get("CKPT_OPS_UPGRADE") == UPGRADE)
    except TerminalError as error:
        print(error)
        return 1
    return 0


def migrate() -> None:
    """Create or upgrade the tables, those of users, too, where needed.

    Raises:
        TerminalError: Airflow failed.
    """
    _airflow("db", "migrate", what="`airflow db migrate` failed")


def create_admin(password: str) -> None:
    """Create the user `admin` if there are no users: once renamed or removed, it does not come back."""
    from sqlalchemy import text

    with _connection() as connection:
        if connection.execute(text("SELECT count(*) FROM ab_user")).scalar():
            return
    details = ("--role=Admin", "--email=admin@localhost", "--firstname=Admin", "--lastname=Admin")
    # it asks for the password twice; on its command line others could see it
    answers = f"{password}\n{password}\n"
    _airflow(
        "users",
        "create",
        "--username=admin",
        *details,
        what="the user `admin` was not created",
        answers=answers,
    )


@contextmanager
def _connection() -> Iterator[Any]:
    from airflow.configuration import conf
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    engine = create_engine(conf.get("database", "sql_alchemy_conn"))
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        why = str(error.orig).strip().splitlines()[0]
        raise TerminalError(
            f"PostgreSQL refuses the connection: {why}",
            safe="nothing was written",
            next="POSTGRES_PASSWORD in .env must be the one the database was made with: put it back, "
            "or change it in both places (docs/how-to/deploy.md, `Change a secret`)",
        ) from None
    finally:
        engine.dispose()


def _airflow(*arguments: str, what: str, answers: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        input=answers,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,  # without a terminal, it reads the answers from standard input
    )
    if done.returncode:
        ending = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-20:])
        raise TerminalError(
            f"{what} (exit code {done.returncode}); its last lines:\n{ending}",
            safe="PostgreSQL undoes an unfinished migration",
            next="read the lines above",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
