"""`python -m ckpt_ops.embedded up|down|status|env|serve`: the platform from a terminal."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ckpt_ops.embedded import leftovers, procfs, secret_files
from ckpt_ops.embedded.platform import HEALTH_NAMES, Event
from ckpt_ops.embedded.process import Record
from ckpt_ops.embedded.rest import Rest
from ckpt_ops.embedded.settings import Settings
from ckpt_ops.embedded.shell import exports
from ckpt_ops.embedded.stalled_runs import stalled_runs
from ckpt_ops.embedded.state import State
from ckpt_ops.embedded.supervisor import launch, serve
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.printable import printable
from ckpt_ops.store.endpoint import Endpoint

console = Console(highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ckpt_ops.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in (
        ("up", "start everything, and return when it is healthy"),
        ("down", "stop everything that was started, and nothing else"),
        ("status", "show what runs, its health, and runs without progress; exit code 1 unless all is well"),
        ("env", "print `export NAME=value` lines, secrets included, for Airflow's own CLI"),
        ("serve", "run in the foreground until Ctrl-C; `up` starts this detached"),
    ):
        command = commands.add_parser(name, help=summary)
        command.add_argument("--home", type=Path, help="state directory; wins over CKPT_OPS_HOME")
        if name == "serve":
            command.add_argument("--events", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(home=given.home)
        if given.command == "serve":
            return serve(settings, events=given.events)
        return {"up": up, "down": down, "status": status, "env": env}[given.command](settings)
    except CkptOpsError as error:
        console.print(escape(str(error)), style="red")
        return 1


def up(settings: Settings) -> int:
    """Start a detached supervisor and show its progress until everything is healthy."""
    if leftovers.supervisor(settings.run_dir) is not None:
        console.print(f"The platform already runs in {escape(str(settings.home))}.")
        show_address(settings)
        return 0
    console.print(f"Starting the platform in {escape(str(settings.home))}")
    process, events = launch(settings)
    ready, failed = False, False
    try:
        with console.status("starting") as spinner:
            for event in events:
                show(event)
                if event.state == "starting":
                    spinner.update(f"starting {event.component}")
                ready |= event.component == "platform" and event.state == "ready"
                failed |= event.state == "failed"
    except KeyboardInterrupt:
        console.print("Interrupted: stopping what was started")
        stop_process(process)
        return 130
    if ready:
        show_address(settings)
        return 0
    code = process.wait()
    if not failed:
        log = settings.logs / f"{leftovers.SUPERVISOR}.log"
        console.print(f"The supervisor ended with exit code {code}; see {escape(str(log))}", style="red")
    return 1


def down(settings: Settings) -> int:
    """Ask the supervisor to stop everything; clean up after one that was killed."""
    owner = leftovers.supervisor(settings.run_dir)
    if owner is not None:
        with console.status("stopping"):
            owner.process.signal(signal.SIGTERM)
            if procfs.wait_gone([owner.process], seconds=owner.stop_seconds):
                owner.process.signal(signal.SIGKILL)
                procfs.wait_gone([owner.process], seconds=5.0)
    if not settings.home.is_dir():
        console.print("Nothing runs.")
        return 0
    with leftovers.lock(settings.run_dir):
        stopped = leftovers.stop_leftovers(settings.home)
    (settings.run_dir / f"{leftovers.SUPERVISOR}.json").unlink(missing_ok=True)
    if stopped:
        console.print(f"Stopped what a killed supervisor left behind: {', '.join(stopped)}")
    console.print("Stopped." if owner is not None or stopped else "Nothing runs.")
    return 0


def status(settings: Settings) -> int:
    """Show each component's process and health."""
    owner, running = leftovers.supervisor(settings.run_dir), leftovers.running(settings.run_dir)
    state = State.read(settings.home)
    healthy: set[str] = set()
    if state is not None and "api-server" in running:
        healthy = Rest(state.ui_url, "", "").healthy()
    table = Table("component", "pid", "state", "log")
    fine = owner is not None
    table.add_row(leftovers.SUPERVISOR, *_process_cells(settings, leftovers.SUPERVISOR, owner))
    for name in reversed(leftovers.COMPONENTS):
        pid, alive, log = _process_cells(settings, name, running.get(name))
        health = HEALTH_NAMES.get(name)
        if name in running and health is not None and health not in healthy:
            alive = "running, unhealthy"
        fine = fine and alive == "running"
        table.add_row(name, pid, alive, log)
    console.print(table)
    if owner is not None:
        show_address(settings)
    stalled = _stalled(settings, state) if state is not None and fine else []
    for run in stalled:
        console.print(f"This run has made no progress for minutes: {escape(printable(run))}", style="red")
    if stalled:
        console.print("Next: read the scheduler's log; `down` and `up` restart it, and no work is lost")
    return 0 if fine and not stalled else 1


def _stalled(settings: Settings, state: State) -> list[str]:
    try:
        return stalled_runs(Rest(state.ui_url, state.user, secret_files.password(settings)))
    except CkptOpsError as error:
        return [f"(unknown: {error.what})"]


def env(settings: Settings) -> int:
    """Print what makes a shell part of the platform; what is not for `eval` goes to standard error."""
    try:
        sys.stdout.write(exports(settings.home))
    except CkptOpsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    state = State.read(settings.home)
    if state is None or not state.ready:
        sys.stderr.write(
            f"The platform in {settings.home} is not up: Airflow's commands will find no database.\n"
        )
    return 0


def _process_cells(settings: Settings, name: str, record: Record | None) -> tuple[str, str, str]:
    log = escape(str(settings.logs / f"{name}.log"))
    return ("-", "not running", log) if record is None else (str(record.process.pid), "running", log)


def show(event: Event) -> None:
    """One line per finished step."""
    if event.state == "ready":
        console.print(f"  [green]ready[/]    {event.component:<14} {event.seconds:5.1f} s")
    elif event.state == "failed":
        console.print(escape(printable(event.detail)), style="red")
    elif event.state == "leftover":
        console.print(f"  [yellow]stopped[/]  {event.component}: {escape(printable(event.detail))}")


def show_address(settings: Settings) -> None:
    """Print where Airflow and the objects are, and how to log in."""
    state = State.read(settings.home)
    if state is None:
        return
    console.print(f"Airflow   {state.ui_url}" + ("" if state.ready else "   (still starting)"))
    console.print(f"user      {state.user}")
    console.print(f"password  {escape(secret_files.password(settings))}")
    console.print(f"objects   {state.store} at {Endpoint.parse(state.gcs_endpoint).url}")
    console.print('shell     eval "$(python -m ckpt_ops.embedded env)" lets it reach both')
    console.print(f"logs      {escape(str(settings.logs))}")


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Ask the supervisor to stop what it has started so far, and wait."""
    os.kill(process.pid, signal.SIGTERM)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
