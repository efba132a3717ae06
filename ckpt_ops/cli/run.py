"""`ckpt-ops run`: the steps of a slice, or of a range of them, here and without Airflow."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import output
from ckpt_ops.cli.options import FromKey, ModelOrIntake, ToKey
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TerminalError

NOT_ACCEPTED = 4
"""Exit code of `run` and `validate`: nothing failed, and a slice is quarantined, discarded or withdrawn."""


def run(
    pipeline: ModelOrIntake,
    slice_key: Annotated[
        str | None, typer.Option("--slice", metavar="KEY", help="Key of the one slice to run.")
    ] = None,
    first: FromKey = None,
    last: ToKey = None,
    everything: Annotated[bool, typer.Option("--all", help="Run every slice that the source has.")] = False,
    store: StoreOption = None,
) -> None:
    """Run one slice, or a range of slices, without Airflow.

    The steps of the DAG, here: pull, validate, decide, train, evaluate, promote. An intake, which has no
    model, pulls and validates. Give --slice, or --from, --to or both, or --all. Exit code 4: a slice is not
    accepted.

    Example: ckpt-ops run flight_delay --from 2013-01-06 --to 2013-02-03
    """
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.runs.slice_runs import NotRun, run_all, run_one, summary
    from ckpt_ops.runs.standing_by import expect_validation

    keys = _keys(pipeline, slice_key, first, last, everything)
    described = load_intake(pipeline)
    with chosen_store(store) as opened, output.saying() as say:
        if keys is not None:
            done = [run_one(described, opened, key, say) for key in keys]
            say(f"{done[0].decision}: {done[0].why}")
        else:
            from ckpt_ops.intake.at_source import keys_between

            keys = keys_between(described, first, last)
            if not keys:
                raise BadInput(
                    "--from/--to",
                    f"{first or 'the first'} to {last or 'the last'}",
                    f"a range in which source {described.source.name} has a slice",
                    next=f"ckpt-ops plan {pipeline} lists what is there and what is missing",
                )
            done = run_all(described, opened, keys, say)
            say(summary(done, len(keys)))
        expect_validation(described)  # of the next call
    declined = [ran for ran in done if ran.accepted is False]
    if declined:
        output.say(
            f"Next: ckpt-ops quarantine show {pipeline} {declined[0].key}. Report: {declined[0].report}"
        )
    failed = [ran for ran in done if ran.decision is NotRun.FAILED and ran.error is not None]
    if failed:
        error = failed[0].error
        raise TerminalError(
            f"slice {failed[0].key}: {failed[0].why}",
            safe="; ".join(filter(None, [error.safe if error else "", "what ran before it is kept"])),
            next=(f"{error.next}. Then " if error and error.next else "")
            + f"ckpt-ops run {pipeline} --from {failed[0].key} goes on there",
        )
    if declined:
        raise typer.Exit(NOT_ACCEPTED)


def _keys(
    pipeline: str, slice_key: str | None, first: str | None, last: str | None, everything: bool
) -> list[str] | None:
    """The one slice that is meant; None for a range. Raises `BadInput` unless exactly one way is given."""
    given = [slice_key is not None, first is not None or last is not None, everything]
    if sum(given) != 1:
        raise BadInput(
            "--slice/--from/--to/--all",
            None,
            "one of --slice KEY, --from KEY and --to KEY (or one of the two), and --all",
            next=f"ckpt-ops plan {pipeline} lists the slices",
        )
    return None if slice_key is None else [slice_key]
