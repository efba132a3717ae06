"""Whether consumed slices have changed at their source since: by fingerprints, without reading rows."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.errors import ObjectNotFound, SliceMissing
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Record, SliceRef, SourceChanged
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.short_errors import in_short
from ckpt_ops.slices import load_manifest
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.store import Store

_SETTLED = (SliceStatus.WITHDRAWN, SliceStatus.TAINTED)  # a person took it back: no correction is due


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was found.

    Attributes:
        looked_at: how many slices were checked.
        changed: keys of those whose content differs at the source now, in order.
        problem: why not all could be checked; what was known before stands then. "" when all were.
        state: the log's, with what was recorded here.
    """

    state: LineageState
    looked_at: int = 0
    changed: tuple[str, ...] = ()
    problem: str = ""


def sweep(pipeline: Pipeline, store: Store, log: ModelLog, state: LineageState) -> Swept:
    """Check the newest consumed slices and those found changed before, and record what is new.

    A failure here fails no run: the next one checks again.

    Args:
        state: as `log` was read; it is read again only when something new was recorded.
    """
    if not getattr(pipeline.source, "cheap_fingerprint", True) or not pipeline.watch_consumed:
        return Swept(state=state)
    keys = _to_look_at(state, pipeline.watch_consumed)
    changed = []
    for at, key in enumerate(keys):
        entry = state.slices[key]
        try:
            if _has_changed(pipeline, store, key, entry.pulled):
                changed.append(SliceRef(key=key, revision=entry.pulled, rows=entry.ref.rows))
        except SliceMissing:
            continue  # it is gone from the source: what was consumed stands
        except Exception as error:  # noqa: BLE001 - the source is user code, and the run is of a different slice
            known = tuple(state.changed_slices)
            return Swept(state=state, looked_at=at, changed=known, problem=in_short(error))
    found = {ref.key for ref in changed}

    def choose(now: LineageState) -> Record | None:
        if set(now.changed_slices) == found:
            return None
        message = (
            f"rewritten at the source: {', '.join(sorted(found))}"
            if found
            else "none differs at the source now"
        )
        return SourceChanged(slices=tuple(changed), reason=message)

    state = log.decide(choose, read=state)
    return Swept(state=state, looked_at=len(keys), changed=tuple(sorted(found)))


def _has_changed(pipeline: Pipeline, store: Store, key: str, pulled: str) -> bool:
    try:
        manifest = load_manifest(store, pipeline.source.name, key, pulled)
    except ObjectNotFound:  # it was purged: there is nothing to compare with
        return False
    if pipeline.source.fingerprint(key) == manifest.fingerprint:
        return False
    return pulled_revision(store, pipeline.source, key) != pulled  # else it has the same content


def _to_look_at(state: LineageState, newest: int) -> list[str]:
    keys = {*sorted(state.consumed)[-newest:], *state.changed_slices}
    return sorted(key for key in keys if key in state.slices and state.slices[key].status not in _SETTLED)
