"""`ckpt-ops backtest` of many models."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from ckpt_ops.cli import output
from ckpt_ops.cli.many import ask
from ckpt_ops.errors import BadInput, CkptOpsError
from ckpt_ops.fleets.backtests import PolicyOverModels, over_models, question
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store
from ckpt_ops.worker.progress import Progress

if TYPE_CHECKING:
    from ckpt_ops.backtest.compare import Asked
    from ckpt_ops.pipeline import Pipeline

View = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """Of one model.

    Attributes:
        slices: how many are replayed.
        known: its result of the same question, from an earlier call.
        why: why it cannot be replayed; "": it can.
    """

    model: str
    pipeline: Pipeline | None = None
    asked: Asked | None = None
    head: int = 0
    slices: int = 0
    question: str = ""
    known: View | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ManyAsked:
    """What is asked of all models; `metric` None: of each the usual one. See `backtest.compare.Asked`."""

    policies: Path
    metric: str | None
    first: str | None
    last: str | None
    folder: Path | None


def backtest_all(
    store: Store,
    models: Sequence[str],
    many: ManyAsked,
    *,
    yes: bool,
    json: bool,
    write: Callable[[View, Path], None],
    progress: Callable[[Progress], None],
) -> None:
    """Show what is replayed, ask once, and replay each. Exit code 1: one could not be replayed.

    Args:
        write: writes a model's result into a folder.
    """
    from ckpt_ops.backtest.compare import run_backtest

    plans = [_plan(store, model, many) for model in models]
    _check_metric(plans)
    output.console(stderr=json).print(_plan_table(plans))
    todo = [one for one in plans if one.pipeline is not None and one.known is None]
    if todo:
        ask(f"Replay {len(todo):,} of {len(plans):,} models?", yes=yes)
    found: list[View] = []
    errors = {one.model: one.why for one in plans if one.why}
    for one in plans:
        if one.known is not None:
            found.append(one.known)
        elif one.pipeline is not None and one.asked is not None:
            output.note(f"{one.model}: replaying {one.slices} slices")
            try:
                result = run_backtest(one.pipeline, store, one.head, one.asked, progress)
            except CkptOpsError as error:
                errors[one.model] = in_short(error)
                output.note(f"{one.model}: {error}")
                continue
            view = {"model": one.model, "question": one.question, **result.to_json()}
            if many.folder is not None:
                write(view, many.folder / one.model)
            found.append(view)
    together = over_models(found)
    answer = {"models": found, "errors": errors, "policies": [asdict(one) for one in together]}
    output.answer(answer, lambda _: _show(found, together, errors), json=json)
    if errors:
        raise typer.Exit(1)


def _plan(store: Store, model: str, many: ManyAsked) -> _Planned:
    from ckpt_ops.backtest.compare import Asked, usual_metric
    from ckpt_ops.backtest.policies_file import load_policies, pipelines_under
    from ckpt_ops.backtest.recorded import recorded
    from ckpt_ops.lineage import ModelLog
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.code.digests import digests_of

    policies = load_policies(many.policies)  # what is wrong with the file is wrong for all
    try:
        pipeline = load_pipeline(model)
        pipelines_under(pipeline, policies)
        metric = many.metric or usual_metric(pipeline)
        asked = Asked(policies=many.policies, metric=metric, first=many.first, last=many.last)
        state = ModelLog(store, model).state()
        replayed = recorded(state, first=many.first, last=many.last)
        digests = digests_of(pipeline)
        settings = (pipeline.training_config(), pipeline.gates, pipeline.late_slices, pipeline.max_rejections)
        code = f"{digests.code} {digests.lock} {settings!r}"
        known = _known(many.folder, model, of := question(asked, replayed, code=code))
    except Exception as error:  # noqa: BLE001 - the code of a user, for one of many
        return _Planned(model=model, why=in_short(error))
    return _Planned(
        model=model,
        pipeline=pipeline,
        asked=asked,
        head=state.head or 0,
        slices=len(replayed.slices),
        question=of,
        known=known,
    )


def _known(folder: Path | None, model: str, of: str) -> View | None:
    """The result of an earlier call, if it answers the same question."""
    if folder is None:
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: View = json_format.loads((folder / model / "backtest.json").read_text())
        return found if found["question"] == of else None
    return None


def _check_metric(plans: Sequence[_Planned]) -> None:
    metrics = sorted({one.asked.metric for one in plans if one.asked is not None})
    if len(metrics) > 1:
        raise BadInput("--metric", None, f"one for all models, which have {', '.join(metrics)}")


def _plan_table(plans: Sequence[_Planned]) -> Table:
    table = Table("model", "slices", "what happens")
    for one in plans:
        what = f"cannot: {one.why}" if one.why else "done already" if one.known else "replay"
        table.add_row(one.model, str(one.slices) if one.slices else "-", what)
    return table


def _show(found: Sequence[View], together: Sequence[PolicyOverModels], errors: dict[str, str]) -> None:
    if found:
        metric = found[0]["metric"]
        columns = ("policy", "models", f"mean {metric}", "best on", "updates", "steps", "training s")
        table = Table(*columns, title=f"{len(found):,} models", title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for one in together:
            mean = "-" if one.mean is None else f"{one.mean:.4f}"
            table.add_row(
                one.name,
                f"{one.models:,}",
                mean,
                f"{one.best:,}",
                f"{one.updates:,}",
                f"{one.steps:,}",
                f"{one.seconds:.1f}",
            )
        output.console().print(table)
    for model, why in errors.items():
        output.say(f"Not replayed: {model}: {why}")
