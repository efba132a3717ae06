"""A running training, drawn for people: as a line, and as what is redrawn in a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ckpt_ops.cli.sparkline import sparkline
from ckpt_ops.duration import duration
from ckpt_ops.printable import printable
from ckpt_ops.views.shapes import TrainingNow
from ckpt_ops.worker import Phase, StepsDone

_SILENT_SECONDS = 10.0
_METRICS = 4
_WIDTH = 40


def line(now: TrainingNow) -> str:
    """One report, as a line."""
    told = [head(now), now.phase]
    if now.last:
        told.append(_steps(now).text)
    if now.saves:
        told.append(_saves(now))
    return ": ".join(filter(None, [told[0], ", ".join([*told[1:], *_warnings(now)])]))


def drawn(now: TrainingNow) -> RenderableType:
    """All that is known, in a few lines no wider than 80 columns."""
    parts: list[RenderableType] = [Text(printable(f"{head(now)}: {_about(now)}"), style="bold")]
    if now.last:
        steps = Table.grid(padding=(0, 2))
        left = "" if now.seconds_left is None else f"{duration(now.seconds_left)} left"
        steps.add_row(
            f"step {now.step:,} of {now.last:,}",
            ProgressBar(total=now.last, completed=now.step, width=_WIDTH),
            left,
        )
        parts.append(steps)
    if now.metrics:
        metrics = Table.grid(padding=(0, 2))
        for name in list(now.metrics)[:_METRICS]:
            series = [values.get(name) for _, values in now.history]
            metrics.add_row(
                printable(name), f"{now.metrics[name]:.4f}", sparkline(series, width=_WIDTH), style=None
            )
        parts.append(metrics)
    parts += [Text(one) for one in _rest(now)]
    parts += [Text(one, style="yellow") for one in _warnings(now)]
    return Group(*parts)


def head(now: TrainingNow) -> str:
    """Which training it is."""
    return f"{now.model} version {now.version}, attempt {now.attempt or 1}"


def _about(now: TrainingNow) -> str:
    keys = f" on {now.slices[-1]}" if now.slices else ""
    more = f" and {len(now.slices) - 1} before it" if len(now.slices) > 1 else ""
    return f"{now.phase}{keys}{more}"


def _steps(now: TrainingNow) -> StepsDone:
    return StepsDone(
        step=now.step,
        last=now.last,
        metrics=dict(list(now.metrics.items())[:_METRICS]),
        rows_per_second=now.rows_per_second,
        seconds_left=now.seconds_left,
        stall_seconds=now.stall_seconds,
    )


def _rest(now: TrainingNow) -> Iterator[str]:
    if now.rows_per_second is not None and now.steps_per_second is not None:
        yield f"{now.rows_per_second:,.0f} rows/s, {now.steps_per_second:,.1f} steps/s"
    if now.saves:
        step, nbytes, new = now.saves[-1]
        yield f"{_saves(now)}, the last at step {step:,}: {nbytes:,} bytes, {new:,} of them new"
    often = f", about every {duration(now.save_every)}" if now.save_every is not None else ""
    if now.stall_seconds >= 0.05 or often:
        yield f"saves kept it waiting {duration(now.stall_seconds)}{often}"


def _saves(now: TrainingNow) -> str:
    return f"{len(now.saves)} checkpoint{'' if len(now.saves) == 1 else 's'}"


def _warnings(now: TrainingNow) -> Iterator[str]:
    silent = time.time() - datetime.fromisoformat(now.updated).timestamp()
    if now.lost:
        yield f"lost: not reported for {duration(silent)}, it may be dead"
    elif now.phase == Phase.ENDED:
        yield "its attempt is over without a result: a retry goes on from the last checkpoint"
    elif silent > _SILENT_SECONDS:
        yield f"it has said nothing for {duration(silent)}"
