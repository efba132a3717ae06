"""`ckpt-ops acknowledge`: why a slice has not come, said by a person."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, SliceOption, Why
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.intake import acknowledging


def acknowledge(
    model: Model,
    slice_key: SliceOption,
    why: Why,
    lift: Annotated[
        bool, typer.Option("--lift", help="Take it back: the slice needs a person again.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Acknowledge that a slice is missing, and why.

    A holiday, or a shop that was closed: no slice will come, and nobody needs to look after it. It stays
    listed as missing, with the reason. If it comes all the same, it is taken as any other.

    Example: ckpt-ops acknowledge flight_delay --slice 2013-01-27 --why "no flights: the airport was closed"
    """
    with chosen_store(store) as opened:
        before = views.state_of(opened, model)
        change = acknowledging.lift if lift else acknowledging.acknowledge
        state = change(opened, model, slice_key, why)
    if lift:
        output.say(f"Slice {slice_key} of {model} is missing, and needs a person again.")
        return
    said = state.acknowledged[slice_key]
    how = "was acknowledged before" if slice_key in before.acknowledged else "is acknowledged"
    output.say(f"That slice {slice_key} of {model} is missing {how}, by {said.actor}: {said.reason}")
