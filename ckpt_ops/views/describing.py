"""A pipeline's description, left in the store by its runs: see `description`."""

from __future__ import annotations

import logging

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.evaluation import main_metric, main_output
from ckpt_ops.lineage import LineageState
from ckpt_ops.outputs import keyed
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.printable import printable
from ckpt_ops.store import Store
from ckpt_ops.views.description import DESCRIPTION, Description, folder, newest

_log = logging.getLogger(__name__)


def described(pipeline: Pipeline) -> Description:
    """The description of a pipeline as its code is now."""
    metric, output = main_metric(pipeline.gates), main_output(pipeline.gates)
    return Description(
        late_within=pipeline.late_slices.within.count,
        freshness_hours=pipeline.freshness.total_seconds() / 3600 if pipeline.freshness else None,
        metric=keyed(metric, output) if metric else "",
        gates=tuple(map(repr, pipeline.gates)),
        source=pipeline.source.name,
        approval=pipeline.approval is not None,
    )


def note(store: Store, pipeline: Pipeline, state: LineageState) -> None:
    """Leave the description in the store, if it differs from the last one. It never fails a run."""
    try:
        description, before = described(pipeline), newest(store, pipeline.name)
        if before and before[-1].name.endswith(f"-{description.digest}.json"):
            return
        name = f"{folder(pipeline.name)}{state.sequence:012d}-{description.digest}.json"
        store.put(name, DESCRIPTION.encode(description))
        for entry in before:
            if entry.name != name:
                store.delete(entry.name)
    except CkptOpsError as error:
        _log.warning("could not describe %s for its pages: %s", pipeline.name, printable(error.what))
