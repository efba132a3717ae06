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
from typing import Annotated, Any

import typer

from ckpt_ops import __version__
from ckpt_ops.cli import output
from ckpt_ops.cli.lazy import LazyGroup
from ckpt_ops.errors import BadInput, CkptOpsError


class Commands(LazyGroup):
    """Turns our errors into a message and an exit code. Any other is a bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CkptOpsError as error:
            output.note(str(error))
            raise typer.Exit(2 if isinstance(error, BadInput) else 1) from error


app = typer.Typer(
    name="ckpt-ops",
    cls=Commands,
    help="Keep TensorFlow models fresh: look at them, run them, decide, correct and diagnose.\n\n"
    "Example: ckpt-ops status",
    epilog="Each command has its own help: ckpt-ops COMMAND --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ckpt-ops {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """What may stand before a command."""


def main() -> None:
    """Run the command given on the command line."""
    # records say what caused them
    os.environ.setdefault("CKPT_OPS_RUN", " ".join(["ckpt-ops", *sys.argv[1:2]]))
    signal.signal(signal.SIGTERM, _end)
    app(prog_name="ckpt-ops")


def _end(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: what the command started is stopped too."""
    raise SystemExit(128 + number)
