"""How good a model stays that is kept fresh week by week, beside one trained from scratch each week.

    make bench WHAT=freshness                                             # all; an hour on one idle core
    make bench WHAT=freshness ARGS="--weeks 6 --seeds 1 --variants default new"  # a quick look

Trained to a week, each model is scored on the next, on which nothing has trained: its AUC, over 50 weeks of
flights, with several seeds. Each variant is compared with full retraining on the same week and seed. The
interval comes from drawing weeks and seeds with replacement, apart from each other (Owen 2007, "The
pigeonhole bootstrap"). Before anything is measured, the loop here has to give the weights of the product's
trainer, bit for bit. What was measured before is not measured again: the numbers of each variant and seed
stay in `--out`, so that a run that was stopped goes on. Prints a table; writes raw numbers and a picture.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_DAGS = Path(__file__).parents[1] / "dags"
_RANGES = ((3, 20), (3, 50))
_RESAMPLES = 10_000
_GOAL = -0.003


@dataclass(frozen=True, kw_only=True)
class Line:
    """A variant over a range of weeks.

    Attributes:
        auc: mean over weeks and seeds.
        gap: its mean difference to full retraining; `low` to `high` is the 95 % interval.
        steps: of all updates from the first week to the range's last.
        share: of full retraining's steps over the same weeks.
        seconds: of training, one seed, likewise.
    """

    variant: str
    weeks: tuple[int, int]
    seeds: int
    auc: float
    gap: float
    low: float
    high: float
    steps: float
    share: float
    seconds: float


Cells = Mapping[str, Mapping[int, Mapping[str, Sequence[float]]]]


def main() -> None:
    sys.path.insert(0, str(_DAGS))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from rich.console import Console

    from benchmarks.freshness_picture import draw
    from benchmarks.machine import machine
    from benchmarks.prequential import FULL, VARIANTS

    arguments = _parser(list(VARIANTS)).parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    names = list(dict.fromkeys([FULL, *arguments.variants]))
    cells = measure(names, arguments.seeds, arguments.weeks, arguments.out / "freshness", console)
    ranges = [(first, min(last, arguments.weeks)) for first, last in _RANGES]
    lines = summarize(cells, list(dict.fromkeys(ranges)))
    titles = {name: VARIANTS[name].title for name in names}
    raw = {"machine": machine(), "titles": titles, "lines": [asdict(line) for line in lines], "cells": cells}
    (arguments.out / "freshness.json").write_text(json.dumps(raw, indent=1) + "\n")
    draw(lines, cells, titles, arguments.out / "freshness.png")
    show(lines, titles, console)
    console.print(f"raw numbers and picture: {arguments.out}/freshness.json, .png")


def measure(
    names: Sequence[str], seeds: Sequence[int], weeks: int, folder: Path, console: Any
) -> dict[str, dict[int, dict[str, list[float]]]]:
    """By variant and seed what `prequential.run` found, by week trained to."""
    from benchmarks.prequential import VARIANTS, run

    folder.mkdir(parents=True, exist_ok=True)
    cells: dict[str, dict[int, dict[str, list[float]]]] = {name: {} for name in names}
    built: Any = None
    for seed in seeds:
        for name in names:
            path = folder / f"{name}-{seed}.json"
            kept = json.loads(path.read_text()) if path.exists() else {}
            made_by = repr(VARIANTS[name])
            if kept.get("variant") != made_by or len(kept["auc"]) < weeks:
                built = built or _checked_model()
                model, data = built
                console.print(f"{name}, seed {seed}")
                found = run(VARIANTS[name], model, data, seed=seed, weeks=weeks, tell=lambda week: None)
                kept = {"variant": made_by, **found}
                path.write_text(json.dumps(kept))
            cells[name][seed] = {what: kept[what][:weeks] for what in ("auc", "steps", "seconds")}
    return cells


def _checked_model() -> tuple[Any, Any]:
    from benchmarks.flight_weeks import FlightModel, FlightWeeks, agrees_with_the_trainer
    from ckpt_ops.errors import TerminalError

    data = FlightWeeks(holdout=0.2)
    model = FlightModel(data)
    if not agrees_with_the_trainer(model, data):
        raise TerminalError("the benchmark's loop does not give the weights that the trainer gives")
    return model, data


def summarize(cells: Cells, ranges: Sequence[tuple[int, int]]) -> list[Line]:
    """A line for each variant and range, in the order of the variants; full retraining is there."""
    from benchmarks.prequential import FULL

    lines = []
    for first, last in ranges:
        full = _table(cells[FULL], "auc")[:, first - 1 : last]
        all_steps = _table(cells[FULL], "steps")[:, :last].sum()
        for name, by_seed in cells.items():
            auc = _table(by_seed, "auc")[:, first - 1 : last]
            steps = _table(by_seed, "steps")[:, :last].sum()
            low, high = interval(auc - full)
            lines.append(
                Line(
                    variant=name,
                    weeks=(first, last),
                    seeds=len(by_seed),
                    auc=float(auc.mean()),
                    gap=float((auc - full).mean()),
                    low=low,
                    high=high,
                    steps=float(steps / len(by_seed)),
                    share=float(steps / all_steps),
                    seconds=float(_table(by_seed, "seconds")[:, :last].sum() / len(by_seed)),
                )
            )
    return lines


def interval(differences: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % of the means over seeds and weeks drawn with repeats; `differences` of shape (seeds, weeks)."""
    random = np.random.default_rng(0)
    seeds, weeks = differences.shape
    means = [
        differences[np.ix_(random.integers(0, seeds, seeds), random.integers(0, weeks, weeks))].mean()
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def show(lines: Sequence[Line], titles: Mapping[str, str], console: Any) -> None:
    """A table for each range of weeks."""
    from rich.table import Table

    from benchmarks.prequential import OURS

    for weeks in dict.fromkeys(line.weeks for line in lines):
        here = [line for line in lines if line.weeks == weeks]
        table = Table(
            title=f"AUC on the week after, weeks {weeks[0]}-{weeks[1]}, {here[0].seeds} seeds",
            title_justify="left",
        )
        table.add_column("each week")
        for heading in ("AUC", "to full retraining", "95 %", "steps", "of full's", "seconds"):
            table.add_column(heading, justify="right", no_wrap=True)
        for line in here:
            table.add_row(
                titles[line.variant],
                f"{line.auc:.4f}",
                f"{line.gap:+.4f}",
                f"{line.low:+.4f} to {line.high:+.4f}",
                f"{line.steps:,.0f}",
                f"{line.share:.1%}",
                f"{line.seconds:,.0f}",
                style="bold" if line.variant == OURS else "",
            )
        console.print(table)


def _table(by_seed: Mapping[int, Mapping[str, Sequence[float]]], what: str) -> npt.NDArray[np.float64]:
    """Shape (seeds, weeks)."""
    return np.array([found[what] for found in by_seed.values()], np.float64)


def _parser(variants: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.freshness", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--weeks", type=int, default=50, help="trained to (default 50, of 52)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--variants", nargs="+", choices=variants, default=variants, metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    return parser


if __name__ == "__main__":
    main()
