"""A suite tried on earlier slices: what it would have decided. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.intake.reference import reference_for
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.state import SliceState, SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceManifest, load_manifest, staged
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome, Suite, validate


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The suite's verdict on a slice.

    Attributes:
        rows, set_aside: how many were evaluated, and how many of them would be set aside.
        today: the slice's status in the log.
        outcome: this suite's; None when the rows are no longer in the store.
        reasons: their messages.
    """

    key: str
    revision: str
    rows: int
    today: str
    outcome: Outcome | None
    set_aside: int = 0
    summary: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the suite lets pass what is not accepted today, or the other way round."""
        accepted = self.today == SliceStatus.ACCEPTED.value
        return self.outcome is not None and self.outcome.trainable != accepted


def try_suite(
    intake: Intake,
    store: Store,
    suite: Suite,
    first: str | None = None,
    last: str | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Tried]:
    """The suite's verdict on each slice that was taken in, as it was pulled, in key order.

    A slice is compared with the consumed ones that are older than it, as when it came.

    Args:
        first, last: keys, both included; None: no bound.
        progress: called after each slice with how many are evaluated, and of how many.

    Raises:
        BadInput: the suite asks for a column that no slice has.
        Corrupt: a file's bytes have changed.
    """
    state = ModelLog(store, intake.name).state()
    keys = [key for key in sorted(state.slices) if (first or key) <= key <= (last or key)]
    found = []
    for at, key in enumerate(keys, start=1):
        found.append(_tried(intake, store, suite, state, key))
        progress(at, len(keys))
    return found


def describe(found: Sequence[Tried]) -> str:
    """`would have quarantined 3 of 52`, and what that changes."""
    evaluated = [one for one in found if one.outcome is not None]
    quarantined = [one for one in evaluated if one.outcome is Outcome.QUARANTINED]
    aside = [one for one in evaluated if one.outcome is Outcome.SET_ASIDE]
    parts = [f"would have quarantined {len(quarantined)} of {len(evaluated)}"]
    if aside:
        parts.append(f"set rows aside from {len(aside)}")
    newly = [one.key for one in quarantined if one.differs]
    let_pass = [one.key for one in evaluated if one.differs and one.outcome is not Outcome.QUARANTINED]
    if newly:
        parts.append(f"accepted today: {', '.join(newly)}")
    if let_pass:
        parts.append(f"would have let pass: {', '.join(let_pass)}")
    gone = [one.key for one in found if one.outcome is None]
    if gone:
        parts.append(f"no longer in the store: {', '.join(gone)}")
    return "; ".join(parts)


def _tried(intake: Intake, store: Store, suite: Suite, state: LineageState, key: str) -> Tried:
    entry = state.slices[key]
    manifest = _stored(intake, store, entry)
    if manifest is None:
        return Tried(
            key=key, revision=entry.pulled, rows=entry.ref.rows, today=entry.status.value, outcome=None
        )
    older = reference_for(store, intake, state, manifest, older_only=True)
    with staged(store, manifest) as rows, older as reference:
        columns = columns_of(intake.source, key)
        evaluated = validate(rows, suite, intake.source.schema, columns=columns, reference=reference)
        validation = evaluated.validation
    return Tried(
        key=key,
        revision=manifest.revision,
        rows=manifest.rows,
        today=entry.status.value,
        outcome=validation.outcome,
        set_aside=validation.set_aside,
        summary=validation.summary,
        reasons=tuple(reason.message for reason in validation.reasons),
    )


def _stored(intake: Intake, store: Store, entry: SliceState) -> SliceManifest | None:
    """The slice as it was pulled, else what is left of it: rows may have been forgotten."""
    for revision in dict.fromkeys((entry.pulled, entry.ref.revision)):
        try:
            return load_manifest(store, intake.source.name, entry.ref.key, revision)
        except ObjectNotFound:
            continue
    return None
