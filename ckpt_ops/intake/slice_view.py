"""A slice as it is shown: its revisions, its first rows, its statistics, and two revisions compared."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.loading import is_described, load_intake
from ckpt_ops.slices import SliceManifest, list_slices, staged
from ckpt_ops.slices.difference import column_changes, describe, row_changes
from ckpt_ops.slices.profile import head, profile
from ckpt_ops.store import Store

View = dict[str, Any]


def slice_view(
    store: Store,
    state: LineageState,
    key: str,
    *,
    revision: str | None = None,
    against: str | None = None,
    rows: int = 5,
) -> View:
    """One revision of a slice, and how it differs from another.

    Args:
        revision: None: what a candidate would train on, else the newest that was pulled.
        against: the revision to compare it with; None: none.
        rows: how many of the first are shown.

    Raises:
        BadInput: there is no such slice, or no such revision of it.
        Corrupt: a file's bytes have changed.
    """
    revisions = {one.revision: one for one in _revisions(store, state, key)}
    entry = state.slices.get(key)
    chosen = revision or (entry.ref.revision if entry else max(revisions, default=""))
    shown = _one(revisions, state, key, chosen)
    other = None if against is None else _one(revisions, state, key, against)
    view = {
        "model": state.model,
        "key": key,
        "source": shown.source,
        "revision": shown.revision,
        "rows": shown.rows,
        "status": entry.status.value if entry else "never evaluated",
        "reason": entry.reason if entry else "",
        "consumed_by": state.consumed_by(key),
        "revisions": [_revision(one, state) for one in revisions.values()],
    }
    with staged(store, shown) as data:
        view["columns"] = [_as_text(asdict(one)) for one in profile(data)]
        view["head"] = [_as_text(row) for row in head(data, rows)]
        view["difference"] = None
        if other is not None:
            with staged(store, other) as before:
                change = asdict(row_changes(before, data))
            for name in ("examples_gone", "examples_new"):
                change[name] = [_as_text(row) for row in change[name]]
            columns = [asdict(one) for one in column_changes(other.columns, shown.columns)]
            message = describe(other, shown)
            view["difference"] = {"from": other.revision, "words": message, "columns": columns, **change}
    return view


def source_of(state: LineageState, key: str = "") -> str:
    """The name of the source, as the verdicts name it, else the pipeline's code.

    Raises:
        BadInput: neither is there.
    """
    entries = [*filter(None, [state.slices.get(key)]), *state.slices.values()]
    for entry in entries:
        if entry.report.startswith("slices/"):
            return entry.report.split("/")[1]
    if is_described(state.model):
        return load_intake(state.model).source.name
    raise BadInput(
        "model",
        state.model,
        "a model with a verdict on a slice, or whose folder is in dags/",
        next="run it from the project's folder, or set CKPT_OPS_DAGS",
    )


def _revisions(store: Store, state: LineageState, key: str) -> list[SliceManifest]:
    found = list_slices(store, source_of(state, key), key)
    if not found:
        known = ", ".join(sorted(state.slices)) or "none yet"
        raise BadInput("KEY", key, f"a slice that was pulled: {known}", next=f"ckpt-ops slices {state.model}")
    return found


def _one(revisions: dict[str, SliceManifest], state: LineageState, key: str, revision: str) -> SliceManifest:
    if revision not in revisions:
        raise BadInput("revision", revision, f"a revision of slice {key}: {', '.join(revisions)}")
    return revisions[revision]


def _revision(one: SliceManifest, state: LineageState) -> View:
    entry, consumed = state.slices.get(one.key), state.consumed.get(one.key)
    roles = [
        *(["newest"] if entry is not None and entry.ref.revision == one.revision else []),
        *(["consumed"] if consumed is not None and consumed.revision == one.revision else []),
    ]
    how = "as pulled" if one.derived is None else f"{one.derived.how}, of {one.derived.revision}"
    return {
        "revision": one.revision,
        "rows": one.rows,
        "made": one.pulled_at,
        "how": how,
        "roles": roles,
    }


def _as_text(values: dict[str, Any]) -> View:
    """Values that JSON has stay; others, such as times and NaN, become text."""
    return {name: value if _is_plain(value) else str(value) for name, value in values.items()}


def _is_plain(value: object) -> bool:
    return (
        value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    )
