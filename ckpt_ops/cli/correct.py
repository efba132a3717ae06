"""`ckpt-ops rollback`, `withdraw`, `taint`, `rebase`: what went wrong, taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops import promotion
from ckpt_ops.cli import output, views
from ckpt_ops.cli.fleet_rollback import moment, roll_back_all
from ckpt_ops.cli.many import Yes, models_meant
from ckpt_ops.cli.options import Model, ModelOrFleet, SliceOption, Why
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.intake import decisions
from ckpt_ops.lineage.production import head_at


def rollback(
    model: ModelOrFleet,
    why: Why,
    to: Annotated[
        int | None, typer.Option("--to", metavar="VERSION", help="A version that was in production.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="Instead of --to: what was in production then, UTC."),
    ] = None,
    yes: Yes = False,
    store: StoreOption = None,
) -> None:
    """Put a version back into production.

    The version becomes the head: it is served, and the next candidate trains from it. Slices that only
    later versions consumed are pending again. To undo a rollback, roll back to the later version.

    Of a fleet, or of the models that fit a pattern, each goes back to what it had in production at a time.
    What would be done is shown and asked about once; a model that fails stops none of the others. Exit
    code 1: some are not where they were to go. The same command, run again, goes on.

    Example: ckpt-ops rollback flight_delay --to 6 --why "7 is too sure of itself"
    """
    if (to is None) == (as_of is None):
        raise BadInput("--to/--as-of", None, "one of --to VERSION and --as-of TIME")
    at = None if as_of is None else moment(as_of)
    with chosen_store(store) as opened:
        many = models_meant(opened, model)
        if many is not None:
            roll_back_all(opened, many, to=to, as_of=at, why=why, yes=yes)
            return
        before = views.state_of(opened, model)
        target = to if at is None else head_at(before, at)
        if target is None:
            raise BadInput("--as-of", as_of, f"a time at which a version of {model} was in production")
        state = promotion.rollback(opened, model, target, why)
    pending = ", ".join(ref.key for ref in state.pending()) or "none"
    output.console().print(f"Version {state.head} of {model} is the head again. Pending slices: {pending}")


def withdraw(model: Model, slice_key: SliceOption, why: Why, store: StoreOption = None) -> None:
    """Withdraw a slice, so that nothing trains on it again.

    If a version has consumed the slice, that version stays in production and a rebase is due. Other content
    of the same slice, delivered later, is validated as any slice.

    Example: ckpt-ops withdraw flight_delay --slice 2013-01-27 --why "test data"
    """
    with chosen_store(store) as opened:
        before = views.state_of(opened, model).consumed_by(slice_key)
        decisions.withdraw(opened, model, slice_key, why)
    output.console().print(f"Slice {slice_key} of {model} is withdrawn.")
    if before is not None:
        output.say(f"Version {before} consumed it. Next: ckpt-ops plan {model}, then ckpt-ops rebase {model}")


def taint(
    model: Model,
    slice_key: SliceOption,
    why: Why,
    lift: Annotated[bool, typer.Option("--lift", help="Lift the taint of the slice.")] = False,
    store: StoreOption = None,
) -> None:
    """Mark a slice as poisoned, and the versions trained on it.

    Nothing trains on the slice, no candidate trains from a marked version, and no marked version is promoted.
    A marked champion stays in production, and a rebase is due.

    Example: ckpt-ops taint flight_delay --slice 2013-01-27 --why "labels were shifted"
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        change = decisions.lift_taint if lift else decisions.taint
        state = change(opened, model, slice_key, why)
    out = output.console()
    if lift:
        out.print(f"Slice {slice_key} of {model} is no longer tainted.")
        return
    tainted = [one for one in state.tainted.values() if one.slice.key == slice_key][-1]
    consumers = state.consumers_of({tainted.slice.id})
    marked = [str(number) for number in consumers if state.versions[number].trained is not None]
    out.print(f"Slice {slice_key} of {model} is tainted. Marked versions: {', '.join(marked) or 'none'}")
    if state.taint(state.head) is not None:
        out.print(f"The champion, version {state.head}, is among them. Next: ckpt-ops plan {model}")


def rebase(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """Retrain the versions that a changed slice affects.

    A slice has changed if it was corrected, withdrawn or tainted, or if it came late and is to fork. Training
    restarts from the last version before the change and goes through all slices since. If the result passes
    the gates, it becomes the head. `ckpt-ops plan MODEL` shows the steps beforehand. After an interruption,
    run the command again to go on.

    Example: ckpt-ops rebase flight_delay
    """
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.result_json import to_json
    from ckpt_ops.pipeline.step_results import Settlement
    from ckpt_ops.runs import rebase as rebasing

    pipeline = load_pipeline(model)
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        report = output.nothing if json else output.console().print
        done = rebasing.rebase(pipeline, opened, report)
    output.answer(to_json(done), lambda _: None, json=json)  # people read it in the report
    settled = done.settled
    if settled.decision not in (Settlement.PROMOTED, Settlement.WAITING):
        override = f"ckpt-ops promote {model} {settled.version} --approve --despite-gates --why TEXT"
        raise TerminalError(
            f"the rebase of {model} was {settled.decision}: {settled.why}",
            safe=f"the champion serves on; version {settled.version} and the steps before it are kept",
            next=f"ckpt-ops show {model} {settled.version}; with other gates, run this again, or {override}",
        )
