"""The GCS API server of `ckpt_ops.embedded.gcs` as a process of this machine: started, awaited, stopped."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from ckpt_ops.embedded import ports
from ckpt_ops.embedded.gcs.guard import SECRET_VARIABLE, USER
from ckpt_ops.embedded.process import Child, Command
from ckpt_ops.embedded.secret_files import gcs_secret
from ckpt_ops.embedded.settings import GCS_PORT_VARIABLE, HOST
from ckpt_ops.store.endpoint import Endpoint

BUCKETS = ("ckpt-ops", "ckpt-ops-landing")


class GcsServer:
    """The server, its data in `home/gcs`; a context manager.

    What it acknowledged is in files and survives a stop, a kill or a restart.

    Args:
        home: the platform's home; data goes to `gcs/`, the log to `logs/gcs.log`.
        port: TCP port on 127.0.0.1; 0 chooses a free one.
        environ: the server's environment; only the PATH by default.
        users: a file; once no process holds a shared lock on it, the server ends by itself.
    """

    def __init__(
        self,
        home: Path,
        port: int = 0,
        *,
        environ: dict[str, str] | None = None,
        users: Path | None = None,
    ) -> None:
        self.home = home
        self.port = port
        self._environ = {"PATH": os.defpath} if environ is None else environ
        self._users = users
        self.child: Child | None = None

    @property
    def endpoint(self) -> str:
        """The value for STORAGE_EMULATOR_HOST; it holds the secret."""
        return endpoint(self.home, self.port)

    def start(self, *, buckets: Iterable[str] = BUCKETS) -> None:
        """Start it with these buckets, and wait until it answers.

        Raises:
            BadInput: the port is busy.
            ComponentFailed: the server did not come up.
        """
        if self.port:
            ports.require_free(self.port, GCS_PORT_VARIABLE)
        else:
            self.port = ports.free_port()
        argv = [sys.executable, "-m", "ckpt_ops.embedded.gcs", "--root", str(self.home / "gcs")]
        argv += ["--listen", HOST, "--port", str(self.port)]
        argv += [f"--bucket={bucket}" for bucket in buckets]
        if self._users is not None:
            argv += ["--users", str(self._users)]
        # this code's folder first, whatever the working directory and whatever else is on the path
        path = [str(Path(__file__).parents[2]), self._environ.get("PYTHONPATH", "")]
        self.child = Child(
            command=Command(
                name="gcs",
                argv=tuple(argv),
                environment=self._environ
                | {
                    SECRET_VARIABLE: gcs_secret(self.home),
                    "PYTHONPATH": os.pathsep.join(filter(None, path)),
                },
                cwd=self.home,
                log=self.home / "logs" / "gcs.log",
                record=self.home / "run" / "gcs.json",
            )
        )
        try:
            self.child.start()
            self.child.wait_ready(self.answers)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; its data stays."""
        if self.child is not None:
            self.child.stop()

    def create_bucket(self, name: str) -> None:
        """Make sure that a bucket exists. Raises as the function of that name."""
        create_bucket(self.endpoint, name)

    def answers(self) -> bool:
        """Whether it takes requests now."""
        return answers(f"http://{HOST}:{self.port}")

    def __enter__(self) -> GcsServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def endpoint(home: Path, port: int) -> str:
    """How clients reach the server of `home`: the value for STORAGE_EMULATOR_HOST."""
    return f"http://{USER}:{gcs_secret(home)}@{HOST}:{port}"


def answers(url: str) -> bool:
    """Whether a server of this kind is there."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def create_bucket(endpoint: str, name: str, *, seconds: float = 10.0) -> None:
    """Make sure that a bucket exists on a server of this kind.

    Args:
        endpoint: as in STORAGE_EMULATOR_HOST.
        seconds: to wait for its answer.

    Raises:
        urllib.error.HTTPError: it refused.
        OSError: it gave no answer.
    """
    server = Endpoint.parse(endpoint)
    request = urllib.request.Request(
        f"{server.url}/storage/v1/b?project=ckpt-ops",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json", **server.headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds):
            pass
    except urllib.error.HTTPError as error:
        if error.code != 409:  # 409: it exists
            raise
