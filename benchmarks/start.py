"""How long it takes until something begins, and what an idle platform costs.

    make bench WHAT=start                                     # imports, commands, DAG files; two minutes
    make bench WHAT=start ARGS="--platform"                   # and an idle platform; six minutes more
    make bench WHAT=start ARGS="--rounds 1 --folders 3"       # a quick look

Each measurement is a fresh process; a round takes all of them, each round beginning with another. DAG files
are copies of the flights pipeline, read by Airflow's own `DagBag` in one process; the import of Airflow is
before it and not counted. The platform is measured by `/proc`: processor time of each component with its
processes over `--seconds`, then the time from a run that is asked for to its first task, and from an edit
to its DAG. Prints tables, and writes the raw numbers and a picture to `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.workers import run_worker, turned

_PROJECT = Path(__file__).parents[1]
_GOALS = {"import": 0.1, "help": 0.3, "status help": 0.3, "completion": 0.3, "dag files": 0.5}
_COMMANDS = {"help": ("--help",), "status help": ("status", "--help"), "completion": ()}
_COMPLETING = {"_CKPT_OPS_COMPLETE": "complete_bash", "COMP_WORDS": "ckpt-ops st", "COMP_CWORD": "1"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measurement; medians over the rounds.

    Attributes:
        seconds: that somebody waits.
        cpu_seconds: of the processor, with which a busy machine interferes less.
        goal: in seconds.
    """

    what: str
    seconds: float
    cpu_seconds: float
    goal: float
    all_seconds: tuple[float, ...]


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "read":
        arguments.result.write_text(json.dumps(read_dag_files(arguments.folder)))
    else:
        _run(arguments)


def read_dag_files(folder: Path) -> dict[str, float]:
    """What one process takes to fill a `DagBag`, once Airflow is imported."""
    import airflow.sdk  # noqa: F401 - not counted
    from airflow.dag_processing.dagbag import DagBag

    began, cpu = time.perf_counter(), time.process_time()
    bag = DagBag(folder, load_op_links=False)
    found = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    if bag.import_errors or not bag.dags:
        raise RuntimeError(f"{len(bag.dags)} DAGs, errors: {bag.import_errors}")
    return {**found, "dags": len(bag.dags)}


def copies(folder: Path, count: int) -> None:
    """Write pipelines that differ in their names."""
    for number in range(count):
        name = f"flights_{number:02d}"
        shutil.copytree(
            _PROJECT / "dags" / "flight_delay", folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
        for path in (folder / name).glob("*.py"):
            text = path.read_text().replace("flight_delay", name)
            path.write_text(text.replace('name: str = "flights"', f'name: str = "{name}"'))


def _measures(dags: Path, scratch: Path) -> dict[str, Callable[[], dict[str, float]]]:
    command = Path(sys.executable).with_name("ckpt-ops")
    found: dict[str, Callable[[], dict[str, float]]] = {
        "import": lambda: _took([sys.executable, "-c", _IMPORT], inside=True)
    }
    for what, words in _COMMANDS.items():
        environment = {} if words else _COMPLETING
        found[what] = lambda argv=[str(command), *words], env=environment: _took(argv, env)  # type: ignore[misc]
    environment = {
        "PYTHONPATH": os.pathsep.join([str(dags), str(_PROJECT / "plugins"), str(_PROJECT)]),
        "AIRFLOW_HOME": str(scratch / "airflow"),
    }
    found["dag files"] = lambda: run_worker(
        "benchmarks.start", scratch, "read", str(dags), environment=environment
    )
    return found


_IMPORT = (
    "import time; wall, cpu = time.perf_counter(), time.process_time(); import ckpt_ops; "
    "print(time.perf_counter() - wall, time.process_time() - cpu)"
)


def _took(
    argv: Sequence[str], environment: dict[str, str] | None = None, *, inside: bool = False
) -> dict[str, float]:
    """The seconds of a process, or those that it prints of itself."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        argv, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=True
    )
    seconds, after = time.perf_counter() - began, os.times()
    if inside:
        wall, cpu = map(float, done.stdout.split())
        return {"seconds": wall, "cpu_seconds": cpu}
    if not done.stdout.strip():
        raise RuntimeError(f"{argv} printed nothing: {done.stderr[-300:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": seconds, "cpu_seconds": cpu}


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from benchmarks.machine import machine

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    arguments.out.mkdir(parents=True, exist_ok=True)
    raw: dict[str, Any] = {"machine": machine(), "folders": arguments.folders}
    with tempfile.TemporaryDirectory(prefix="start-bench-", dir=arguments.scratch) as name:
        scratch, dags = Path(name), Path(name) / "dags"
        copies(dags, arguments.folders)
        measures = _measures(dags, scratch)
        for measure in measures.values():
            measure()  # bytecode is written, files are in memory
        cells = []
        for number in range(arguments.rounds):
            console.print(f"round {number + 1} of {arguments.rounds}")
            for what in turned(list(measures), number):
                cells.append({"what": what, "round": number, **measures[what]()})
        lines = summarize(cells)
        raw |= {"cells": cells, "medians": [asdict(line) for line in lines]}
        show(lines, arguments.folders, console)
        if arguments.platform:
            from benchmarks.start_platform import measure_platform, show_platform

            raw["platform"] = measure_platform(
                scratch / "platform", seconds=arguments.seconds, runs=arguments.runs, tell=console.print
            )
            show_platform(raw["platform"], console)
    (arguments.out / "start.json").write_text(json.dumps(raw, indent=1) + "\n")
    draw(lines, raw.get("platform"), arguments.out / "start.png")
    console.print(f"raw numbers and picture: {arguments.out}/start.json, .png")


def summarize(cells: Sequence[dict[str, Any]]) -> list[Line]:
    """In the order of the goals."""
    lines = []
    for what, goal in _GOALS.items():
        group = [cell for cell in cells if cell["what"] == what]
        seconds = tuple(cell["seconds"] for cell in group)
        cpu = statistics.median(cell["cpu_seconds"] for cell in group)
        lines.append(
            Line(
                what=what, seconds=statistics.median(seconds), cpu_seconds=cpu, goal=goal, all_seconds=seconds
            )
        )
    return lines


def show(lines: Sequence[Line], folders: int, console: Any) -> None:
    """A table."""
    from rich.table import Table

    table = Table(title="Until something begins", title_justify="left")
    table.add_column("what")
    for heading in ("seconds", "processor", "goal"):
        table.add_column(heading, justify="right")
    names = {
        "import": "import ckpt_ops",
        "help": "ckpt-ops --help",
        "status help": "ckpt-ops status --help",
        "completion": "completion of ckpt-ops st",
        "dag files": f"DAG files of {folders} pipelines, after `import airflow`",
    }
    for line in lines:
        table.add_row(names[line.what], f"{line.seconds:.3f}", f"{line.cpu_seconds:.3f}", f"{line.goal:g}")
    console.print(table)


def draw(lines: Sequence[Line], platform: dict[str, Any] | None, path: Path) -> None:
    """Bars: what somebody waits for, with the goal; and what an idle platform takes of a core."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 2 if platform else 1, figsize=(9, 3.2), layout="constrained", squeeze=False
    )
    left = axes[0][0]
    names = [line.what for line in lines]
    left.barh(names, [line.seconds for line in lines], color="#1f6fb2")
    left.plot([line.goal for line in lines], names, "|", color="#b2401f", ms=14, mew=2, label="goal")
    left.set_title("seconds", fontsize=10, loc="left")
    left.legend(frameon=False, fontsize=9)
    if platform:
        axes[0][1].barh(list(platform["percent"]), list(platform["percent"].values()), color="#1f6fb2")
        axes[0][1].set_title("an idle platform, % of a core", fontsize=10, loc="left")
    for each in axes[0]:
        each.invert_yaxis()
        for side in ("top", "right"):
            each.spines[side].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.start", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often all is measured (default 7)")
    parser.add_argument("--folders", type=int, default=20, help="pipelines to read (default 20)")
    parser.add_argument("--platform", action="store_true", help="start a platform, and measure it idle")
    parser.add_argument("--seconds", type=float, default=60, help="of an idle platform (default 60)")
    parser.add_argument("--runs", type=int, default=5, help="runs to ask the platform for (default 5)")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    parser.add_argument("--scratch", type=Path, help="for its files (default: the temporary directory)")
    commands = parser.add_subparsers(dest="command", metavar="", help=argparse.SUPPRESS)
    read = commands.add_parser("read")
    read.add_argument("folder", type=Path)
    read.add_argument("--result", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
