"""Forgotten rows stay out of what is pulled later: they are removed before anything is evaluated.

A slice is pulled as its source gives it. If rows of it were forgotten, a revision without them is made and
replaces the pulled one everywhere: it is validated, rows are set aside from it, and a release releases it.
The pulled copy is removed as soon as the log holds the verdict, unless something still needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.errors import BadInput, LineageMoved, SliceUnreadable
from ckpt_ops.intake.holders import holders
from ckpt_ops.lineage import LineageState
from ckpt_ops.slices import SliceManifest
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.derive import forgotten
from ckpt_ops.slices.predicate import Predicate, parse
from ckpt_ops.slices.removal import objects_of, remove
from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What was forgotten.

    Attributes:
        keys: the slices forgotten as a whole, with the reason.
        predicates: the rows forgotten in every slice.
    """

    keys: dict[str, str]
    predicates: tuple[Predicate, ...]


def rules_of(state: LineageState) -> Rules:
    """Everything that was ever forgotten: none of it comes back."""
    records = state.forgotten.values()
    return Rules(
        keys={key: record.reason for record in records for key in record.keys},
        predicates=tuple(parse(record.rows) for record in records if record.rows),
    )


def left_of(store: Store, state: LineageState, manifest: SliceManifest) -> SliceManifest | None:
    """What of a revision may be read: the revision itself, one without its forgotten rows, or None.

    Raises:
        SliceUnreadable: a column came in a different type than before, so its forgotten rows cannot be found.
    """
    rules = rules_of(state)
    if manifest.key in rules.keys:
        return None
    if not rules.predicates:
        return manifest
    try:
        return forgotten(store, manifest, rules.predicates)
    except BadInput as error:
        raise SliceUnreadable(
            f"slice {manifest.key} of source {manifest.source!r}, revision {manifest.revision}, cannot be "
            f"searched for forgotten rows: expected {error.allowed}",
            safe="the log and the champion are untouched; nothing of it was accepted",
            next=f"fix the column's type at the source, then {pull_again(manifest.key)}",
        ) from error


def check_same_rules(before: LineageState, now: LineageState) -> None:
    """Raises `LineageMoved` when something was forgotten between two states of the log."""
    if before.forgotten.keys() != now.forgotten.keys():
        raise LineageMoved(
            f"rows of {now.model} were forgotten while a slice was evaluated",
            safe="nothing of the slice was accepted",
            next="nothing: a retry evaluates what is left of it",
        )


def remove_copy(store: Store, state: LineageState, manifest: SliceManifest) -> bool:
    """Remove a revision that was pulled with forgotten rows; False: something still needs it."""
    name = (manifest.key, manifest.revision)
    if holders(store, [name], own=state):
        return False
    remove(store, objects_of(store, manifest.source, [name]))
    return True
