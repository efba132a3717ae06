"""`python -m team env | up | down | backup | restore`: what `make` calls, beside docker-compose.yaml."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_ops.errors import CkptOpsError, TransientError
from team import backups, env_file, restoring
from team.host_checks import require_startable
from team.stack import Stack, find_compose

BACKUPS = Path("backups")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors say what happened, what is safe and what to do next."""
    asked = argparse.ArgumentParser(prog="python -m team", description=__doc__)
    commands = asked.add_subparsers(dest="command", required=True)
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=(does.__doc__ or "").splitlines()[0])
    commands.choices["restore"].add_argument("backup", type=Path, nargs="?", help="a folder below backups/")
    # a command that is asked to end cleans up first, as it does on Ctrl-C
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # as below `nohup`
            signal.signal(ending, lambda number, frame: sys.exit(128 + number))
    try:
        options = asked.parse_args(arguments)
        COMMANDS[options.command](options)
    except CkptOpsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def env(options: argparse.Namespace) -> None:
    """Write .env with fresh secrets, or add what it lacks."""
    path = Path.cwd() / ".env"
    there = path.exists()
    added = env_file.complete(path)
    if not there:
        print(f"{path} is written, with fresh secrets. Next: check it, then make up-team")
    else:
        print(f"{path} is kept; added: {', '.join(added) or 'nothing, it is complete'}")


def up(options: argparse.Namespace) -> None:
    """Build the image and start the stack; return when all of it is healthy."""
    stack = _stack()
    with _alone():
        require_startable(stack)
        stack.build(_report)
        stack.start(_report)
    password = "AIRFLOW_ADMIN_PASSWORD in .env, unless it was changed"
    print(f"\n  Airflow   {stack.address}\n  user      admin\n  password  {password}\n")


def down(options: argparse.Namespace) -> None:
    """Stop the stack; its volumes stay."""
    stack = _stack()
    with _alone():
        stack.compose("down")


def backup(options: argparse.Namespace) -> None:
    """Save Airflow's metadata and the local GCS server's objects to backups/."""
    stack = _stack()
    with _alone():
        folder = backups.backup(stack, BACKUPS, _report)
    print(f"{folder} holds the backup. It needs the current .env, which is not in it: keep a copy elsewhere")


def restore(options: argparse.Namespace) -> None:
    """Replace the stack's state with a backup, and start the stack."""
    stack = _stack()
    with _alone():
        restoring.restore(stack, backups.choose(BACKUPS, options.backup), _report)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "env": env,
    "up": up,
    "down": down,
    "backup": backup,
    "restore": restore,
}


def _stack() -> Stack:
    project = Path.cwd()
    return Stack(project=project, variables=env_file.read(project / ".env"), command=find_compose())


@contextmanager
def _alone() -> Iterator[None]:
    """One command at a time: a start during a backup would write to what is being read."""
    # not .env: `make env` and editors replace that file
    folder = os.open(Path.cwd(), os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransientError(
                "another up-team, down-team, backup or restore is running here",
                safe="nothing was changed",
                next="run the same command again when it has ended",
            ) from None
        yield
    finally:
        os.close(folder)


def _report(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
