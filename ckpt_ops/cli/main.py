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
    backtest_command,
    checkpoint_commands,
    decision_commands,
    forget_commands,
    fork_commands,
    gc_command,
    history_commands,
    quarantine_commands,
    read_commands,
    render,
    repair_command,
    report_command,
    run_command,
    serving_commands,
    slice_commands,
    source_commands,
    training_commands,
    version_commands,
    write_commands,
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
    read_commands.status,
    read_commands.log,
    read_commands.show,
    read_commands.slices,
    version_commands.production,
    version_commands.diff,
    version_commands.card,
    report_command.report,
    report_command.evaluation,
    checkpoint_commands.verify,
    checkpoint_commands.drill,
    checkpoint_commands.export,
    run_command.run,
    slice_commands.slice_,
    slice_commands.validate,
    decision_commands.promote,
    decision_commands.reject,
    write_commands.rollback,
    write_commands.withdraw,
    write_commands.release,
    fork_commands.plan,
    fork_commands.rebase,
    fork_commands.resolve,
    fork_commands.taint,
    history_commands.bisect,
    history_commands.reproduce,
    history_commands.audit,
    serving_commands.convert,
    serving_commands.predict,
    serving_commands.publish,
    backtest_command.backtest,
    training_commands.save_now,
    forget_commands.forget,
    forget_commands.purge,
    gc_command.gc,
    repair_command.repair,
):
    app.command(command.__name__.strip("_").replace("_", "-"))(command)
app.add_typer(quarantine_commands.app)
app.add_typer(source_commands.new)
app.add_typer(source_commands.check)


def main() -> None:
    """Run the command given on the command line."""
    # records say what caused them
    os.environ.setdefault("CKPT_OPS_RUN", " ".join(["ckpt-ops", *sys.argv[1:2]]))
    signal.signal(signal.SIGTERM, _end)
    app()


def _end(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: what the command started is stopped too."""
    raise SystemExit(128 + number)
