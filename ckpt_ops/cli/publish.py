"""`ckpt-ops publish`: the files that a model server reads, as the log says."""

from __future__ import annotations

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.promotion.publish import publish as publish_model


def publish(model: Model, store: StoreOption = None) -> None:
    """Make the files of the model server match the log.

    Files below models/MODEL/serving/ that differ from the exports of the versions served are copied again;
    folders of versions that the version in production does not descend from are removed.

    Example: ckpt-ops publish flight_delay
    """
    with chosen_store(store) as opened:
        changed = publish_model(opened, model, views.state_of(opened, model), compare=True)
    for name in changed:
        output.say(name)
    output.console().print(f"{len(changed)} objects below models/{model}/serving/ were copied or removed.")
