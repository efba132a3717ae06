"""States that follow each other record by record, each at the cost of what the record changes.

`fold` copies a state before it changes it, and what is looked up in the next one is found again. Where every
state of a long history is looked at, as in a forecast, that would cost the square of its length.
"""

from __future__ import annotations

from ckpt_ops.lineage.fold import Draft
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Promoted,
    Record,
    ShadowScored,
    SliceAccepted,
    SliceDiscarded,
    SliceWithdrawn,
)
from ckpt_ops.lineage.state import LineageState, SliceStatus

_KEPT_UP = ("line", "children", "pending_keys", "tainted_versions")
"""What a `LineageState` finds once, as cached properties."""


class Unfolding:
    """The state after the records that were added so far.

    Attributes:
        state: what it shows may be read until the next record is added, and not after.
    """

    def __init__(self, before: LineageState) -> None:
        self._draft = Draft(before)
        self.state = self._draft.state()

    def add(self, record: Record) -> None:
        """Apply `record`."""
        before, tainted = self.state, list(self.state.tainted)
        known = {name: getattr(before, name) for name in _KEPT_UP}  # before what they are made of changes
        head = before.head
        self._draft.add(record)
        state = self.state = self._draft.state()
        match record:
            case SliceAccepted() | SliceDiscarded() | SliceWithdrawn() if tainted == list(state.tainted):
                state.__dict__.update(known)
                self._look_at(record.slice.key)
            case CandidateStarted():
                version = state.versions[record.version]
                by_itself = any(ref.id in state.tainted for ref in version.slices)
                if by_itself or version.parent in known["tainted_versions"]:
                    known["tainted_versions"] |= {version.version}
                state.__dict__.update(known)
                state.children.add(version)
            case Promoted() if state.versions[record.version].parent == head:
                state.__dict__.update(known)
                version = state.versions[record.version]
                state.line.go_on(version)
                for ref in version.slices:
                    self._look_at(ref.key)
            case CandidateTrained() | ShadowScored():
                state.__dict__.update(known)
            case _:
                pass  # whatever it changes is found again

    def _look_at(self, key: str) -> None:
        state = self.state
        entry = state.slices.get(key)
        accepted = entry is not None and entry.status is SliceStatus.ACCEPTED
        state.pending_keys.put(key, accepted and key not in state.consumed and key not in state.passed_over)
