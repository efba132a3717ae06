"""What a fleet's DAG file costs: one folder that describes 1, 100 and 1,000 models.

    make bench WHAT=fleet                                    # two minutes
    make bench WHAT=fleet ARGS="--members 1 100 --rounds 1"  # a quick look

The folder is that of docs/how-to/fleets.md in short: the flights pipeline, each member with a source,
settings and a DAG of its own. Airflow's own `DagBag` reads it in a process for each measurement, once Airflow
is imported: all DAGs, as the DAG processor does, which then serializes them; and one DAG, as a task does.
Prints CPU seconds and memory, and writes the raw numbers to `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.workers import run_worker

_PROJECT = Path(__file__).parents[1]
_NAME = "flights_by_carrier"
_MEMBERS = [1, 100, 1_000]
GOAL_SECONDS, GOAL_MEGABYTES = 5.0, 300.0
"""For 1,000 members, parsed in one process."""

_PIPELINE = '''
"""A model for each member."""

from ckpt_ops import AtLeast, Budget, EmptySlices, Fleet, Member, NotWorseThan, Pipeline, RowsWhere
from flight_delay.source import FlightWeeks

WEEKS = FlightWeeks()


def describe(member: Member) -> Pipeline:
    return Pipeline(
        name=member.name,
        source=RowsWhere(name=member.name, source=WEEKS, column="carrier", value=member.key),
        expectations="expectations.json",
        empty_slices=EmptySlices.SKIP,
        model="flight_delay.model:build_model",
        budget=Budget(max_steps=200, max_seconds=300),
        gates=[NotWorseThan(champion="production", metric="auc", margin=0.02), AtLeast("auc", 0.5)],
    )


fleet = Fleet(name="{name}", members=[f"m{{number:04d}}" for number in range({members})], describe=describe)
'''
_DAG = '''
"""The DAGs of the fleet, for Airflow."""

from datetime import UTC, datetime

from ckpt_ops_airflow import fleet_dags
from {name}.pipeline import fleet

globals().update(fleet_dags(fleet, schedule="0 0 * * 0", start_date=datetime(2012, 12, 30, tzinfo=UTC)))
'''


@dataclass(frozen=True, kw_only=True)
class Line:
    """Of one number of members; medians over the rounds.

    Attributes:
        parse, task, serialize: CPU seconds: all DAGs, one task's DAG, and serializing all.
        megabytes: of the process at its largest while it parses, Airflow's own included.
        airflow: megabytes of the same process before.
    """

    members: int
    parse: float
    task: float
    serialize: float
    megabytes: float
    airflow: float


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "read":
        found = read(arguments.folder, arguments.only)
        arguments.result.write_text(json.dumps(found))
    else:
        _run(arguments)


def read(folder: Path, only: str) -> dict[str, float]:
    """What one process takes for the folder's DAGs, once Airflow is imported.

    Args:
        only: the id of the one DAG that a task wants; "": all.
    """
    import airflow.sdk  # noqa: F401 - not counted
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    if only:
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = only
    before, cpu = _megabytes(), time.process_time()
    bag = DagBag(folder / _NAME / "dag.py", load_op_links=False)
    parsed, largest = time.process_time() - cpu, _megabytes()
    if bag.import_errors or (only and list(bag.dags) != [only]):
        raise RuntimeError(f"{len(bag.dags)} DAGs, errors: {bag.import_errors}")
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
    return {
        "parse": parsed,
        "serialize": time.process_time() - cpu - parsed,
        "megabytes": largest,
        "airflow": before,
        "dags": len(bag.dags),
    }


def write_fleet(dags: Path, members: int) -> None:
    """The folder of DAGs: the fleet, and the pipeline whose model and source it uses."""
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_PROJECT / "dags" / "flight_delay", dags / "flight_delay", ignore=skipped)
    (dags / _NAME).mkdir()
    (dags / _NAME / "pipeline.py").write_text(_PIPELINE.format(name=_NAME, members=members).lstrip())
    (dags / _NAME / "dag.py").write_text(_DAG.format(name=_NAME).lstrip())


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from benchmarks.machine import machine

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    arguments.out.mkdir(parents=True, exist_ok=True)
    cells: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="fleet-bench-", dir=arguments.scratch) as name:
        for members in arguments.members:
            home = Path(name) / str(members)
            write_fleet(home / "dags", members)
            for number in range(arguments.rounds + 1):  # in the first, bytecode is written
                found = {"members": members, "round": number, **_measured(home)}
                cells += [found] if number else []
                console.print(f"{members:,} members, round {number} of {arguments.rounds}")
    lines = [_line(members, cells) for members in arguments.members]
    show(lines, console)
    raw = {"machine": machine(), "cells": cells, "medians": [asdict(line) for line in lines]}
    (arguments.out / "fleet.json").write_text(json.dumps(raw, indent=1) + "\n")
    console.print(f"raw numbers: {arguments.out}/fleet.json")


def _measured(home: Path) -> dict[str, float]:
    dags = home / "dags"
    environment = {
        "PYTHONPATH": os.pathsep.join([str(dags), str(_PROJECT / "plugins"), str(_PROJECT)]),
        "AIRFLOW_HOME": str(home / "airflow"),
    }
    every = run_worker("benchmarks.fleet", home, "read", str(dags), environment=environment)
    wanted = ("--only", f"{_NAME}.m0000")
    one = run_worker("benchmarks.fleet", home, "read", str(dags), *wanted, environment=environment)
    return {**every, "task": one["parse"]}


def _line(members: int, cells: Sequence[dict[str, Any]]) -> Line:
    rounds = [cell for cell in cells if cell["members"] == members]
    names = ("parse", "task", "serialize", "megabytes", "airflow")
    return Line(members=members, **{name: statistics.median(cell[name] for cell in rounds) for name in names})


def show(lines: Sequence[Line], console: Any) -> None:
    """A table."""
    from rich.table import Table

    goal = f"goals for 1,000: {GOAL_SECONDS:g} s, {GOAL_MEGABYTES:g} MB"
    table = Table(title=f"A fleet's DAG file, CPU seconds and MB ({goal})", title_justify="left")
    for heading in ("members", "parse", "one task's parse", "serialize", "MB", "of these Airflow"):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(
            f"{line.members:,}",
            f"{line.parse:.2f}",
            f"{line.task:.2f}",
            f"{line.serialize:.2f}",
            f"{line.megabytes:.0f}",
            f"{line.airflow:.0f}",
        )
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fleet", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--members", type=int, nargs="+", default=_MEMBERS, help="how many models")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    parser.add_argument("--scratch", type=Path, help="for its files (default: the temporary directory)")
    commands = parser.add_subparsers(dest="command", metavar="", help=argparse.SUPPRESS)
    reading = commands.add_parser("read")
    reading.add_argument("folder", type=Path)
    reading.add_argument("--only", default="")
    reading.add_argument("--result", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
