"""The task `validate`: a verdict on a pulled slice, its report beside it, and its record in the log.

It takes all its state from the store and may be repeated: what is done already is found and left as it is.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.intake.forgotten_rows import check_same_rules, left_of, remove_copy
from ckpt_ops.intake.same_content import check_no_new_twin
from ckpt_ops.intake.verdicts import evaluate, evaluated_before, verdict_record
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import (
    Record,
    SliceAccepted,
    SliceRef,
    SliceWithdrawn,
    now_as_text,
    slice_id,
)
from ckpt_ops.lineage.state import STATUS_OF, ByAPerson, SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.step_results import Validated
from ckpt_ops.slices import SliceManifest, load_manifest
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.difference import describe
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome, load_suite, report_name


def validate(intake: Intake, store: Store, key: str, revision: str) -> Validated:
    """Evaluate the slice, keep the report beside it, and record in the log what of it may be trained on.

    Where bad rows are set aside, the rest is a revision of its own, and that one is accepted. A person's
    decision on this revision (released, discarded, withdrawn) stands. Rows that were forgotten are taken out
    first: the rest is evaluated and accepted, and the revision with them is removed.

    Raises:
        LineageMoved: something was forgotten meanwhile. Retry.
        SliceUnreadable: it cannot be told which rows were forgotten.
    """
    log = ModelLog(store, intake.name)
    state = log.state()
    pulled = _pulled(store, intake, state, key, revision)
    manifest = left_of(store, state, pulled)
    if manifest is None:
        result = _nothing_left(log, state, pulled)
    else:
        result = _verdict_on(intake, store, log, state, manifest)
    if manifest is not pulled:
        remove_copy(store, log.state(), pulled)
        gone = pulled.rows - (manifest.rows if manifest else 0)
        forgotten = f"{gone:,} of {pulled.rows:,} rows were forgotten"
        result = replace(result, reasons=(*result.reasons, forgotten))
    return result


def _verdict_on(
    intake: Intake, store: Store, log: ModelLog, state: LineageState, manifest: SliceManifest
) -> Validated:
    """Evaluate a slice without its forgotten rows, unless a person has decided on it."""
    key, revision = manifest.key, manifest.revision
    known = state.slices.get(key)
    settled = state.settled.get(slice_id(key, revision))
    if settled is not None:
        return _settled(log, state, manifest, settled, f"{store.url}/{known.report if known else ''}")
    suite = load_suite(intake.folder / intake.expectations)
    validation = evaluated_before(intake, store, state, manifest, suite)
    accepted = manifest
    if validation is None:
        validation, accepted = evaluate(intake, store, state, manifest, suite)
    elif known is not None and validation.accepted:
        accepted = load_manifest(store, intake.source.name, key, known.ref.revision)
    report = report_name(manifest.prefix, validation.outcome)
    message = [reason.message for reason in validation.reasons]
    record = verdict_record(manifest, accepted, validation, report)
    correction = _correction(store, state, record.slice, accepted)
    record = replace(record, reason="; ".join(filter(None, [record.reason, correction])))

    before = state

    def choose(state: LineageState) -> Record | None:
        check_same_rules(before, state)
        if validation.accepted:
            check_no_new_twin(intake, before, state, manifest)
        now = state.slices.get(key)
        if slice_id(key, revision) in state.settled:
            return None
        same = now is not None and now.ref == record.slice and now.status is STATUS_OF[type(record)]
        return None if same else record

    log.decide(choose)
    return _result(
        manifest,
        record.slice,
        validation.outcome,
        message,
        f"{store.url}/{report}",
        summary="; ".join(filter(None, [validation.summary, correction])),
    )


def _correction(store: Store, state: LineageState, now: SliceRef, manifest: SliceManifest) -> str:
    """How it differs from the revision of its key that was consumed, or else is known; "" for neither."""
    entry = state.slices.get(now.key)
    was = state.consumed.get(now.key) or (entry.ref if entry else None)
    if was is None or was.revision == now.revision:
        return ""
    try:
        before = load_manifest(store, manifest.source, was.key, was.revision)
    except ObjectNotFound:  # it was purged
        return ""
    return f"corrects revision {was.revision}: {describe(before, manifest)}"


def _pulled(store: Store, intake: Intake, state: LineageState, key: str, revision: str) -> SliceManifest:
    try:
        return load_manifest(store, intake.source.name, key, revision)
    except ObjectNotFound as error:
        if not state.forgotten:
            raise
        raise ObjectNotFound(
            f"{error.what}: a copy with rows that were forgotten is removed once it is validated",
            safe="what the log says of the slice stands",
            next=pull_again(key),
        ) from error


def _nothing_left(log: ModelLog, state: LineageState, manifest: SliceManifest) -> Validated:
    """All that was pulled of the slice was forgotten: nothing of it is accepted."""
    before = state
    ref = SliceRef(key=manifest.key, revision=manifest.revision, rows=manifest.rows)
    why = "nothing of it may be trained on: it was forgotten"

    def choose(state: LineageState) -> Record | None:
        check_same_rules(before, state)
        now = state.slices.get(manifest.key)
        gone = now is not None and now.status is SliceStatus.WITHDRAWN
        return None if gone else SliceWithdrawn(slice=ref, reason=why)

    log.decide(choose)
    return _result(manifest, ref, Outcome.QUARANTINED, [why], "")


def _settled(
    log: ModelLog, before: LineageState, manifest: SliceManifest, decision: ByAPerson, report: str
) -> Validated:
    """A person's decision on this revision stands, also when the source went back to it."""

    def choose(state: LineageState) -> Record | None:
        check_same_rules(before, state)
        now = state.slices.get(manifest.key)
        if now is not None and now.pulled == manifest.revision:
            return None
        return replace(decision, time=now_as_text(), nonce=uuid.uuid4().hex)

    log.decide(choose)
    outcome = Outcome.ACCEPTED if isinstance(decision, SliceAccepted) else Outcome.QUARANTINED
    status = "" if isinstance(decision, SliceAccepted) else f"{STATUS_OF[type(decision)].value}: "
    return _result(manifest, decision.slice, outcome, [f"{status}{decision.reason}"], report)


def _result(
    manifest: SliceManifest,
    ref: SliceRef,
    outcome: Outcome,
    message: list[str],
    report: str,
    *,
    summary: str = "",
) -> Validated:
    """What `validate` returns. `summary` is a line on the verdict; its `reasons` are what does not hold."""
    return Validated(
        key=ref.key,
        revision=ref.revision,
        rows=ref.rows,
        set_aside=manifest.rows - ref.rows,
        outcome=outcome,
        reasons=tuple(message),
        summary=summary or "; ".join(message),
        report=report,
    )
