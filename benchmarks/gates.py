"""Is the gate right? What it says of candidates, beside what the four weeks after them show.

    make bench WHAT=gates                                                 # all ways, three seeds; some hours
    make bench WHAT=gates ARGS="--seeds 0 --scale 0.25 --ways random"     # a quick look: minutes
    make bench WHAT=gates ARGS="--processes 8"                            # ways and seeds side by side

Real weeks of flights come one after the other: as they were, in a world that changes, or with a week that is
damaged. The product's own decision is lived through: planner, update policy, gates, rejections, holds; each
slice by itself, and three at a time. Each candidate, promoted or not, is compared with its champion on all
rows of the four weeks after those that it learned and those that evaluated it, as these really were. What a
damaged week does to production is the head's AUC beside that of the same history without the damage.

What was measured by the same code is not measured again: it stays in `--out`, one file a way and seed, so
that a run that was stopped goes on. Prints tables; writes raw numbers and a picture.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.gates_runs import Found

_ROOT = Path(__file__).parents[1]
_DAYS = 7
_KNOWN = 52
"""Weeks, without the last, of which there are three days."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one way and seed are measured with."""

    way: str
    seed: int
    weeks: int
    kinds: tuple[str, ...]
    scale: float


def main() -> None:
    _prepare()
    from rich.console import Console

    from benchmarks.gates_histories import KINDS
    from benchmarks.gates_picture import draw
    from benchmarks.gates_summary import summarize
    from benchmarks.gates_tables import show
    from benchmarks.gates_ways import HELD_OUT, WAYS
    from benchmarks.machine import machine

    arguments = _parser(list(WAYS), KINDS).parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    cells = [
        Asked(
            way=way, seed=seed, weeks=arguments.weeks, kinds=tuple(arguments.histories), scale=arguments.scale
        )
        for seed in arguments.seeds
        for way in arguments.ways
    ]
    found = measure(cells, arguments.out / "gates", arguments.processes)
    lines = [
        summarize(
            way,
            [found[one] for one in cells if one.way == way],
            held_out=HELD_OUT,
            days=WAYS[way].shadow * _DAYS,
        )
        for way in arguments.ways
    ]
    titles = {way: WAYS[way].title for way in arguments.ways}
    raw = {
        "machine": machine(),
        "titles": titles,
        "lines": [asdict(line) for line in lines],
        "cells": [{"asked": asdict(one), "found": asdict(found[one])} for one in cells],
    }
    (arguments.out / "gates.json").write_text(json.dumps(raw, indent=1) + "\n")
    by_way = {way: [found[one] for one in cells if one.way == way] for way in arguments.ways}
    draw(lines, by_way, titles, arguments.out / "gates.png")
    show(lines, titles, console)
    console.print(f"raw numbers and picture: {arguments.out}/gates.json, .png")


# --- measuring ----------------------------------------------------------------------------------


def measure(cells: Sequence[Asked], folder: Path, processes: int) -> dict[Asked, Found]:
    """Each cell, from its file if this code wrote it."""
    folder.mkdir(parents=True, exist_ok=True)
    by = _code()
    missing = [one for one in cells if _kept(one, folder, by) is None]
    if processes > 1 and len(missing) > 1:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            for _ in pool.map(_measured, missing, [folder] * len(missing), [by] * len(missing)):
                pass
    else:
        for one in missing:
            _measured(one, folder, by)
    return {one: _read(_kept(one, folder, by)) for one in cells}


def _measured(asked: Asked, folder: Path, by: str) -> None:
    _prepare()
    from benchmarks.gates_histories import WAITS, Story, stories
    from benchmarks.gates_models import WeekModels
    from benchmarks.gates_runs import run
    from benchmarks.gates_ways import WAYS

    way = WAYS[asked.way]

    def told(seed: int) -> list[Story]:
        each = (
            stories(
                every=every,
                seed=seed,
                weeks=asked.weeks,
                known=_KNOWN,
                shadow=way.shadow,
                kinds=asked.kinds,
                scale=asked.scale,
            )
            for every in WAITS
        )
        return list(chain.from_iterable(each))

    own = told(asked.seed)
    model, deliveries = _built(asked.seed, asked.weeks, asked.kinds, asked.scale)
    began, done = time.perf_counter(), 0

    def tell(story: Story, message: str) -> None:
        nonlocal done
        done += 1
        at = f" in {', '.join(map(str, story.damaged))}" if story.kind == "damaged" else ""
        print(
            f"{asked.way}, seed {asked.seed}, {time.perf_counter() - began:5.0f} s, {done:3} of {len(own)}: "
            f"{story.kind} {story.name}{at}, every {story.every}: {message}",
            flush=True,
        )

    models = WeekModels(model, deliveries, way, asked.seed)
    found = run(own, models, way, seed=asked.seed, tell=tell)
    value = {"by": by, "asked": asdict(asked), "found": asdict(found)}
    path = _path(asked, folder)
    path.with_suffix(".part").write_text(json.dumps(value) + "\n")
    path.with_suffix(".part").rename(path)


@cache
def _built(seed: int, weeks: int, kinds: tuple[str, ...], scale: float) -> tuple[Any, Any]:
    """A model over every delivery that some way's stories with that seed have."""
    from benchmarks.flight_weeks import FlightModel, FlightWeeks, agrees_with_the_trainer
    from benchmarks.gates_histories import CLEAN, WAITS, Deliveries, stories
    from benchmarks.gates_ways import HELD_OUT
    from ckpt_ops.errors import TerminalError

    flights = FlightWeeks(holdout=HELD_OUT)
    deliveries = Deliveries(flights)
    for week in range(_KNOWN):
        deliveries.add(week, CLEAN)
    for every in WAITS:
        for story in stories(
            every=every, seed=seed, weeks=weeks, known=_KNOWN, shadow=0, kinds=kinds, scale=scale
        ):
            for week, what in story.delivered.items():
                deliveries.add(week, what)
    model = FlightModel(deliveries)
    if not agrees_with_the_trainer(model, flights):
        raise TerminalError("the benchmark's loop does not give the weights that the trainer gives")
    return model, deliveries


def _prepare() -> None:
    for path in (str(_ROOT), str(_ROOT / "dags")):
        if path not in sys.path:
            sys.path.insert(0, path)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _code() -> str:
    """Stands for all code that shapes a decision or a weight."""
    import blake3

    hasher = blake3.blake3()
    folders = ("ckpt_ops", "dags/flight_delay", "demo", "benchmarks")
    for path in sorted(path for folder in folders for path in (_ROOT / folder).rglob("*.py")):
        if path.parent.name != "benchmarks" or path.stem in _SHAPES:
            hasher.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return hasher.hexdigest()[:16]


_SHAPES = (
    "flight_weeks",
    "gates_damage",
    "gates_histories",
    "gates_judging",
    "gates_models",
    "gates_runs",
    "gates_ways",
)


def _path(asked: Asked, folder: Path) -> Path:
    return folder / f"{asked.way}-{asked.seed}.json"


def _kept(asked: Asked, folder: Path, by: str) -> Mapping[str, Any] | None:
    path = _path(asked, folder)
    kept = json.loads(path.read_text()) if path.exists() else {}
    same = kept.get("by") == by and kept["asked"] == json.loads(json.dumps(asdict(asked)))
    return kept["found"] if same else None


def _read(value: Mapping[str, Any] | None) -> Found:
    from benchmarks.gates_judging import Judgement
    from benchmarks.gates_runs import Candidate, Found, Poison, Weeks

    value = value or {}
    candidates = []
    for one in value["candidates"]:
        said = one["judgement"]
        lists = {name: tuple(said[name]) for name in ("weeks", "damaged", "refused_by")}
        candidates.append(Candidate(**{**one, "judgement": Judgement(**{**said, **lists})}))
    return Found(
        candidates=candidates,
        poisons=[Poison(**one) for one in value["poisons"]],
        weeks=[Weeks(**one) for one in value["weeks"]],
    )


def _parser(ways: Sequence[str], kinds: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gates", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--weeks", type=int, default=45, help=f"of the longest histories (default 45, of {_KNOWN - 6})"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways, metavar="NAME", help=", ".join(ways))
    parser.add_argument(
        "--histories",
        nargs="*",
        choices=kinds,
        default=kinds,
        metavar="KIND",
        help=f"beside the clean one: {', '.join(kinds)} (default all)",
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the histories with one damaged week"
    )
    parser.add_argument("--processes", type=int, default=1, help="side by side (default 1)")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    return parser


if __name__ == "__main__":
    main()
