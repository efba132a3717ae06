"""`python -m team env | up | down | backup | restore`: what `make` calls, beside docker-compose.yaml."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ckpt_ops.errors import CkptOpsError
from team import backups, env_file
from team.stack import Stack, find_compose

BACKUPS = Path("backups")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors say what happened, what is safe and what to do next."""
    asked = argparse.ArgumentParser(prog="python -m team", description=__doc__)
    commands = asked.add_subparsers(dest="command", required=True)
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=(does.__doc__ or "").splitlines()[0])
    commands.choices["restore"].add_argument("backup", type=Path, nargs="?", help="a folder below backups/")
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
        print(f"{path} is written, with fresh secrets. Next: look through it, then make up-team")
    else:
        print(f"{path} is kept; added: {', '.join(added) or 'nothing, it is complete'}")


def up(options: argparse.Namespace) -> None:
    """Build the image and start the stack; return when all of it is well."""
    stack = _stack()
    stack.up(_report)
    password = "AIRFLOW_ADMIN_PASSWORD in .env, unless it was changed"
    print(f"\n  Airflow   {stack.address}\n  user      admin\n  password  {password}\n")


def down(options: argparse.Namespace) -> None:
    """Stop the stack; its volumes stay."""
    _stack().compose("down")


def backup(options: argparse.Namespace) -> None:
    """Save Airflow's metadata and the local GCS server's objects to backups/."""
    folder = backups.backup(_stack(), BACKUPS, _report)
    print(f"{folder} holds the backup. It needs the .env of now, which is not in it: keep a copy elsewhere")


def restore(options: argparse.Namespace) -> None:
    """Put a backup in the place of what is there, and start the stack."""
    stack = _stack()
    backups.restore(stack, backups.choose(BACKUPS, options.backup), _report)
    stack.up(_report)


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


def _report(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
