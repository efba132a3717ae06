"""Airflow's metadata: whose version its tables have, and bringing an empty database up."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

from ckpt_ops.errors import TerminalError

UPGRADE = "yes"


def revision() -> str | None:
    """Which migration the database is at; None for one without Airflow's tables.

    Raises:
        TerminalError: the database refuses the connection.
    """
    from airflow.configuration import conf
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import OperationalError

    engine = create_engine(conf.get("database", "sql_alchemy_conn"))
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = MigrationContext.configure(connection).get_current_revision()
            return found
    except OperationalError as error:
        why = str(error.orig).strip().splitlines()[0]
        raise TerminalError(
            f"PostgreSQL refuses the connection: {why}",
            safe="nothing was written",
            next="POSTGRES_PASSWORD in .env must be the one the database was made with: put it back, "
            "or change it in both places (docs/deploy.md, `Change a secret`)",
        ) from None
    finally:
        engine.dispose()


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
            f"the database is of a newer Airflow than this image's {here}: its revision {found} is unknown",
            safe="the database was not touched",
            next="start the image that it was made with (CKPT_OPS_IMAGE in .env), or `make restore` a backup "
            f"of Airflow {here}",
        )
    if not upgrade:
        theirs = getattr(script.module, "airflow_version", "an older version")
        raise TerminalError(
            f"the database is of Airflow {theirs}, this image has {here}",
            safe="the database was not touched",
            next=f"make backup; then make up-team CKPT_OPS_UPGRADE={UPGRADE} migrates it, "
            "and there is no way back but the backup",
        )


def main(arguments: list[str]) -> int:
    """`python -m team.metadata REVISION`: whether this image can run a database at that revision."""
    try:
        require_same_version(arguments[0], upgrade=True)
    except TerminalError as error:
        print(error)
        return 1
    return 0


def migrate() -> None:
    """Create or upgrade the tables, those of the users too; nothing to do is fine.

    Raises:
        TerminalError: Airflow refused.
    """
    _airflow("db", "migrate", what="`airflow db migrate` failed")


def create_admin(password: str) -> None:
    """The user `admin`, if there is none; a password that was changed stays."""
    details = ("--role=Admin", "--email=admin@localhost", "--firstname=Admin", "--lastname=Admin")
    _airflow(
        "users",
        "create",
        "--username=admin",
        f"--password={password}",
        *details,
        what="no user `admin` was made",
    )


def _airflow(*arguments: str, what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        ending = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-20:])
        raise TerminalError(
            f"{what} (exit code {done.returncode}); it said at last:\n{ending}",
            safe="PostgreSQL undoes an unfinished migration",
            next="read the lines above",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
