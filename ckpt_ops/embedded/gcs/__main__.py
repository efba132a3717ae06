"""`python -m ckpt_ops.embedded.gcs --root DIRECTORY`: run the server until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import IO

import uvicorn

from ckpt_ops.embedded.gcs.api import Api
from ckpt_ops.embedded.gcs.application import Application
from ckpt_ops.embedded.gcs.confinement import become, confine
from ckpt_ops.embedded.gcs.former_layout import take_over
from ckpt_ops.embedded.gcs.guard import SECRET_VARIABLE, Guard
from ckpt_ops.embedded.gcs.names import bucket_name
from ckpt_ops.embedded.gcs.objects import Objects
from ckpt_ops.embedded.gcs.refusals import Refused
from ckpt_ops.embedded.system_user import let_pass, unprivileged

HOSTS = ("127.0.0.1", "localhost", "[::1]")
_LOOK_SECONDS = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ckpt_ops.embedded.gcs", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds every object")
    parser.add_argument("--listen", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4443)
    parser.add_argument("--host", action="append", default=[], help="another host name that requests may use")
    parser.add_argument("--bucket", action="append", default=[], help="make sure that this bucket exists")
    parser.add_argument(
        "--users", type=Path, help="end by itself once no process holds a shared lock on this file any more"
    )
    given = parser.parse_args(arguments)
    secret = os.environ.pop(SECRET_VARIABLE, "")
    try:
        guard = Guard(secret, hosts=(*HOSTS, *given.host))
    except ValueError as error:
        return _fail(f"{SECRET_VARIABLE}: {error}")
    try:
        listening = socket.create_server(
            (given.listen, given.port), family=socket.AF_INET6 if ":" in given.listen else socket.AF_INET
        )
    except OSError as error:
        return _fail(f"cannot listen on {given.listen}:{given.port}: {error.strerror}")
    root: Path = given.root.resolve()
    users = None if given.users is None else given.users.open("a+")
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        user = unprivileged(root)
        if user is not None:
            let_pass(root.parent)
            become(user, root)
        with Objects(root) as objects:
            moved = take_over(objects)
            if moved:
                print(f"took over {moved} objects of the former layout", flush=True)
            known = {name for name, _ in objects.buckets()}
            for name in sorted({*map(bucket_name, given.bucket)} - known):
                objects.create_bucket(name)
            return _serve(Application(Api(objects), guard), listening, root, users)
    except BlockingIOError:
        return _fail(f"another server uses {root}")
    except (Refused, OSError) as error:
        return _fail(str(error))


def _serve(application: Application, listening: socket.socket, root: Path, users: IO[str] | None) -> int:
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=3600,  # a pooled connection that is closed just as it is used looks like an outage
        timeout_graceful_shutdown=3,
    )
    config.load()
    server = uvicorn.Server(config)

    async def serve() -> None:
        looking = None if users is None else asyncio.create_task(_until_unused(server, users))
        await server.serve(sockets=[listening])
        if looking is not None:
            looking.cancel()

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.get_loop()  # the last import: from here on no file outside the root can be opened
        if not confine(root):
            print(
                "this kernel has no Landlock: files are protected by the user's permissions alone", flush=True
            )
        runner.run(serve())
    return 0


async def _until_unused(server: uvicorn.Server, users: IO[str]) -> None:
    """End once unused: users hold a shared lock, which the kernel releases however their process ends."""
    while not server.should_exit:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        server.should_exit = (
            True  # holding the lock: a command that comes now waits for the end and starts another
        )


def _fail(message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
