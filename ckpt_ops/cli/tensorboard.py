"""`ckpt-ops tensorboard`: the curves of trainings as files that TensorBoard reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.telemetry.event_files import write_event_files


def tensorboard(
    model: Model,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder; versions that it has already stay as they are.")
    ],
    store: StoreOption = None,
) -> None:
    """Write the curves of trainings for TensorBoard.

    A folder for each version that was evaluated: what training reported at each checkpoint, steps a second,
    and the metrics of candidate and champion. Again later, it adds the versions that are new. Then
    `tensorboard --logdir OUT`; TensorBoard itself is not installed with ckpt_ops.

    Example: ckpt-ops tensorboard flight_delay boards
    """
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        written = write_event_files(opened, state, out, output.note)
    output.say(f"{len(written)} versions of {model} are new in {out}. Next: tensorboard --logdir {out}")
