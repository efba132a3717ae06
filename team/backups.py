"""Backups of a stack: Airflow's metadata and, of the local GCS server, its objects.

A backup is a folder: `airflow.dump`, `gcs.tar` where the buckets are local, and `backup.json`, which is
written last and names both by hash. The database is read first, in one snapshot; the objects after it, with
the server stopped meanwhile; running tasks wait for it up to CKPT_OPS_STORE_DEADLINE seconds. So the objects
are never older than Airflow's view of them: what it takes for unfinished may be done, but never the other way
round.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ckpt_ops.documents import BadDocument, DocumentKind, parse, read_as
from ckpt_ops.errors import BadInput, Corrupt, TerminalError, TransientError
from team import gcs_volume
from team.stack import Stack

DUMP, OBJECTS, MANIFEST = "airflow.dump", "gcs.tar", "backup.json"
Report = Callable[[str], None]
_DOCUMENT = DocumentKind(
    what="list of a backup",
    implicit=True,
    indent=2,
    sort_keys=False,
    newline=True,
)

_PG_DUMP = ("exec", "-T", "postgres", "pg_dump", "-U", "airflow", "--format=custom", "airflow")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds.

    Args:
        made: when, in ISO 8601.
        revision: of the database's tables, which tells the version of Airflow.
        key: fingerprint of the key by which the database's connections are encrypted.
        store: CKPT_OPS_STORE.
        files: SHA-256 by name.
    """

    made: str
    revision: str
    key: str
    store: str
    files: dict[str, str]

    @classmethod
    def read(cls, backup: Path) -> Manifest:
        """The manifest of a backup.

        Raises:
            Corrupt: it is not what `backup` wrote.
        """
        path = backup / MANIFEST
        try:
            found = read_as(cls, _DOCUMENT.upgraded(parse(path.read_bytes()), name=str(path)))
            found.files[DUMP]
        except (BadDocument, KeyError):
            raise Corrupt(
                f"{path} is not what `make backup` writes",
                safe="the stack was not touched",
                next="use another backup, or another copy of this one",
            ) from None
        return found


def backup(stack: Stack, folder: Path, report: Report) -> Path:
    """Save the stack's state; it goes on running.

    Args:
        folder: the backup becomes a folder in it, named after the time.

    Returns:
        The new folder; it is there whole or not at all.

    Raises:
        TerminalError: the stack is not running, or a part could not be read.
    """
    stack.require_engine()
    if not stack.runs("postgres"):
        raise TerminalError("the stack is not running", safe="nothing was written", next="make up-team")
    made = datetime.now(UTC)
    final = folder / f"{made:%Y-%m-%dT%H-%M-%SZ}"
    for cut_off in folder.glob(".*Z"):
        shutil.rmtree(cut_off)
    partial = folder / f".{final.name}"
    partial.mkdir(parents=True, mode=0o700)
    try:
        manifest = _save_all(stack, partial, made, report)
        (partial / MANIFEST).write_bytes(_DOCUMENT.encode(manifest))
        partial.rename(final)
        os.sync()
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def choose(folder: Path, asked: Path | None) -> Path:
    """The backup that was asked for.

    Raises:
        BadInput: none was, or it is no backup; the message lists those that are there.
    """
    there = sorted(path.parent.name for path in folder.glob(f"[!.]*/{MANIFEST}"))
    allowed = f"one of {', '.join(there)}" if there else "a backup; there is none yet: make backup"
    if asked is None:
        raise BadInput("BACKUP", "", allowed, next="make restore BACKUP=NAME")
    found = asked if (asked / MANIFEST).exists() else folder / asked.name
    if not (found / MANIFEST).exists():
        raise BadInput("BACKUP", str(asked), allowed, next="make restore BACKUP=NAME")
    return found


def sha256(path: Path) -> str:
    """The hash of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(stack: Stack) -> str:
    """Tells one Fernet key from another, and reveals neither."""
    key = stack.variables.get("AIRFLOW_FERNET_KEY", "")
    return hashlib.sha256(b"ckpt_ops backup" + key.encode()).hexdigest()[:16]


def _save_all(stack: Stack, folder: Path, made: datetime, report: Report) -> Manifest:
    files = {DUMP: _save(folder / DUMP, report, stack, *_PG_DUMP)}
    if stack.has_local_gcs:
        files[OBJECTS] = _save_objects(stack, folder / OBJECTS, report)
    return Manifest(
        made=made.isoformat(timespec="seconds"),
        revision=stack.psql("airflow", "SELECT version_num FROM alembic_version"),
        key=fingerprint(stack),
        store=stack.variables["CKPT_OPS_STORE"],
        files=files,
    )


def _save_objects(stack: Stack, path: Path, report: Report) -> str:
    try:
        stack.compose("stop", "gcs", quiet=True)  # inside `try`: it takes seconds and may be interrupted, too
        saved = _save(path, report, stack, *gcs_volume.script(gcs_volume.PACK))
        if stack.runs("gcs"):
            raise TransientError(
                "something started the GCS server while its objects were read",
                safe="nothing was changed, and no backup was written",
                next="make backup again; meanwhile use `docker compose run` with --no-deps only",
            )
    finally:
        stack.compose("start", "gcs", quiet=True)
    return saved


def _save(path: Path, report: Report, stack: Stack, *arguments: str) -> str:
    began = time.monotonic()
    with path.open("xb") as file:
        stack.compose(*arguments, stdout=file, quiet=True)
        os.fsync(file.fileno())
    report(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB in {time.monotonic() - began:.1f} s")
    return sha256(path)
