"""Runs that end before they decide look for changes at the source as well: a run that decides does so anyway.

A source that skips a month, or sends what is quarantined, must not hide that it rewrote what was consumed.
"""

from __future__ import annotations

import logging

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.intake.source_sweep import sweep
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.printable import printable
from ckpt_ops.runs import messages
from ckpt_ops.store import Store

_log = logging.getLogger(__name__)


def look_at_source(intake: Intake, store: Store) -> list[str]:
    """Check the newest consumed slices, and record what is new; what has changed, as lines for a person.

    It fails no run: what cannot be checked now is checked by the next one. An intake consumes nothing.
    """
    if not isinstance(intake, Pipeline):
        return []
    log = ModelLog(store, intake.name)
    try:
        return messages.changed(intake.name, sweep(intake, store, log, log.state()).changed)
    except CkptOpsError as error:
        _log.warning("consumed slices were not compared with their source: %s", printable(error.what))
        return []
