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
from ckpt_ops.errors import Corrupt, ObjectNotFound
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


def read_description(store: Store, model: str) -> Description:
    """What the last run left; the defaults before the first, or where it cannot be read."""
    for entry in reversed(newest(store, model)):
        try:
            return DESCRIPTION.read(Description, store.get(entry.name), name=entry.name)
        except (ObjectNotFound, Corrupt) as error:
            _log.warning("%s is ignored: %s", entry.name, printable(error.what))
    return Description()


def newest(store: Store, model: str) -> list[Entry]:
    """The descriptions of a model: those that are there, the one that counts last."""
    found = store.list(folder(model))
    return sorted(found, key=lambda entry: (entry.name[: len(folder(model)) + 12], entry.updated))


def folder(model: str) -> str:
    """Where they lie."""
    return f"models/{model}/description/"
