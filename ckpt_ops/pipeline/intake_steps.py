"""The first steps of a run, which need no model: pull a slice, and judge it.

Each takes all its state from the store and may be repeated: what is done already is found and left
as it is.
"""

from __future__ import annotations

from typing import Any

from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceQuarantined, SliceRef
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceManifest, check_key, load_manifest, read_slice
from ckpt_ops.slices import pull as pull_slice
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome, Suite, Validation, load_suite, read_report, report_name, write_report
from ckpt_ops.validation import validate as validate_table


def pull(intake: Intake, store: Store, key: str) -> dict[str, Any]:
    """Copy the slice from its source into the store. The same content again writes nothing."""
    manifest = pull_slice(store, intake.source, check_key(key))
    return {"key": key, "revision": manifest.revision, "rows": manifest.rows}


def validate(intake: Intake, store: Store, key: str, revision: str) -> dict[str, Any]:
    """Judge the slice, keep the report beside it, and say in the log whether it may be trained on."""
    manifest = load_manifest(store, intake.source.name, key, revision)
    ref = SliceRef(key=key, revision=revision, rows=manifest.rows)
    log = ModelLog(store, intake.name)
    suite = load_suite(intake.folder / intake.expectations)
    validation = _judged_before(store, manifest, log.state(), suite)
    if validation is None:
        validation = validate_table(read_slice(store, manifest), suite, intake.source.schema)
        write_report(store, manifest.prefix, validation)
    report = report_name(manifest.prefix, validation.outcome)
    accepted = validation.outcome is Outcome.ACCEPTED
    words = [reason.words for reason in validation.reasons]

    def choose(state: LineageState) -> Record | None:
        known = state.slices.get(key)
        status = SliceStatus.ACCEPTED if accepted else SliceStatus.QUARANTINED
        if known is not None and known.ref == ref and known.status in (status, SliceStatus.WITHDRAWN):
            return None
        if accepted:
            return SliceAccepted(slice=ref, reason=f"{validation.expectations} expectations hold")
        return SliceQuarantined(slice=ref, report=report, reason="; ".join(words))

    log.decide(choose)
    return {
        "key": key,
        "revision": revision,
        "rows": manifest.rows,
        "outcome": validation.outcome.value,
        "reasons": words,
        "report": f"{store.url}/{report}",
    }


def _judged_before(
    store: Store, manifest: SliceManifest, state: LineageState, suite: Suite
) -> Validation | None:
    """The verdict of the same suite on the same revision, if it was reached: importing GX costs seconds."""
    known = state.slices.get(manifest.key)
    if known is None or known.ref.revision != manifest.revision or known.status is SliceStatus.WITHDRAWN:
        return None
    outcome = Outcome.ACCEPTED if known.status is SliceStatus.ACCEPTED else Outcome.QUARANTINED
    try:
        before = read_report(store, manifest.prefix, outcome)
    except (ObjectNotFound, Corrupt):
        return None
    return before if before.suite_digest == suite.digest else None
