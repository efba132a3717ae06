"""How fast slices are validated, beside Great Expectations by itself, pandera and plain Arrow, in one run.

    make bench WHAT=validation                                   # 100,000, 1 and 5 million rows
    make bench WHAT=validation ARGS="--rows 100000 --rounds 1"   # a quick look

The same 25 checks on the same 20 columns (`checks.py`), asked by each judge in its own way (`judges.py`),
each time in a fresh process: from a Parquet file on the local disk to the answers. All have to come to the
same answers, to the row, or the run fails. Imports are measured apart. Prints a table, and writes the raw
numbers and a picture to `--out`.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.checks import CHECKS, write_slice
from benchmarks.judges import JUDGES
from benchmarks.workers import WorkerFailed, run_worker, turned

_ROWS = [100_000, 1_000_000, 5_000_000]


class AnswersDiffer(Exception):
    """Two judges do not agree: one of them does not ask what the other asks."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A judge on slices of one size; medians over the rounds.

    Attributes:
        import_s: the judge's own libraries.
        seconds, cpu_s: from the file to the answers, by the clock and by the process' cores.
        peak_mb: the process' peak resident memory, imports and all.
    """

    rows: int
    judge: str
    title: str
    note: str
    import_s: float
    seconds: float
    cpu_s: float
    peak_mb: float
    all_seconds: tuple[float, ...]

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.seconds


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "judge":
        arguments.result.write_text(json.dumps(measure(arguments.judge, arguments.path)))
    else:
        _run(arguments)


def measure(name: str, path: Path) -> dict[str, Any]:
    """What one process measures of one judge."""
    began = time.perf_counter()
    judge = JUDGES[name]()
    imported, cpu = time.perf_counter(), time.process_time()
    answer = judge.judge(path, CHECKS)
    return {
        "title": judge.title,
        "note": judge.note,
        "import_s": imported - began,
        "seconds": time.perf_counter() - imported,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "answer": asdict(answer),
    }


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from benchmarks.machine import machine

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    arguments.out.mkdir(parents=True, exist_ok=True)
    cells: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="validation-bench-", dir=arguments.scratch) as scratch,
        console.status("") as status,
    ):
        tell = status.update if console.is_terminal else console.print
        for rows in arguments.rows:
            path = Path(scratch) / f"{rows}.parquet"
            tell(f"writing {rows:,} rows")
            write_slice(path, rows)
            for number in range(arguments.rounds):
                cells += _round(path, rows, arguments.only, number, arguments.rounds, tell)
            path.unlink()
            lines = summarize(cells)  # kept after each size: a Ctrl-C loses little
            raw = {"machine": machine(), "cells": cells, "medians": [asdict(line) for line in lines]}
            (arguments.out / "validation.json").write_text(json.dumps(raw, indent=1) + "\n")
            draw(lines, arguments.out / "validation.png")
    show(lines, cells, console)
    console.print(f"raw numbers and picture: {arguments.out}/validation.json, .png")


def _round(
    path: Path, rows: int, judges: Sequence[str], number: int, of: int, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in turned(judges, number):
        tell(f"{rows:,} rows, round {number + 1} of {of}: {name}")
        cell = {"rows": rows, "judge": name, "round": number}
        try:
            cell |= run_worker("benchmarks.validation", path.parent, "judge", name, str(path))
        except WorkerFailed as failure:
            cell |= {"failure": str(failure)}
        found.append(cell)
    answers = {cell["judge"]: cell.pop("answer") for cell in found if "answer" in cell}
    for name, answer in answers.items():
        first = next(iter(answers))
        if answer != answers[first]:
            raise AnswersDiffer(f"{rows:,} rows: {first} says {answers[first]}, {name} says {answer}")
    return found


def summarize(cells: Sequence[dict[str, Any]]) -> list[Line]:
    """In the order of sizes and judges; a judge that always failed is left out."""
    lines = []
    for rows in dict.fromkeys(cell["rows"] for cell in cells):
        for name in JUDGES:
            measured = [
                cell
                for cell in cells
                if (cell["rows"], cell["judge"]) == (rows, name) and "failure" not in cell
            ]
            if measured:
                medians = {
                    metric: statistics.median(cell[metric] for cell in measured)
                    for metric in ("import_s", "seconds", "cpu_s", "peak_mb")
                }
                lines.append(
                    Line(
                        rows=rows,
                        judge=name,
                        title=measured[0]["title"],
                        note=measured[0]["note"],
                        all_seconds=tuple(cell["seconds"] for cell in measured),
                        **medians,
                    )
                )
    return lines


def show(lines: Sequence[Line], cells: Sequence[dict[str, Any]], console: Any) -> None:
    """A table for each size; in brackets the ratio to this project with its own chunks."""
    from rich.markup import escape
    from rich.table import Table

    from benchmarks.judges import OURS
    from benchmarks.report import number

    for rows in dict.fromkeys(line.rows for line in lines):
        here = [line for line in lines if line.rows == rows]
        ours = next((line for line in here if line.judge == OURS), None)
        table = Table(title=f"{rows:,} rows, 20 columns, {len(CHECKS)} checks", title_justify="left")
        table.add_column("judge", no_wrap=True)
        for heading in ("import, s", "seconds", "CPU s", "million rows/s", "peak MB"):
            table.add_column(heading, justify="right", no_wrap=True)
        for line in here:
            ratio = f" ({line.seconds / ours.seconds:.2f})" if ours else ""
            memory = f" ({line.peak_mb / ours.peak_mb:.2f})" if ours else ""
            table.add_row(
                line.title,
                number(line.import_s),
                f"{number(line.seconds)}{ratio}",
                number(line.cpu_s),
                number(line.rows_per_s / 1e6),
                f"{line.peak_mb:,.0f}{memory}",
                style="bold" if line.judge == OURS else "",
            )
        console.print(table)
    for title, note in dict.fromkeys((line.title.partition(",")[0], line.note) for line in lines):
        console.print(f"[dim]{title}: {escape(note)}[/]")
    for cell in cells:
        if "failure" in cell:
            console.print(f"[red]{cell['judge']}, {cell['rows']:,} rows:[/] {escape(cell['failure'])}")


def draw(lines: Sequence[Line], path: Path) -> None:
    """A column a size: seconds above, memory below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from benchmarks.judges import OURS
    from benchmarks.picture import draw_bars

    sizes = list(dict.fromkeys(line.rows for line in lines))
    height = 1 + 0.4 * max(len([line for line in lines if line.rows == rows]) for rows in sizes)
    figure, axes = plt.subplots(
        2, len(sizes), figsize=(4.5 * len(sizes) + 2, 2 * height), layout="constrained", squeeze=False
    )
    for column, rows in enumerate(sizes):
        here = [line for line in lines if line.rows == rows]
        seconds = [(line.title, list(line.all_seconds), line.judge == OURS) for line in here]
        memory = [(line.title, [line.peak_mb], line.judge == OURS) for line in here]
        first = column == 0
        draw_bars(axes[0][column], seconds, f"{rows:,} rows\nseconds", labels=first, log=False)
        draw_bars(axes[1][column], memory, "peak memory (MB)", labels=first, log=False)
    figure.suptitle(
        "25 checks on 20 columns. Bars are medians, dots all values.", fontsize=11, x=0.01, ha="left"
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validation", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rows", type=int, nargs="+", default=_ROWS, help="sizes of the slices")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured (default 3)")
    parser.add_argument("--only", nargs="+", choices=JUDGES, default=list(JUDGES), metavar="JUDGE")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    parser.add_argument("--scratch", type=Path, help="for the slices (default: the temporary directory)")
    commands = parser.add_subparsers(dest="command", metavar="", help=argparse.SUPPRESS)
    judge = commands.add_parser("judge")
    judge.add_argument("judge", choices=JUDGES)
    judge.add_argument("path", type=Path)
    judge.add_argument("--result", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
