"""From a pulled revision to a verdict on it, and to the verdict's record."""

from __future__ import annotations

from ckpt_ops.column_times import asked_of
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.intake.in_parts import rows_and_parts
from ckpt_ops.intake.reference import reference_for
from ckpt_ops.intake.same_content import reason_for, twin_of
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceAccepted, SliceQuarantined, SliceRef
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceManifest
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.slices.derive import AS_DECLARED, SET_ASIDE, without_rows
from ckpt_ops.slices.unread import unread_rows
from ckpt_ops.store import Store
from ckpt_ops.validation import (
    Kind,
    Outcome,
    Severity,
    Suite,
    UnreadRows,
    Validation,
    read_report,
    schema_digest,
    to_declare,
    validate,
    write_report,
)

_EXAMPLES = 5


def evaluate(
    intake: Intake, store: Store, state: LineageState, manifest: SliceManifest, suite: Suite
) -> tuple[Validation, SliceManifest]:
    """The verdict, kept beside the slice with its pages, and the revision that may be trained on."""
    declared, columns = intake.source.schema, columns_of(intake.source, manifest.key)
    with (
        rows_and_parts(intake, store, manifest, suite) as (rows, in_parts),
        reference_for(store, intake, state, manifest) as reference,
    ):
        evaluated = validate(
            rows,
            suite,
            declared,
            columns=columns,
            reference=reference,
            unread=_unread(store, manifest),
            parts=in_parts.parts,
            beforehand=in_parts.beforehand,
        )
        twin = twin_of(intake, state, manifest)
        if twin is not None:
            evaluated = evaluated.quarantined(reason_for(manifest, twin))
        accepted = manifest
        typed = to_declare(rows.schema, asked_of(declared, columns))
        if evaluated.validation.accepted and (evaluated.validation.set_aside or typed):
            how = SET_ASIDE if evaluated.validation.set_aside else AS_DECLARED
            accepted = without_rows(store, manifest, evaluated.bad.rest(rows), how=how, schema=typed)
        write_report(store, manifest.prefix, evaluated, rows)
    return evaluated.validation, accepted


def verdict_record(
    manifest: SliceManifest, accepted: SliceManifest, validation: Validation, report: str
) -> SliceAccepted | SliceQuarantined:
    """The verdict as a record of the log."""
    if not validation.accepted:
        message = "; ".join(one.message for one in validation.reasons if one.severity is not Severity.INFO)
        ref = SliceRef(key=manifest.key, revision=manifest.revision, rows=manifest.rows)
        return SliceQuarantined(slice=ref, report=report, reason=message)
    warnings = [one.message for one in validation.reasons if one.severity is Severity.WARNING]
    reason = "; ".join([validation.summary, *warnings])
    return SliceAccepted(
        slice=SliceRef(key=accepted.key, revision=accepted.revision, rows=accepted.rows),
        origin=manifest.revision if accepted.revision != manifest.revision else "",
        set_aside=validation.set_aside,
        report=report,
        reason=reason,
    )


def _unread(store: Store, manifest: SliceManifest) -> UnreadRows:
    shown = unread_rows(store, manifest.unread, at_most=_EXAMPLES)
    return UnreadRows(
        rows=sum(file.rows for file in manifest.unread),
        examples=tuple(row.message for row in shown),
        where=", ".join(file.name for file in manifest.unread[:_EXAMPLES]),
    )


def evaluated_before(
    intake: Intake, store: Store, state: LineageState, manifest: SliceManifest, suite: Suite
) -> Validation | None:
    """The earlier verdict of the same suite and declared columns on the same revision, if there is one.

    It saves the seconds that importing Great Expectations takes. A verdict that had nothing to compare some
    column with counts only once the slice is consumed: until then there may be a champion by now.
    """
    known = state.slices.get(manifest.key)
    if known is None or known.pulled != manifest.revision:
        return None
    outcomes = [Outcome.QUARANTINED]
    if known.status is SliceStatus.ACCEPTED:  # one with an origin lacks rows, or has the declared types
        outcomes = [Outcome.SET_ASIDE, Outcome.ACCEPTED] if known.origin else [Outcome.ACCEPTED]
    for outcome in outcomes:
        try:
            before = read_report(store, manifest.prefix, outcome)
        except (ObjectNotFound, Corrupt):
            continue
        columns = columns_of(intake.source, manifest.key)
        found, asked = (
            (before.suite_digest, before.schema_digest),
            schema_digest(intake.source.schema, columns),
        )
        whole = all(reason.kind is not Kind.NOT_EVALUATED for reason in before.reasons)
        if any(reason.kind is Kind.SAME_CONTENT for reason in before.reasons):
            whole = whole and twin_of(intake, state, manifest) is not None
        settled = whole or state.consumed.get(manifest.key) == known.ref
        if found == (suite.digest, asked) and settled and before.outcome is outcome:
            return before
    return None
