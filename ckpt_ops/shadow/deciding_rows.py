"""Which rows decide about a version: those held out of its own slices, or all of the slices after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ckpt_ops.evaluation import Basis, EvaluatedRows
from ckpt_ops.evaluation.columns import Text
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.shadow import shadow_of, still_pending
from ckpt_ops.lineage.state import scored_id
from ckpt_ops.shadow import predictions
from ckpt_ops.store import Store


def evaluated_slices(state: LineageState, version: VersionState) -> tuple[SliceRef, ...] | None:
    """The slices on which a version is, or was, evaluated in shadow; none: on its holdout.

    None: it is in shadow, and not all slices that it waits for are scored.
    """
    scored = version.evaluated
    if scored is not None and (not version.open or still_pending(state, scored.slices)):
        return scored.slices
    if not version.started.shadow:
        return ()
    found = shadow_of(state, version)
    return found.counted if found.complete else None


def rows_in_shadow(
    store: Store,
    state: LineageState,
    version: VersionState,
    held_out: EvaluatedRows,
    slices: Sequence[SliceRef],
) -> EvaluatedRows:
    """The version's predictions on every row of `slices` instead of those on held-out rows.

    What else was found when it was trained, such as the check of its export, stays.
    """
    if not slices:
        return held_out
    parts = [
        predictions.read(store, state.scored[scored_id(version.version, ref)].predictions) for ref in slices
    ]
    missing = next((part.champion_missing for part in parts if part.champion_missing), "")
    champion = [part.champion for part in parts if part.champion is not None]
    names = set.intersection(*(set(part.segments) for part in parts))
    keys = ", ".join(ref.key for ref in slices)
    return replace(
        held_out,
        label=np.concatenate([part.label for part in parts]),
        candidate=np.concatenate([part.candidate for part in parts]),
        champion=None if missing else np.concatenate(champion),
        champion_missing=missing,
        former={
            who: {was: now for part in parts for was, now in part.former.get(who, {}).items()}
            for who in ("champion", "candidate")
        },
        segments={name: np.concatenate([part.segments[name] for part in parts]) for name in sorted(names)},
        groups=_groups(parts),
        slice=np.repeat([ref.key for ref in slices], [part.count for part in parts]),
        slice_key=slices[-1].key,
        rows=f"all rows of slice{'s' * (len(slices) > 1)} {keys}, which neither model has trained on",
        basis=Basis.SHADOW,
        drawn_from=_drawn_from(parts),
    )


def _drawn_from(parts: Sequence[EvaluatedRows]) -> int | None:
    """How many rows the slices have, where not all of them were predicted."""
    if all(part.drawn_from is None for part in parts):
        return None
    return sum(part.count if part.drawn_from is None else part.drawn_from for part in parts)


def _groups(parts: Sequence[EvaluatedRows]) -> Text | None:
    """Two slices may have the same query: its rows are ranked within their slice."""
    named = [
        [f"{part.slice_key} {group}" for group in part.groups] for part in parts if part.groups is not None
    ]
    return np.array([name for names in named for name in names]) if len(named) == len(parts) else None
