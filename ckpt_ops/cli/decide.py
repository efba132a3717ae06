"""`ckpt-ops promote`, `reject`, `release`, `resolve`: what waits for a person, answered."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops import promotion
from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, SliceOption, Version, Why
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.intake import decisions


def promote(
    model: Model,
    version: Version,
    why: Why,
    approve: Annotated[
        bool, typer.Option("--approve", help="Required, so that nothing is promoted by accident.")
    ] = False,
    despite_gates: Annotated[
        bool,
        typer.Option("--despite-gates", help="Promote a version that the gates rejected; the log says so."),
    ] = False,
    store: StoreOption = None,
) -> None:
    """Approve a version that awaits approval, and promote it.

    With --despite-gates, also a version that the gates rejected. The champion that it was compared with must
    still be the head, and its slices must not have changed.

    Example: ckpt-ops promote flight_delay 7 --approve --why "checked by hand"
    """
    if not approve:
        raise BadInput("--approve", None, "to be given, so that no version is promoted by accident")
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.step_results import Settlement
    from ckpt_ops.runs.approve import approve as approve_version

    pipeline = load_pipeline(model)
    with chosen_store(store) as opened:
        before = views.state_of(opened, model)
        done = approve_version(pipeline, opened, version, why, despite_gates=despite_gates)
    if done.decision is Settlement.SHADOW:
        raise TerminalError(
            f"version {version} of {model} stays in shadow: {done.why}",
            safe="the champion serves on",
            next="nothing to do: the runs of the next slices go on with it",
        )
    if not done.promoted:
        raise TerminalError(
            f"version {version} of {model} is {done.decision}: {done.why}",
            safe="the champion serves on; the version's slices are pending again",
            next="run them again: their candidate trains from the current champion",
        )
    output.say(f"Version {version} of {model} is in production: {done.why}")
    if before.held is not None:
        output.say(f"{model} is still on hold: {before.held}\nNext: ckpt-ops release {model} --why TEXT")


def reject(model: Model, version: Version, why: Why, store: StoreOption = None) -> None:
    """Reject a version that is trained and not decided on.

    That is a version that awaits approval, is in shadow, or whose run stopped before its decision. Its slices
    are pending again.

    Example: ckpt-ops reject flight_delay 7 --why "worse on small airports"
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        state = promotion.reject(opened, model, version, why)
    pending = ", ".join(ref.key for ref in state.pending()) or "none"
    output.console().print(f"Version {version} of {model} is rejected. Pending slices: {pending}")


def release(model: Model, why: Why, store: StoreOption = None) -> None:
    """End the hold of a model, so that its runs train again.

    A model is put on hold after several rejections in a row; their count starts again at zero.

    Example: ckpt-ops release flight_delay --why "the source is corrected"
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        promotion.release(opened, model, why)
    output.console().print(f"{model} is no longer on hold.")


def resolve(
    model: Model,
    slice_key: SliceOption,
    why: Why,
    fork: Annotated[
        bool | None,
        typer.Option(
            "--fork/--append",
            help="Fork: a rebase trains on it in its place. Append: its next run trains on it.",
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Decide what becomes of a late slice: append or fork.

    A slice is late when newer ones were consumed before it came; beyond the pipeline's `late_slices` it
    awaits this decision. The decision can be changed until the slice is trained on.

    Example: ckpt-ops resolve flight_delay --slice 2013-01-06 --append --why "a small correction"
    """
    if fork is None:
        raise BadInput("--fork/--append", None, "one of them")
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        decisions.resolve(opened, model, slice_key, why, fork=fork)
    if fork:
        what, next_ = (
            "trained on in its place, by a rebase",
            f"ckpt-ops plan {model}, then ckpt-ops rebase {model}",
        )
    else:
        what = "appended after what was consumed"
        next_ = f"clear its run in Airflow, or ckpt-ops run {model} --slice {slice_key}"
    output.say(f"Slice {slice_key} of {model} will be {what}.\nNext: {next_}")
