"""The first steps of a run, which need no model: pull a slice, and judge it.

Each takes all its state from the store and may be repeated: what is done already is found and left
as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import (
    Record,
    SliceAccepted,
    SliceQuarantined,
    SliceRef,
    now_as_text,
)
from ckpt_ops.lineage.state import STATUS_OF, ByAPerson, SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.reference import reference_for
from ckpt_ops.slices import SliceManifest, check_key, load_manifest, parts_of, pull_part, staged
from ckpt_ops.slices import pull as pull_slice
from ckpt_ops.slices.derive import without_rows
from ckpt_ops.store import Store
from ckpt_ops.validation import (
    Kind,
    Outcome,
    Severity,
    Suite,
    Validation,
    load_suite,
    read_report,
    report_name,
    schema_digest,
    write_report,
)
from ckpt_ops.validation import validate as judge


def pull(intake: Intake, store: Store, key: str) -> dict[str, Any]:
    """Copy the slice from its source into the store. The same content again writes nothing."""
    manifest = pull_slice(store, intake.source, check_key(key))
    return {"key": key, "revision": manifest.revision, "rows": manifest.rows}


def share_out(intake: Intake, key: str, *, at_most: int) -> list[dict[str, Any]]:
    """The arguments of the `pull_share` calls, at least one, that together pull every part of the slice."""
    of = max(1, min(at_most, len(parts_of(intake.source, check_key(key)))))
    return [{"key": key, "share": share, "of": of} for share in range(of)]


def pull_share(
    intake: Intake, store: Store, *, key: str, share: int, of: int, report: Callable[[str], None]
) -> dict[str, Any]:
    """Copy every `of`-th part of the slice into the store, from the `share`-th on; `pull` then commits.

    It looks itself which parts there are. When some came or went since the shares were made, what is in
    nobody's share is left to `pull`, which takes whatever is not there yet.

    Args:
        share: 0 for the first.
        report: called with a line on each part.
    """
    parts = list(parts_of(intake.source, check_key(key)))[share::of]
    rows = 0
    for part in parts:
        receipt = pull_part(store, intake.source, key, part)
        report(f"{part or key}: {receipt.rows:,} rows")
        rows += receipt.rows
    return {"parts": len(parts), "rows": rows}


def validate(intake: Intake, store: Store, key: str, revision: str) -> dict[str, Any]:
    """Judge the slice, keep the report beside it, and say in the log what of it may be trained on.

    Where bad rows are set aside, the rest is a revision of its own, and that is what is accepted. What a
    person said of this revision (released, discarded, withdrawn) stands.
    """
    manifest = load_manifest(store, intake.source.name, key, revision)
    log = ModelLog(store, intake.name)
    state = log.state()
    known = state.slices.get(key)
    settled = state.settled.get(revision)
    if settled is not None:
        return _settled(log, manifest, settled, f"{store.url}/{known.report if known else ''}")
    suite = load_suite(intake.folder / intake.expectations)
    validation = _judged_before(intake, store, state, manifest, suite)
    accepted = manifest
    if validation is None:
        validation, accepted = _judge(intake, store, state, manifest, suite)
    elif known is not None and validation.accepted:
        accepted = load_manifest(store, intake.source.name, key, known.ref.revision)
    report = report_name(manifest.prefix, validation.outcome)
    words = [reason.words for reason in validation.reasons]
    record = _verdict(manifest, accepted, validation, report)

    def choose(state: LineageState) -> Record | None:
        now = state.slices.get(key)
        if revision in state.settled:
            return None
        same = now is not None and now.ref == record.slice and now.status is STATUS_OF[type(record)]
        return None if same else record

    log.decide(choose)
    return _result(manifest, record.slice, validation.outcome, words, f"{store.url}/{report}")


def _settled(log: ModelLog, manifest: SliceManifest, said: ByAPerson, report: str) -> dict[str, Any]:
    """What a person said of this revision stands, also when the source went back to it."""

    def choose(state: LineageState) -> Record | None:
        now = state.slices.get(manifest.key)
        if now is not None and now.pulled == manifest.revision:
            return None
        return replace(said, time=now_as_text(), nonce=uuid.uuid4().hex)

    log.decide(choose)
    outcome = Outcome.ACCEPTED if isinstance(said, SliceAccepted) else Outcome.QUARANTINED
    word = "" if isinstance(said, SliceAccepted) else f"{STATUS_OF[type(said)].value}: "
    return _result(manifest, said.slice, outcome, [f"{word}{said.reason}"], report)


def _judge(
    intake: Intake, store: Store, state: LineageState, manifest: SliceManifest, suite: Suite
) -> tuple[Validation, SliceManifest]:
    """The verdict, and the revision that may be trained on."""
    with staged(store, manifest) as rows, reference_for(store, intake, state, manifest) as reference:
        judged = judge(rows, suite, intake.source.schema, reference=reference)
        accepted = manifest
        if judged.validation.set_aside:
            accepted = without_rows(store, manifest, judged.bad.rest(rows))
        write_report(store, manifest.prefix, judged, rows)
    return judged.validation, accepted


def _verdict(
    manifest: SliceManifest, accepted: SliceManifest, validation: Validation, report: str
) -> SliceAccepted | SliceQuarantined:
    if not validation.accepted:
        words = "; ".join(one.words for one in validation.reasons if one.severity is not Severity.INFO)
        ref = SliceRef(key=manifest.key, revision=manifest.revision, rows=manifest.rows)
        return SliceQuarantined(slice=ref, report=report, reason=words)
    reason = f"{validation.expectations} expectations hold"
    if validation.set_aside:
        reason = f"{validation.set_aside:,} of {validation.rows:,} rows set aside"
    return SliceAccepted(
        slice=SliceRef(key=accepted.key, revision=accepted.revision, rows=accepted.rows),
        origin=manifest.revision if accepted.revision != manifest.revision else "",
        set_aside=validation.set_aside,
        report=report,
        reason=reason,
    )


def _result(
    manifest: SliceManifest, ref: SliceRef, outcome: Outcome, words: list[str], report: str
) -> dict[str, Any]:
    return {
        "key": ref.key,
        "revision": ref.revision,
        "rows": ref.rows,
        "set_aside": manifest.rows - ref.rows,
        "outcome": outcome.value,
        "trainable": outcome.trainable,
        "reasons": words,
        "report": report,
    }


def _judged_before(
    intake: Intake, store: Store, state: LineageState, manifest: SliceManifest, suite: Suite
) -> Validation | None:
    """The verdict of the same suite and declared columns on the same revision, if it was reached.

    Importing Great Expectations costs seconds. One that lacked something to judge by is reached anew, as
    long as nothing was consumed: there may be a champion now.
    """
    known = state.slices.get(manifest.key)
    if known is None or known.pulled != manifest.revision:
        return None
    outcome = Outcome.QUARANTINED
    if known.status is SliceStatus.ACCEPTED:
        outcome = Outcome.SET_ASIDE if known.origin else Outcome.ACCEPTED
    try:
        before = read_report(store, manifest.prefix, outcome)
    except (ObjectNotFound, Corrupt):
        return None
    same = (before.suite_digest, before.schema_digest) == (suite.digest, schema_digest(intake.source.schema))
    whole = all(reason.kind is not Kind.NOT_JUDGED for reason in before.reasons)
    settled = whole or state.consumed.get(manifest.key) == known.ref
    return before if same and settled and before.outcome is outcome else None
