"""What a person may do with what is in quarantine: release it, or discard it.

Whole slices are in quarantine, and rows set aside from accepted ones. Neither is ever edited: a
release makes a new revision, with all rows as they were pulled. The planner decides, as for any
slice, whether it is appended, late, on hold or needs a fork.
"""

from __future__ import annotations

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.quarantined import Quarantined, one_in_quarantine
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceDiscarded, SliceRef, SliceWithdrawn
from ckpt_ops.pipeline.as_declared import unreadable
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.slices import SliceManifest, SliceSource, load_manifest
from ckpt_ops.slices.derive import released
from ckpt_ops.slices.reading import stored_schema
from ckpt_ops.store import Store
from ckpt_ops.validation import Kind, read_verdict


def release(store: Store, model: str, key: str, why: str, *, source: SliceSource | None = None) -> SliceRef:
    """Accept a slice, with all rows that were pulled, whatever validation found in them.

    A suspect one is trained on again as it was accepted. Returns the revision to train on.

    Args:
        source: what declares the columns; None, where the pipeline's code is not there: the verdict tells
            which of them cannot be read.

    Raises:
        BadInput: the slice is not in quarantine, no reason is given, or it cannot be read as declared: every
            training on it would fail, and so would those after it.
    """
    check_reason(why)
    log = ModelLog(store, model)
    found = one_in_quarantine(log.state(), key)
    if found.suspect:
        return _trusted(log, found, why)
    pulled = load_manifest(store, found.source, key, found.revision)
    _check_readable(store, model, found, pulled, source)
    manifest = released(store, pulled)
    ref = SliceRef(key=key, revision=manifest.revision, rows=manifest.rows)

    def choose(state: LineageState) -> Record | None:
        _check_still(state, found)
        return SliceAccepted(
            slice=ref, origin=found.revision, released=True, report=found.report, reason=f"released: {why}"
        )

    log.decide(choose)
    return ref


def discard(store: Store, model: str, key: str, why: str) -> Quarantined:
    """Give up on what is in quarantine: it is no longer listed, and the same content is not validated again.
    A suspect slice is withdrawn.

    Nothing is deleted. A corrected slice has different content and is evaluated as any other.

    Raises:
        BadInput: the slice is not in quarantine, or no reason is given.
    """
    check_reason(why)
    log = ModelLog(store, model)
    found = one_in_quarantine(log.state(), key)

    def choose(state: LineageState) -> Record | None:
        _check_still(state, found)
        if found.suspect:
            return SliceWithdrawn(slice=state.slices[key].ref, reason=why)
        return SliceDiscarded(slice=state.slices[key].ref, reason=why)

    log.decide(choose)
    return found


def _check_readable(
    store: Store, model: str, found: Quarantined, pulled: SliceManifest, source: SliceSource | None
) -> None:
    if source is not None:
        wrong = unreadable(source, found.key, stored_schema(store, pulled))
    else:
        reasons = read_verdict(store, found.report).reasons
        wrong = [one.message for one in reasons if one.kind in (Kind.MISSING, Kind.TYPE)]
    if wrong:
        raise BadInput(
            "slice",
            found.key,
            f"a slice with the columns that {model} declares, or every training on it fails; "
            f"{'; '.join(wrong)}",
            next=f"if the delivered columns are right, edit the schema in {model}/source.py, else fix the "
            f"slice at its source; then run it again: ckpt-ops run {model} --slice {found.key}, or clear its "
            f"run in Airflow. Or discard it: ckpt-ops quarantine discard {model} {found.key} --why TEXT",
        )


def _check_still(state: LineageState, found: Quarantined) -> None:
    if one_in_quarantine(state, found.key).revision != found.revision:
        raise BadInput("slice", found.key, "the revision that was looked at; a newer one came meanwhile")


def _trusted(log: ModelLog, found: Quarantined, why: str) -> SliceRef:
    """A person says that there is nothing wrong with a suspect slice."""

    def choose(state: LineageState) -> Record | None:
        _check_still(state, found)
        entry = state.slices[found.key]
        return SliceAccepted(
            slice=entry.ref,
            origin=entry.origin,
            set_aside=entry.set_aside,
            released=True,
            report=entry.report,
            reason=f"not suspect: {why}",
        )

    return log.decide(choose).slices[found.key].ref
