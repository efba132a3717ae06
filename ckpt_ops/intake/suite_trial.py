"""A suite tried on the slices that came before: what it would have done. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.intake.reference import reference_for
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.state import SliceState, SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceManifest, load_manifest, staged
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome, Suite, validate


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What the suite says of a slice.

    Attributes:
        rows, set_aside: evaluated, and of them those that would be set aside.
        today: what the log says of the slice.
        outcome: what this suite would say of it; None when its rows are not in the store any more.
        reasons: in words.
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
        """The suite lets pass what is not accepted today, or the other way round."""
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

    A slice is compared with the consumed ones that are older than it, as it was when it came.

    Args:
        first, last: keys, both included; None: without a bound.
        progress: told after each slice how many of how many are evaluated.

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
    refused = [one for one in evaluated if one.outcome is Outcome.QUARANTINED]
    aside = [one for one in evaluated if one.outcome is Outcome.SET_ASIDE]
    said = [f"would have quarantined {len(refused)} of {len(evaluated)}"]
    if aside:
        said.append(f"set rows aside from {len(aside)}")
    newly = [one.key for one in refused if one.differs]
    let_pass = [one.key for one in evaluated if one.differs and one.outcome is not Outcome.QUARANTINED]
    if newly:
        said.append(f"accepted today: {', '.join(newly)}")
    if let_pass:
        said.append(f"would have let pass: {', '.join(let_pass)}")
    gone = [one.key for one in found if one.outcome is None]
    if gone:
        said.append(f"not in the store any more: {', '.join(gone)}")
    return "; ".join(said)


def _tried(intake: Intake, store: Store, suite: Suite, state: LineageState, key: str) -> Tried:
    entry = state.slices[key]
    manifest = _stored(intake, store, entry)
    if manifest is None:
        return Tried(
            key=key, revision=entry.pulled, rows=entry.ref.rows, today=entry.status.value, outcome=None
        )
    older = reference_for(store, intake, state, manifest, older_only=True)
    with staged(store, manifest) as rows, older as reference:
        validation = validate(rows, suite, intake.source.schema, reference=reference).validation
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
    """As it was pulled, else what is left of it: rows may have been forgotten."""
    for revision in dict.fromkeys((entry.pulled, entry.ref.revision)):
        try:
            return load_manifest(store, intake.source.name, entry.ref.key, revision)
        except ObjectNotFound:
            continue
    return None
