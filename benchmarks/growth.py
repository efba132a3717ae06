"""What grows with a model's history: what commands, tasks and pages do, at 10 to 10,000 versions.

    make bench WHAT=growth                          # to 10,000 versions, and 100 models; ten minutes
    make bench WHAT=growth ARGS="--small"           # to 1,000 versions and 10 models, a minute
    make bench WHAT=growth ARGS="--versions 300 3000 --rounds 1"

A model has a slice a day and a version for each, of ten one is rejected, and every version has a log of its
own and a checkpoint. All of it lies in a directory; see `growth_store`. One process for each length measures
through the code that the command, the task or the page calls, each time as a process that knows nothing yet
of the model; `status` is the command itself, with Python's start. Of each the median over the rounds.

Prints how much longer each takes for ten times the history: 1.0 does not grow, 10 is linear, 100 quadratic.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.growth_store import DAYS, MODEL, NEW, write_model, write_pipelines
from benchmarks.workers import run_worker

_VERSIONS, _SMALL = [10, 100, 1_000, 10_000], [10, 100, 1_000]
_MODELS, _OF_EACH = 100, 100
_SLOW = 20.0
"""Seconds of a first round after which no other follows."""

TITLES = {
    "status": "`ckpt-ops status MODEL`, the command",
    "state": "the state, by the newest snapshot",
    "append": "a record appended, and a snapshot with it",
    "decide": "the task `decide`",
    "plan": "`plan --from --to`, all of it known",
    "plan, new": "`plan --from --to` of a new model",
    "slices": "`slices`: every slice",
    "show": "`show` of the newest version",
    "gc": "`gc --dry-run`",
    "replay": "the draw of the replay",
    "page": "the page of a model, made",
    "page, kept": "the page of a model, kept",
}
_FLEET_TITLES = {
    "status": "`ckpt-ops status`, the command",
    "fleet": "the Fleet page, made",
    "fleet, kept": "the Fleet page, kept",
    "gc": "`gc --dry-run`",
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one thing at one length: medians, and every round.

    Attributes:
        cpu: seconds of all threads, and of the command's process for `status`.
        wall: seconds until it was done.
    """

    cpu: float
    wall: float
    rounds: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, rounds: Sequence[tuple[float, float]]) -> Cost:
        return cls(
            cpu=statistics.median(cpu for cpu, _ in rounds),
            wall=statistics.median(wall for _, wall in rounds),
            rounds=tuple(rounds),
        )


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "measure":
        found = measure(arguments.url, arguments.dags, arguments.rounds, arguments.only)
        arguments.result.write_text(json.dumps(found))
    elif arguments.command == "fleet":
        arguments.result.write_text(json.dumps(measure_fleet(arguments.url, arguments.rounds)))
    else:
        _run(arguments)


# --- one process --------------------------------------------------------------------------------


def measure(url: str, dags: Path, rounds: int, only: Sequence[str]) -> dict[str, Any]:
    """By what is measured, its `Cost`, of the model whose store is `url`."""
    from ckpt_ops.candidates.data import replay_sizes
    from ckpt_ops.candidates.made_rows import made_rows
    from ckpt_ops.candidates.slice_rows import StoredRows
    from ckpt_ops.checkpoints.garbage import find_garbage
    from ckpt_ops.lineage import ModelLog, log
    from ckpt_ops.lineage.records import Held, Released
    from ckpt_ops.pipeline.loading import load_pipeline
    from ckpt_ops.runs.backfill import plan_backfill
    from ckpt_ops.runs.decide import decide
    from ckpt_ops.store import open_store
    from ckpt_ops.training.replay import draw
    from ckpt_ops.views import StoreViews, plain
    from ckpt_ops.views.building.model import model_view
    from ckpt_ops.views.describing import note
    from ckpt_ops.views.description import Description
    from ckpt_ops.views.known_model import keep_views

    store = open_store(url)
    pipeline = load_pipeline(MODEL, dags)
    newcomer = load_pipeline(NEW, dags)
    state = ModelLog(store, MODEL).state()
    note(store, pipeline, state)  # as every run does, and after what it records:
    keep_views(store, MODEL)
    pending, newest = state.pending()[-1].key, max(state.versions)
    begin, end = datetime(1990, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)

    def append() -> None:
        before = log.EVERY
        log.EVERY = 1  # each record takes a snapshot, as else one in a hundred
        try:
            model_log = ModelLog(store, MODEL)
            held = model_log.state().held
            began.append((_cpu(), time.perf_counter()))  # reading is a line of its own
            record = Held(reason="looked at") if held is None else Released()
            model_log.append(record, after=model_log.state())
        finally:
            log.EVERY = before

    def replay() -> None:
        consumed = {key: ref.revision for key, ref in state.consumed.items()}
        rows = made_rows(pipeline, StoredRows(pipeline, store), code="")
        sizes = replay_sizes(rows, consumed, {key: ref.rows for key, ref in state.consumed.items()})
        draw(sizes=sizes, rows=4 * 6_000, seed=1)

    began: list[tuple[float, float]] = []
    calls: dict[str, Callable[[], object]] = {
        "state": lambda: ModelLog(store, MODEL).state(),
        "decide": lambda: decide(pipeline, store, pending),
        "plan": lambda: plan_backfill(pipeline, store, begin, end),
        "plan, new": lambda: plan_backfill(newcomer, store, begin, end),
        "slices": lambda: plain(StoreViews(store, keep=False).slices(MODEL, most=None)),
        "show": lambda: plain(StoreViews(store, keep=False).version(MODEL, newest)),
        "gc": lambda: find_garbage(store),
        "replay": replay,
        "page": lambda: plain(model_view(store, ModelLog(store, MODEL).state(), Description())),
    }
    found = {name: timed(call, rounds) for name, call in calls.items() if not only or name in only}
    if not only or "page, kept" in only:
        found["page, kept"] = timed(lambda: plain(StoreViews(store).model(MODEL)), rounds)
    if not only or "status" in only:
        found["status"] = timed_command(["status", MODEL, "--json", "--store", url], rounds)
    if not only or "append" in only:
        found["append"] = timed(append, rounds, began)
    return {name: asdict(cost) for name, cost in found.items()}


def measure_fleet(url: str, rounds: int) -> dict[str, Any]:
    """As `measure`, of a store of many models."""
    from ckpt_ops.checkpoints.garbage import find_garbage
    from ckpt_ops.store import open_store
    from ckpt_ops.views import StoreViews, plain

    store = open_store(url)
    found = {
        "fleet": timed(lambda: plain(StoreViews(store, keep=False).fleet()), rounds),
        "gc": timed(lambda: find_garbage(store), rounds),
    }
    StoreViews(store).fleet()  # kept, as runs do
    found["fleet, kept"] = timed(lambda: plain(StoreViews(store).fleet()), rounds)
    found["status"] = timed_command(["status", "--json", "--store", url], rounds)
    return {name: asdict(cost) for name, cost in found.items()}


def timed(call: Callable[[], object], rounds: int, began: list[tuple[float, float]] | None = None) -> Cost:
    """What the call costs in this process.

    Args:
        began: where the call itself notes when it begins what counts; None: all of it counts.
    """
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        cpu, wall = _cpu(), time.perf_counter()
        call()
        after = (_cpu(), time.perf_counter())
        cpu, wall = began[-1] if began else (cpu, wall)
        found.append((after[0] - cpu, after[1] - wall))
        if after[1] - wall > _SLOW:
            break
    return Cost.of(found)


def timed_command(arguments: Sequence[str], rounds: int) -> Cost:
    """What the command costs, from the start of its process to its end."""
    found = []
    for _ in range(rounds):
        before, wall = _children(), time.perf_counter()
        command = [sys.executable, "-c", "from ckpt_ops.cli.main import main; main()", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr[-300:]}")
        found.append((_children() - before, time.perf_counter() - wall))
    return Cost.of(found)


def _cpu() -> float:
    return time.process_time()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- the run ------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from benchmarks.machine import machine

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    lengths = arguments.versions or (_SMALL if arguments.small else _VERSIONS)
    models = arguments.models if arguments.models is not None else (10 if arguments.small else _MODELS)
    arguments.out.mkdir(parents=True, exist_ok=True)
    raw: dict[str, Any] = {"machine": machine(), "versions": {}, "models": models, "of_each": _OF_EACH}
    with tempfile.TemporaryDirectory(prefix="growth-bench-", dir=arguments.scratch) as folder:
        home = Path(folder)
        write_pipelines(home / "dags")
        for versions in lengths:
            console.print(f"{versions:,} versions")
            root = home / f"store-{versions}"
            write_model(root, MODEL, versions)
            only = [part for name in arguments.only for part in ("--only", name)]
            raw["versions"][str(versions)] = run_worker(
                "benchmarks.growth",
                home,
                *("measure", root.as_uri(), str(home / "dags"), "--rounds", str(arguments.rounds), *only),
                environment={DAYS: str(versions + 1), "CKPT_OPS_DAGS": str(home / "dags")},
            )
            _keep(raw, arguments)
        if models and not arguments.only:
            console.print(f"{models} models of {_OF_EACH} versions")
            root = home / "fleet"
            for number in range(models):
                write_model(root, f"model_{number:03d}", _OF_EACH)
            raw["fleet"] = run_worker(
                "benchmarks.growth", home, "fleet", root.as_uri(), "--rounds", str(arguments.rounds)
            )
            _keep(raw, arguments)
    show(raw, console)
    console.print(f"raw numbers: {arguments.out}/growth.json")


def _keep(raw: dict[str, Any], arguments: argparse.Namespace) -> None:
    (arguments.out / "growth.json").write_text(json.dumps(raw, indent=1) + "\n")
    if arguments.picture is not None:
        draw(raw, arguments.picture)


def show(raw: dict[str, Any], console: Any) -> None:
    """First how much longer each takes for ten times the history, by its CPU time; then the seconds."""
    from rich.table import Table

    from benchmarks.report import number

    lengths = sorted(map(int, raw["versions"]))
    table = Table(title="Seconds; CPU in brackets", title_justify="left")
    table.add_column("what", no_wrap=True)
    for before, after in itertools.pairwise(lengths):
        table.add_column(f"{before:,}\nto {after:,}", justify="right")
    for length in lengths:
        table.add_column(f"{length:,} versions", justify="right", no_wrap=True)
    for name, title in TITLES.items():
        costs = [raw["versions"][str(length)].get(name) for length in lengths]
        if all(cost is None for cost in costs):
            continue
        table.add_row(title, *ratios(costs), *(_seconds(cost, number) for cost in costs))
    console.print(table)
    if "fleet" in raw:
        table = Table(title=f"{raw['models']} models of {raw['of_each']} versions", title_justify="left")
        table.add_column("what", no_wrap=True)
        table.add_column("seconds (CPU)", justify="right")
        for name, title in _FLEET_TITLES.items():
            table.add_row(title, _seconds(raw["fleet"][name], number))
        console.print(table)


def ratios(costs: Sequence[dict[str, Any] | None]) -> list[str]:
    """How much more CPU each takes than the one before; wall time depends on what else runs."""
    return [
        f"{after['cpu'] / before['cpu']:.1f}" if before and after else "-"
        for before, after in itertools.pairwise(costs)
    ]


def _seconds(cost: dict[str, Any] | None, number: Callable[[float], str]) -> str:
    return "-" if cost is None else f"{number(cost['wall'])} ({number(cost['cpu'])})"


def draw(raw: dict[str, Any], path: Path) -> None:
    """A line for each thing, seconds against versions; beside them what is linear."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    lengths = sorted(map(int, raw["versions"]))
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    colors = plt.get_cmap("tab20").colors
    for color, (name, title) in zip(colors, TITLES.items(), strict=False):
        found = [(length, raw["versions"][str(length)].get(name)) for length in lengths]
        points = [(length, cost["wall"]) for length, cost in found if cost]
        axes.plot(*zip(*points, strict=True), "o-", ms=3, color=color, label=title.replace("`", ""))
    first, last = lengths[0], lengths[-1]
    axes.plot((first, last), (1e-4 * first, 1e-4 * last), "--", color="#888", label="linear")
    axes.set(xscale="log", yscale="log", xlabel="versions", ylabel="seconds")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--versions", type=int, nargs="+", help="lengths of the history")
    parser.add_argument("--models", type=int, help="how many with a short one; 0: none")
    parser.add_argument("--small", action="store_true", help="to 1,000 versions, and 10 models")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--only", action="append", default=[], choices=TITLES, help="measure this alone")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    parser.add_argument("--picture", type=Path, help="draw it there, as PNG or SVG")
    parser.add_argument("--scratch", type=Path, help="for the stores (default: the temporary directory)")
    commands = parser.add_subparsers(dest="command", metavar="", help=argparse.SUPPRESS)
    one = commands.add_parser("measure")
    one.add_argument("url")
    one.add_argument("dags", type=Path)
    fleet = commands.add_parser("fleet")
    fleet.add_argument("url")
    for each in (one, fleet):
        each.add_argument("--rounds", type=int, required=True)
        each.add_argument("--result", type=Path, required=True)
    one.add_argument("--only", action="append", default=[])
    return parser


if __name__ == "__main__":
    main()
