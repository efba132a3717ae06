"""The objects of a platform that is down: the first command starts their server, the last one ends it.

Each command holds a shared lock on the home's lock file for as long as it runs, and a platform an exclusive
one, so neither begins while the other runs. The server watches the lock, too: once no command holds it,
however the last one ended, the server ends by itself.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_ops.embedded import gcs_server, leftovers
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.embedded.settings import HOST


@contextmanager
def shared_server(home: Path) -> Iterator[str]:
    """A server of the objects in `home` while the block runs; gives the value for STORAGE_EMULATOR_HOST.

    Raises:
        AlreadyRunning: a platform owns the home.
        ComponentFailed: the server did not come up.
    """
    run_dir = home / "run"
    with leftovers.share(run_dir), (run_dir / "gcs.starting").open("a+") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)  # one starts it; others that come meanwhile find it
        port = _running(run_dir)
        if port is None:
            server = GcsServer(home, users=run_dir / leftovers.LOCK)
            server.start()
            port = server.port
            (run_dir / "gcs.port").write_text(f"{port}\n")
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield gcs_server.endpoint(home, port)


def _running(run_dir: Path) -> int | None:
    left = leftovers.running(run_dir).get("gcs")
    if left is None:
        return None
    try:
        port = int((run_dir / "gcs.port").read_text())
        if gcs_server.answers(f"http://{HOST}:{port}"):
            return port
    except (OSError, ValueError):
        pass
    left.stop()  # from a command that was killed while starting it, or from an earlier version
    return None
