"""Replaces the stack's state with a backup: checked first, read in whole, then swapped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_ops.errors import CkptOpsError, Corrupt, TerminalError
from team import gcs_volume
from team.backups import DUMP, OBJECTS, Manifest, Report, fingerprint, sha256
from team.host_checks import require_startable
from team.stack import Stack

_RESTORED, _REPLACED = "airflow_restored", "airflow_replaced"
_PG_RESTORE = ("exec", "-T", "postgres", "pg_restore", "-U", "airflow", f"--dbname={_RESTORED}")
_WHOLE = ("--exit-on-error", "--single-transaction", "--no-owner")


def restore(stack: Stack, backup: Path, report: Report) -> None:
    """Replace the stack's state with the backup, and start the stack.

    The database is swapped before the objects: these are never older than Airflow's view of them. What was
    there is kept beside it until the stack is healthy again, or the next restore. If interrupted anywhere,
    the same call goes on.

    Raises:
        Corrupt: a file is not the one that was saved.
        TerminalError: the backup is of another store, key or a newer Airflow, or the stack could not start.
    """
    manifest = Manifest.read(backup)
    _require_fitting(stack, backup, manifest)
    require_startable(stack)
    stack.build(report)
    _require_known(stack, manifest)
    again = f"make restore BACKUP={backup} again"
    with _saying(safe="this try replaced nothing", next=f"make up-team starts what is there; or {again}"):
        report("stopping the stack")
        stack.compose("down", quiet=True)
        stack.compose("up", "-d", "--wait", "postgres", "redis", quiet=True)
        _read_in(stack, backup, manifest, report)
    with _saying(safe="the backup, and what was there before, are whole", next=again):
        report("swapping")
        _swap(stack, manifest)
    stack.start(report)
    stack.psql("postgres", f"DROP DATABASE {_REPLACED} WITH (FORCE)")
    if OBJECTS in manifest.files:
        stack.exec("gcs", "bash", "-c", gcs_volume.FORGET, "bash", gcs_volume.VOLUME)


def _read_in(stack: Stack, backup: Path, manifest: Manifest, report: Report) -> None:
    report(f"reading {DUMP}")
    for statement in (f"DROP DATABASE IF EXISTS {_RESTORED} WITH (FORCE)", f"CREATE DATABASE {_RESTORED}"):
        stack.psql("postgres", statement)
    with (backup / DUMP).open("rb") as dump:
        stack.compose(*_PG_RESTORE, *_WHOLE, stdin=dump, quiet=True)
    if OBJECTS in manifest.files:
        report(f"reading {OBJECTS}")
        with (backup / OBJECTS).open("rb") as objects:
            stack.compose(*gcs_volume.script(gcs_volume.UNPACK), stdin=objects, quiet=True)


def _swap(stack: Stack, manifest: Manifest) -> None:
    stack.psql("postgres", f"DROP DATABASE IF EXISTS {_REPLACED} WITH (FORCE)")
    # two statements sent together are one transaction
    stack.psql(
        "postgres",
        f"ALTER DATABASE airflow RENAME TO {_REPLACED}; ALTER DATABASE {_RESTORED} RENAME TO airflow",
    )
    if OBJECTS in manifest.files:
        stack.compose(*gcs_volume.script(gcs_volume.SWAP), quiet=True)
    # messages and results of tasks that the restored database does not know
    stack.exec("redis", "redis-cli", "-e", "flushall")


@contextmanager
def _saying(*, safe: str, next: str) -> Iterator[None]:
    """Adds to errors of Compose which state they leave behind."""
    try:
        yield
    except CkptOpsError as error:
        raise TerminalError(error.what, safe=safe, next=next) from error


def _require_fitting(stack: Stack, backup: Path, manifest: Manifest) -> None:
    for name, expected in manifest.files.items():
        if not (backup / name).exists() or sha256(backup / name) != expected:
            raise Corrupt(
                f"{backup / name} is not what was saved on {manifest.made}",
                safe="the stack was not touched",
                next="use another backup, or another copy of this one",
            )
    if manifest.key != fingerprint(stack):
        raise TerminalError(
            "AIRFLOW_FERNET_KEY in .env differs from the key of the backup: connections would be lost",
            safe="the stack was not touched",
            next="put back the .env of that time",
        )
    local = OBJECTS in manifest.files
    if manifest.store != stack.variables.get("CKPT_OPS_STORE") or local != stack.has_local_gcs:
        raise TerminalError(
            f"the backup is of CKPT_OPS_STORE={manifest.store}{' in the local GCS server' if local else ''}, "
            ".env has a different one",
            safe="the stack was not touched",
            next="put back the .env of that time",
        )


def _require_known(stack: Stack, manifest: Manifest) -> None:
    """Ask the image whether it would start on the backup's tables."""
    question = ("python", "-m", "team.metadata", manifest.revision)
    done = stack.compose("run", "--rm", "-T", "--no-deps", "preflight", *question, check=False, quiet=True)
    if done.returncode:
        lines = (done.stdout or done.stderr).decode().strip().splitlines()
        raise TerminalError(
            f"this image would not start on the backup: {lines[0] if lines else 'it gives no reason'}",
            safe="the stack was not touched",
            next="for an older backup, run the same with CKPT_OPS_UPGRADE=yes; for a newer one, with the "
            "code of its time",
        )
