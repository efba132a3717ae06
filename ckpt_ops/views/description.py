"""What pages have to know of a pipeline: they never run its code, so its runs leave this in the store.

`models/{model}/description/{sequence}-{hash}.json`, by the number of the model's newest record when it was
written: the last one counts. It is written again when a setting in it changed, and older ones are removed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import blake3

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import CkptOpsError, Corrupt, ObjectNotFound
from ckpt_ops.evaluation import main_metric, main_output
from ckpt_ops.lineage import LineageState
from ckpt_ops.outputs import keyed
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.printable import printable
from ckpt_ops.store import Entry, Store

DESCRIPTION = DocumentKind(
    what="description of a pipeline",
    safe="the log is the truth; this only says what pages show beside it",
    next="nothing to do: the pipeline's next run writes it again",
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Description:
    """The settings of a pipeline that views need.

    Attributes:
        late_within: of `late_slices`.
        freshness_hours: of `freshness`; None: there is no objective.
        metric: that its gates look at first, as evaluations record it; "": none.
        gates: as code would write them.
        source: the name of its source.
        approval: a version that the gates let pass waits for a person.
    """

    late_within: int = 4
    freshness_hours: float | None = None
    metric: str = ""
    gates: tuple[str, ...] = ()
    source: str = ""
    approval: bool = False

    @cached_property
    def digest(self) -> str:
        """16 hex digits of what it says."""
        return blake3.blake3(DESCRIPTION.encode(self)).hexdigest()[:16]


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
        description, before = described(pipeline), _newest(store, pipeline.name)
        if before and before[-1].name.endswith(f"-{description.digest}.json"):
            return
        name = f"{_folder(pipeline.name)}{state.sequence:012d}-{description.digest}.json"
        store.put(name, DESCRIPTION.encode(description))
        for entry in before:
            if entry.name != name:
                store.delete(entry.name)
    except CkptOpsError as error:
        _log.warning("could not describe %s for its pages: %s", pipeline.name, printable(error.what))


def read_description(store: Store, model: str) -> Description:
    """What the last run left; the defaults before the first, or where it cannot be read."""
    for entry in reversed(_newest(store, model)):
        try:
            return DESCRIPTION.read(Description, store.get(entry.name), name=entry.name)
        except (ObjectNotFound, Corrupt) as error:
            _log.warning("%s is ignored: %s", entry.name, printable(error.what))
    return Description()


def _newest(store: Store, model: str) -> list[Entry]:
    """Those that are there, the one that counts last."""
    found = store.list(_folder(model))
    return sorted(found, key=lambda entry: (entry.name[: len(_folder(model)) + 12], entry.updated))


def _folder(model: str) -> str:
    return f"models/{model}/description/"
