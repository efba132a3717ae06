"""Backups of a stack: Airflow's metadata and, of the local GCS server, its objects.

A backup is a folder: `airflow.dump`, `gcs.tar` where the buckets are local, and `backup.json`, which is
written last and names both by hash. The database is read first, in one snapshot; the objects after it, with
the server stopped for that moment, which running tasks wait out. So the objects are never older than what
Airflow believes of them: what Airflow takes for unfinished may be done, and never the other way round.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ckpt_ops.errors import BadInput, Corrupt, TerminalError
from team.stack import Stack

DUMP, OBJECTS, MANIFEST = "airflow.dump", "gcs.tar", "backup.json"
Report = Callable[[str], None]

_RESTORED, _REPLACED = "airflow_restored", "airflow_replaced"

# The server keeps what it knows of an object in an extended attribute of its file.
_PACK = "cd /opt/airflow/gcs && exec tar --create --xattrs --xattrs-include='user.*' --file=- objects"
_UNPACK = """set -e
cd /opt/airflow/gcs
rm -rf restored
mkdir restored
tar --extract --xattrs --xattrs-include='user.*' --file=- --directory=restored
"""
_SWAP = """set -e
cd /opt/airflow/gcs
rm -rf replaced
mv objects replaced
mv restored/objects objects
rm -rf restored replaced
"""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds.

    Args:
        made: when, in ISO 8601.
        revision: of the database's tables: which Airflow they are of.
        key: fingerprint of the key by which the database's connections are encrypted.
        store: CKPT_OPS_STORE.
        files: SHA-256 by name.
    """

    made: str
    revision: str
    key: str
    store: str
    files: dict[str, str]


def backup(stack: Stack, folder: Path, report: Report) -> Path:
    """Save what the stack knows; it goes on running.

    Args:
        folder: the backup becomes a folder in it, named after the time.

    Returns:
        The new folder; it is there whole or not at all.

    Raises:
        TerminalError: the stack does not run, or a part could not be read.
    """
    stack.require_engine()
    if not stack.runs("postgres"):
        raise TerminalError("the stack does not run", safe="nothing was written", next="make up-team")
    made = datetime.now(UTC)
    final = folder / f"{made:%Y-%m-%dT%H-%M-%SZ}"
    partial = folder / f".{final.name}.{os.getpid()}"
    partial.mkdir(parents=True, mode=0o700)
    try:
        manifest = _save_all(stack, partial, made, report)
        (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial)
        raise
    return final


def _save_all(stack: Stack, folder: Path, made: datetime, report: Report) -> Manifest:
    files = {DUMP: _save(folder / DUMP, report, stack, "exec", "-T", "postgres", *_PG_DUMP)}
    if stack.has_local_gcs:
        stack.compose("stop", "gcs", quiet=True)
        try:
            files[OBJECTS] = _save(folder / OBJECTS, report, stack, *_in_gcs(_PACK))
        finally:
            stack.compose("start", "gcs", quiet=True)
    return Manifest(
        made=made.isoformat(timespec="seconds"),
        revision=stack.exec("postgres", *_psql("airflow", "SELECT version_num FROM alembic_version")).strip(),
        key=_fingerprint(stack),
        store=stack.variables["CKPT_OPS_STORE"],
        files=files,
    )


def choose(folder: Path, asked: Path | None) -> Path:
    """The backup that was asked for.

    Raises:
        BadInput: none was, or it is no backup; the message lists those that are there.
    """
    there = sorted(path.parent.name for path in folder.glob(f"[!.]*/{MANIFEST}"))
    allowed = f"one of {', '.join(there)}" if there else "a backup, and there is none: make backup"
    if asked is None:
        raise BadInput("BACKUP", "", allowed, next="make restore BACKUP=NAME")
    found = asked if (asked / MANIFEST).exists() else folder / asked.name
    if not (found / MANIFEST).exists():
        raise BadInput("BACKUP", str(asked), allowed, next="make restore BACKUP=NAME")
    return found


def restore(stack: Stack, backup: Path, report: Report) -> None:
    """Put the backup in the place of what the stack knows now, and leave the stack down.

    Database and objects are read in whole beside what is there, and swapped at the end: the database first,
    so that objects are never older than it. Stopped half-way, the same command does it again.

    Raises:
        Corrupt: a file is not the one that was saved.
        TerminalError: the backup is of another store or another key.
    """
    manifest = _manifest(backup)
    _require_fitting(stack, backup, manifest)
    stack.require_engine()
    stack.build(report)
    _require_known(stack, manifest)
    report("stopping the stack")
    stack.compose("down", quiet=True)
    stack.compose("up", "-d", "postgres", "redis", quiet=True)
    _wait_for_postgres(stack)
    stack.exec("redis", "redis-cli", "flushall")  # messages of tasks that will never have been asked for
    report(f"reading {DUMP}")
    for statement in (f"DROP DATABASE IF EXISTS {_RESTORED} WITH (FORCE)", f"CREATE DATABASE {_RESTORED}"):
        stack.exec("postgres", *_psql("postgres", statement))
    with (backup / DUMP).open("rb") as dump:
        options = ("--exit-on-error", "--single-transaction", "--no-owner")
        stack.compose(
            *("exec", "-T", "postgres", "pg_restore", "-U", "airflow", f"--dbname={_RESTORED}", *options),
            stdin=dump,
            quiet=True,
        )
    if OBJECTS in manifest.files:
        report(f"reading {OBJECTS}")
        with (backup / OBJECTS).open("rb") as objects:
            stack.compose(*_in_gcs(_UNPACK), stdin=objects, quiet=True)
    report("swapping")
    for statement in (
        f"DROP DATABASE IF EXISTS {_REPLACED} WITH (FORCE)",
        f"ALTER DATABASE airflow RENAME TO {_REPLACED}; ALTER DATABASE {_RESTORED} RENAME TO airflow",
        f"DROP DATABASE {_REPLACED} WITH (FORCE)",
    ):
        stack.exec("postgres", *_psql("postgres", statement))
    if OBJECTS in manifest.files:
        stack.compose(*_in_gcs(_SWAP), quiet=True)


_PG_DUMP = ("pg_dump", "-U", "airflow", "--format=custom", "airflow")


def _psql(database: str, statement: str) -> tuple[str, ...]:
    return ("psql", "-U", "airflow", "-d", database, "-qtA", "-v", "ON_ERROR_STOP=1", "-c", statement)


def _in_gcs(script: str) -> tuple[str, ...]:
    """Arguments to run a script beside the server's volume while the server is stopped."""
    return ("run", "--rm", "-T", "--no-deps", "--entrypoint", "bash", "gcs", "-c", script)


def _save(path: Path, report: Report, stack: Stack, *arguments: str) -> str:
    began = time.monotonic()
    with path.open("xb") as file:
        stack.compose(*arguments, stdout=file, quiet=True)
        os.fsync(file.fileno())
    report(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB in {time.monotonic() - began:.1f} s")
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(stack: Stack) -> str:
    """Tells one key from another, and nothing of either."""
    return hashlib.sha256(
        b"ckpt_ops backup" + stack.variables.get("AIRFLOW_FERNET_KEY", "").encode()
    ).hexdigest()[:16]


def _manifest(backup: Path) -> Manifest:
    try:
        return Manifest(**json.loads((backup / MANIFEST).read_text()))
    except (ValueError, TypeError):
        raise Corrupt(
            f"{backup / MANIFEST} is not what `make backup` writes",
            safe="the stack was not touched",
            next="take another backup, or another copy of this one",
        ) from None


def _require_fitting(stack: Stack, backup: Path, manifest: Manifest) -> None:
    for name, expected in manifest.files.items():
        if not (backup / name).exists() or _sha256(backup / name) != expected:
            raise Corrupt(
                f"{backup / name} is not what was saved on {manifest.made}",
                safe="the stack was not touched",
                next="take another backup, or another copy of this one",
            )
    if manifest.key != _fingerprint(stack):
        raise TerminalError(
            "AIRFLOW_FERNET_KEY in .env is another than when the backup was made: connections would be lost",
            safe="the stack was not touched",
            next="put back the .env of that time",
        )
    if manifest.store != stack.variables.get("CKPT_OPS_STORE") or (
        (OBJECTS in manifest.files) != stack.has_local_gcs
    ):
        raise TerminalError(
            f"the backup is of CKPT_OPS_STORE={manifest.store}"
            f"{' in the local GCS server' if OBJECTS in manifest.files else ''}, .env has another",
            safe="the stack was not touched",
            next="put back the .env of that time",
        )


def _require_known(stack: Stack, manifest: Manifest) -> None:
    """Ask the image whether it knows the backup's tables; the next start settles whether to migrate them."""
    question = (
        "run",
        "--rm",
        "-T",
        "--no-deps",
        "preflight",
        "python",
        "-m",
        "team.metadata",
        manifest.revision,
    )
    done = stack.compose(*question, check=False, quiet=True)
    if done.returncode:
        said = (done.stdout or done.stderr).decode().strip().splitlines()
        raise TerminalError("the backup can't be used with this image:\n" + "\n".join(f"  {x}" for x in said))


def _wait_for_postgres(stack: Stack, *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    command = ("exec", "-T", "postgres", "pg_isready", "--quiet", "-h", "127.0.0.1", "-d", "airflow")
    while stack.compose(*command, check=False, quiet=True).returncode:
        if time.monotonic() > deadline:
            raise TerminalError(
                f"PostgreSQL was not ready after {seconds:g} s",
                safe="nothing was restored",
                next="docker compose logs postgres",
            )
        time.sleep(0.5)
