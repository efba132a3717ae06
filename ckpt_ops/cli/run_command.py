"""`ckpt-ops run`: the steps of a slice, or of a range of them, here and without Airflow."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import render
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TerminalError

NOT_ACCEPTED = 4
"""Exit code of `run` and `validate`: nothing failed, and a slice is quarantined, discarded or withdrawn."""

FromKey = Annotated[str | None, typer.Option("--from", metavar="KEY", help="The first slice of a range.")]
ToKey = Annotated[str | None, typer.Option("--to", metavar="KEY", help="The last slice of a range.")]


def run(
    pipeline: Annotated[str, typer.Argument(metavar="MODEL_OR_INTAKE", help="A folder of dags/.")],
    slice_key: Annotated[
        str | None, typer.Option("--slice", metavar="KEY", help="The slice's key, to run it alone.")
    ] = None,
    first: FromKey = None,
    last: ToKey = None,
    everything: Annotated[bool, typer.Option("--all", help="Every slice that the source has.")] = False,
    store: StoreOption = None,
) -> None:
    """Pull, validate, decide, train, evaluate and promote one slice, or a range, here and without Airflow.

    An intake, which has no model, pulls and validates. Exit code 4: a slice is not accepted.
    """
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.pipeline.running import NotRun, run_all, run_one, summary

    keys = _keys(pipeline, slice_key, first, last, everything)
    described = load_intake(pipeline)
    out = render.console()

    def say(line: str) -> None:
        out.print(line, soft_wrap=True)

    with chosen_store(store) as opened:
        if keys is not None:
            done = [run_one(described, opened, key, say) for key in keys]
            say(f"{done[0].decision}: {done[0].why}")
        else:
            from ckpt_ops.pipeline.at_source import keys_between

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
    refused = [ran for ran in done if ran.accepted is False]
    if refused:
        say(f"Next: ckpt-ops quarantine show {pipeline} {refused[0].key}. Report: {refused[0].report}")
    failed = [ran for ran in done if ran.decision is NotRun.FAILED and ran.error is not None]
    if failed:
        error = failed[0].error
        raise TerminalError(
            f"slice {failed[0].key}: {failed[0].why}",
            safe="; ".join(filter(None, [error.safe if error else "", "what ran before it stands"])),
            next=(f"{error.next}. Then " if error and error.next else "")
            + f"ckpt-ops run {pipeline} --from {failed[0].key} goes on there",
        )
    if refused:
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
