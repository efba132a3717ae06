"""The demo: land eight weeks of flights, ask Airflow for a backfill, watch it, show the outcome.

Everything runs for real and on this machine: the weeks arrive through the GCS API, the backfill is
requested over Airflow's REST API, and what is shown at the end is read from the model's own log.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from ckpt_ops.embedded import leftovers, ports, secret_files
from ckpt_ops.embedded.platform import Event, Platform
from ckpt_ops.embedded.rest import Rest
from ckpt_ops.embedded.settings import GCS_PORT_VARIABLE, LANDING, STORE, UI_PORT_VARIABLE, Settings
from ckpt_ops.embedded.state import State
from ckpt_ops.errors import CkptOpsError, TerminalError, TransientError
from ckpt_ops.store import open_store
from demo.backfill import Backfill
from demo.flights import damaged, land
from demo.outcome import Outcome, picture, table
from demo.progress import watch

DAG = "flight_delay"
WEEKS = (
    "2013-01-06",
    "2013-01-13",
    "2013-01-20",
    "2013-01-27",
    "2013-02-03",
    "2013-02-10",
    "2013-02-17",
    "2013-02-24",
)
DAMAGED = "2013-01-27"

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


@dataclass(frozen=True, kw_only=True)
class Here:
    """The platform that the demo talks to.

    Attributes:
        own: the platform, when the demo started it and stops it.
    """

    home: Path
    rest: Rest
    store: str
    landing: str
    own: Platform | None = field(default=None)

    def look_after(self) -> None:
        """Restart what died, when the demo started the platform."""
        if self.own is not None:
            self.own.watch()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--home", type=Path, help="state directory; wins over CKPT_OPS_HOME")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for the backfill (default 600)")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        with _platform(_settings(given.home)) as here:
            return _run(here, seconds=given.timeout)
    except KeyboardInterrupt:
        console.print("Interrupted: what was started is stopped. Run it again to go on.")
        return 130
    except CkptOpsError as error:
        console.print(escape(str(error)), style="red")
        return 1


def _run(here: Here, *, seconds: float) -> int:
    began = time.monotonic()
    _land(here)
    _wait_for_dag(here)
    backfill = Backfill.create(here.rest, DAG, WEEKS, wait=lambda text: console.print(text, style="dim"))
    console.print(
        f"Asked Airflow for a backfill of {len(WEEKS)} weeks, {WEEKS[0]} to {WEEKS[-1]}: "
        f"{here.rest.url}/dags/{DAG}\n"
    )
    progress = watch(console, backfill, here.home, seconds=seconds, tick=here.look_after)
    failed = [run for run in progress.runs.values() if run.state != "success"]
    for run in failed:
        console.print(f"\nThe run of {run.key} failed. The end of its log:", style="red")
        console.print(escape(backfill.failure(run)), style="dim")
    results = {key: {"decide": backfill.result(run, "decide")} for key, run in progress.runs.items()}
    outcome = Outcome.read(open_store(here.store), DAG, WEEKS, results)
    console.print()
    console.print(table(outcome))
    image = picture(outcome, here.home / "demo" / "auc.png")
    console.print(f"\n{len(WEEKS)} weeks in {time.monotonic() - began:.0f} s. What it left behind:")
    _left_behind(here, image)
    return 1 if failed else 0


def _settings(home: Path | None) -> Settings:
    """The usual settings; a busy default port that nobody asked for is replaced by a free one."""
    settings = Settings.from_environment(home=home)
    if UI_PORT_VARIABLE not in os.environ and not ports.is_free(settings.ui_port):
        settings = replace(settings, ui_port=0)
    if GCS_PORT_VARIABLE not in os.environ and not ports.is_free(settings.gcs_port):
        settings = replace(settings, gcs_port=0)
    return settings


@contextmanager
def _platform(settings: Settings) -> Iterator[Here]:
    """The platform that runs in this home already, or one of our own until the block ends."""
    if leftovers.supervisor(settings.run_dir) is not None:
        state = State.read(settings.home)
        if state is None or not state.ready:
            raise TransientError(
                f"the platform in {settings.home} is not ready",
                safe="it was left as it is",
                next="python -m ckpt_ops.embedded status; then run the demo again",
            )
        console.print(f"Using the platform that runs in {escape(str(settings.home))}")
        rest = Rest(state.ui_url, state.user, secret_files.password(settings))
        os.environ["STORAGE_EMULATOR_HOST"] = state.gcs_endpoint
        yield Here(home=settings.home, rest=rest, store=_address("STORE"), landing=_address("LANDING"))
        return
    console.print(f"Starting the platform in {escape(str(settings.home))}: GCS server, PostgreSQL, Airflow")
    with Platform(settings, report=_show) as platform:
        os.environ["STORAGE_EMULATOR_HOST"] = platform.gcs_endpoint
        yield Here(
            home=settings.home,
            rest=platform.rest,
            store=_address("STORE"),
            landing=_address("LANDING"),
            own=platform,
        )
        console.print("\nStopping the platform")


def _address(name: str) -> str:
    return os.environ.get(f"CKPT_OPS_{name}", {"STORE": STORE, "LANDING": LANDING}[name])


def _show(event: Event) -> None:
    if event.state == "ready":
        console.print(f"  [green]ready[/]  {event.component:<14} {event.seconds:5.1f} s")
    elif event.state in {"restarted", "leftover"}:
        console.print(f"  {event.component} {event.state}: {escape(event.detail)}", style="yellow")


def _land(here: Here) -> None:
    written = land(open_store(here.landing), keys=WEEKS, damage={DAMAGED: damaged})
    new = f"{len(written)} new" if written else "all there already, unchanged"
    console.print(
        f"Landed {len(WEEKS)} weeks of flights in {here.landing} ({new}); "
        f"week {DAMAGED} is damaged on purpose"
    )


def _wait_for_dag(here: Here, *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        here.look_after()
        broken = here.rest.call("GET", "importErrors")["import_errors"]
        ours = [one for one in broken if DAG in (one.get("filename") or "")]
        if ours:
            raise TerminalError(
                f"Airflow cannot read the DAG {DAG}:\n{ours[0]['stack_trace']}",
                safe="nothing was trained",
                next=f"fix dags/{DAG}/, then run the demo again",
            )
        found = here.rest.call("GET", f"dags?dag_id_pattern={DAG}")["dags"]
        if any(dag["dag_id"] == DAG for dag in found):
            if any(dag["dag_id"] == DAG and dag["is_paused"] for dag in found):
                here.rest.call("PATCH", f"dags/{DAG}", {"is_paused": False})
            return
        if time.monotonic() > deadline:
            raise TransientError(
                f"Airflow has not found the DAG {DAG} within {seconds:.0f} s",
                safe="nothing was trained",
                next=f"read {here.home / 'logs' / 'dag-processor.log'}",
            )
        time.sleep(0.5)


def _left_behind(here: Here, image: Path) -> None:
    objects = here.home / "gcs"
    for what, where in (
        ("picture", image),
        ("store", f"{here.store}, on disk below {objects}"),
        ("task logs", here.home / "airflow" / "logs" / f"dag_id={DAG}"),
    ):
        console.print(f"  {what:<14} {where}", soft_wrap=True)
    console.print("Next:")
    if here.own is not None:
        console.print("  make up                  start the platform and look around in Airflow's UI")
    console.print("  ckpt-ops status          what each model consumed, and when")
    console.print("  python -m demo           again: consumed slices are skipped")


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
