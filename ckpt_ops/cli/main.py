"""The command `ckpt-ops`.

Exit codes: 0 done; 1 it failed; 2 what was asked for is not allowed; 3 `status` found a champion that is
tainted; 4 a slice of `run` or `validate` is not accepted. Errors go to standard error: what happened, what is
safe, what to do next.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from ckpt_ops.cli import (
    backtest,
    convert,
    correct,
    decide,
    diagnose,
    forget,
    gc,
    look,
    new,
    plan,
    quarantine,
    render,
    repair,
    report,
    run,
    save_now,
    slice,
    verify,
    versions,
)
from ckpt_ops.errors import BadInput, CkptOpsError


class Commands(TyperGroup):
    """Turns our errors into words and an exit code; any other exception is a bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CkptOpsError as error:
            render.note(str(error))
            raise typer.Exit(2 if isinstance(error, BadInput) else 1) from error


app = typer.Typer(
    name="ckpt-ops",
    cls=Commands,
    help="What a model has learned and from what; and what a person may change.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    look.status,
    look.log,
    look.show,
    look.slices,
    versions.production,
    versions.diff,
    versions.card,
    report.report,
    report.evaluation,
    verify.verify,
    verify.drill,
    verify.export,
    run.run,
    slice.slice_,
    slice.validate,
    decide.promote,
    decide.reject,
    correct.rollback,
    correct.withdraw,
    correct.release,
    plan.plan,
    plan.rebase,
    plan.resolve,
    plan.taint,
    diagnose.bisect,
    diagnose.reproduce,
    diagnose.audit,
    convert.convert,
    convert.predict,
    convert.publish,
    backtest.backtest,
    save_now.save_now,
    forget.forget,
    forget.purge,
    gc.gc,
    repair.repair,
):
    app.command(command.__name__.strip("_").replace("_", "-"))(command)
app.add_typer(quarantine.app)
app.add_typer(new.new)
app.add_typer(new.check)


def main() -> None:
    """Run the command given on the command line."""
    # records say what caused them
    os.environ.setdefault("CKPT_OPS_RUN", " ".join(["ckpt-ops", *sys.argv[1:2]]))
    signal.signal(signal.SIGTERM, _end)
    app()


def _end(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: what the command started is stopped too."""
    raise SystemExit(128 + number)
