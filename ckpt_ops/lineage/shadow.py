"""Which candidate is in shadow: trained, and evaluated on slices to come before it may be promoted.

Only the log says so: the record that opened the candidate says on how many slices it is evaluated, and one
record per slice says that it was scored. A slice counts as long as it is pending, in the revision that was
scored, so that neither model was trained on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.requirements import SlicesPending, Unmet, first_unmet, to_be_promoted
from ckpt_ops.lineage.state import LineageState, VersionState, VersionStatus, scored_id

_BEFORE_PROMOTION = (VersionStatus.TRAINED, VersionStatus.EVALUATED)


@dataclass(frozen=True, kw_only=True)
class InShadow:
    """How far a candidate in shadow has come.

    Attributes:
        counted: the slices that it is evaluated on, as far as scored, in key order; `needed` at most.
        waiting: slices that it may be scored on, in key order: accepted, pending, and newer than
            everything that it or its champion was trained on.
    """

    version: VersionState
    counted: tuple[SliceRef, ...]
    waiting: tuple[SliceRef, ...]

    @property
    def needed(self) -> int:
        """On how many slices it is evaluated."""
        return self.version.started.shadow

    @property
    def complete(self) -> bool:
        """All of them are scored: it is to be evaluated and settled."""
        return len(self.counted) == self.needed

    def to_score(self, up_to: str) -> tuple[SliceRef, ...]:
        """What the run of slice `up_to` has to score, slices that an earlier run left out included."""
        lacking = self.needed - len(self.counted)
        return tuple(ref for ref in self.waiting if ref.key <= up_to)[:lacking]

    def has_work(self, key: str) -> bool:
        """Whether the run of slice `key` has to score something, or to settle the candidate."""
        return self.complete or bool(self.to_score(key))

    @property
    def message(self) -> str:
        """For a person."""
        slices = "slice" if self.needed == 1 else f"{self.needed} slices"
        return (
            f"version {self.version.version} is evaluated on the next {slices}, "
            f"{len(self.counted)} of {self.needed} scored"
        )

    def message_on(self, key: str) -> str:
        """What a run of slice `key` has to do with it."""
        if any(ref.key == key for ref in self.version.slices):
            return f"a candidate in shadow was trained on it: {self.message}"
        if self.complete:
            return f"{self.message}: it is settled first"
        if any(ref.key == key for ref in self.to_score(key)):
            return f"{self.message}: it and version {self.version.champion} predict this one"
        if any(ref.key == key for ref in self.counted):
            return f"{self.message}, this one among them"
        return f"{self.message}: this one stays pending until it is settled"


def in_shadow(state: LineageState) -> InShadow | None:
    """The candidate that waits for its slices, or to be settled after the last; nothing else trains then.

    One that can no longer be promoted, however it is evaluated, is not in shadow: see `superseded`.
    """
    for number, version in reversed(state.versions.items()):
        if state.head is None or number <= state.head:
            return None  # what was built on the head has a greater number
        waits = version.status in _BEFORE_PROMOTION and version.started.shadow
        if waits and number not in state.dropped and superseded(state, version) is None:
            return shadow_of(state, version)
    return None


def shadow_of(state: LineageState, version: VersionState) -> InShadow:
    """How far a version that is, or was, evaluated in shadow has come, by the slices that count now."""
    consumed = max([*_consumed_before(state, version), *(ref.key for ref in version.slices)])
    newer = [ref for ref in state.pending() if ref.key > consumed and ref.id not in state.suspects]
    scores = {ref: state.scored.get(scored_id(version.version, ref)) for ref in newer}
    counted = [ref for ref, scored in scores.items() if scored is not None and scored.rows]
    return InShadow(
        version=version,
        counted=tuple(counted[: version.started.shadow]),
        waiting=tuple(ref for ref, scored in scores.items() if scored is None),
    )


def _consumed_before(state: LineageState, version: VersionState) -> Iterator[str]:
    """Keys that its ancestors consumed; of the head's, the newest alone."""
    if version.parent is None or version.parent != state.head:
        return (ref.key for one in state.ancestry(version.parent) for ref in one.slices)
    return iter(state.line.keys[-1:])


def still_pending(state: LineageState, slices: tuple[SliceRef, ...]) -> bool:
    """Whether slices that a candidate was evaluated on in shadow are pending as they were scored."""
    return SlicesPending(slices=slices).unmet(state) is None


def superseded(state: LineageState, version: VersionState) -> Unmet | None:
    """Why a candidate may not be promoted, whatever its gates say; None: it may.

    A slice that it was trained on was tainted, corrected or withdrawn since, or its champion is no longer
    the head: the comparison and the parent are both void.
    """
    return first_unmet(state, to_be_promoted(version))
