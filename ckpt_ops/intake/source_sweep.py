"""Whether slices that were consumed have changed at their source since: by fingerprints, no rows are read."""

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

_SETTLED = (SliceStatus.WITHDRAWN, SliceStatus.TAINTED)  # a person took it back: nobody waits for another


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was found.

    Attributes:
        looked_at: how many slices.
        changed: keys of those whose source has other content now, in order.
        problem: why not all could be looked at; "" when they were. What was known before stands then.
        state: the log's, with what was recorded of it.
    """

    state: LineageState
    looked_at: int = 0
    changed: tuple[str, ...] = ()
    problem: str = ""


def sweep(pipeline: Pipeline, store: Store, log: ModelLog, state: LineageState) -> Swept:
    """Look at the newest consumed slices and at those found changed before, and record what is new.

    What goes wrong here fails no run: the next one looks again.

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
            continue  # it went away: what was consumed of it stands
        except Exception as error:  # noqa: BLE001 - the source is anybody's code, and the run is of another slice
            known = tuple(state.changed_slices)
            return Swept(state=state, looked_at=at, changed=known, problem=in_short(error))
    found = {ref.key for ref in changed}

    def choose(now: LineageState) -> Record | None:
        if set(now.changed_slices) == found:
            return None
        message = f"rewritten at the source: {', '.join(sorted(found))}" if found else "all are as they were"
        return SourceChanged(slices=tuple(changed), reason=message)

    state = log.decide(choose, read=state)
    return Swept(state=state, looked_at=len(keys), changed=tuple(sorted(found)))


def _has_changed(pipeline: Pipeline, store: Store, key: str, pulled: str) -> bool:
    try:
        manifest = load_manifest(store, pipeline.source.name, key, pulled)
    except ObjectNotFound:  # it was purged: nobody can tell
        return False
    if pipeline.source.fingerprint(key) == manifest.fingerprint:
        return False
    return pulled_revision(store, pipeline.source, key) != pulled  # else it has the same content


def _to_look_at(state: LineageState, newest: int) -> list[str]:
    keys = {*sorted(state.consumed)[-newest:], *state.changed_slices}
    return sorted(key for key in keys if key in state.slices and state.slices[key].status not in _SETTLED)
