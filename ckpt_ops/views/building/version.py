"""The page of one version: from the state, its own log, and the objects that its records name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import CandidateLog, LineageState, VersionState
from ckpt_ops.lineage.candidate_log import Progress
from ckpt_ops.lineage.encoding import type_name
from ckpt_ops.lineage.records import Record, UpdateDeferred, gate_and_message
from ckpt_ops.lineage.retraining import retrained_message
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.pipeline.code.kept import read_code
from ckpt_ops.promotion.card import card_markdown, model_card, placement_in
from ckpt_ops.store import Store
from ckpt_ops.transfer.document import TransferDocument
from ckpt_ops.views.building.choices import on_version
from ckpt_ops.views.building.decided import decision_of
from ckpt_ops.views.building.exports import export_rows
from ckpt_ops.views.building.forgetting import read_report
from ckpt_ops.views.building.numbers import all_finite, finite
from ckpt_ops.views.building.trained_on import refs, shadow_progress
from ckpt_ops.views.shapes import Decision
from ckpt_ops.views.version import (
    CheckpointRow,
    CodeView,
    ConversionRow,
    DecisionTaken,
    GateRow,
    PolicySaid,
    PredictionRow,
    VersionView,
)
from ckpt_ops.wire_names import as_stored


def version_view(store: Store, state: LineageState, number: int) -> VersionView:
    """Raises `BadInput`: there is no such version. What its records name and the store lacks is left out."""
    version = state.version(number)
    progress = CandidateLog(store, state.model, number).progress()
    trained, evaluated, again = version.trained, version.evaluated, version.started.again
    waits, placement = in_shadow(state), placement_in(store, version)
    return VersionView(
        model=state.model,
        version=number,
        candidate=version.candidate,
        status=version.status.value,
        head=state.head == number,
        parent=version.parent,
        generation=state.generation(number),
        transferred=trained is not None and "transfer" in trained.artifacts,
        late=version.started.late,
        retrained=retrained_message(version),
        retrained_without=refs(again.without if again else ()),
        why=version.started.reason,
        started=version.started.time,
        slices=refs(version.slices),
        rows=version.rows,
        attempts=progress.attempts,
        checkpoints=_checkpoints(progress),
        shadow=shadow_progress(waits) if waits and waits.version == version else None,
        steps=trained.step if trained else None,
        stopped_by=trained.stopped_by if trained else None,
        artifacts=dict(trained.artifacts) if trained else {},
        champion=evaluated.champion if evaluated else None,
        judged_in_shadow_on=refs(evaluated.slices if evaluated else ()),
        passed=evaluated.passed if evaluated else None,
        metrics={who: all_finite(values) for who, values in evaluated.metrics.items()} if evaluated else {},
        verdicts=evaluated.verdicts if evaluated else (),
        decision=_taken(version.decided),
        policy=_policy(version),
        scores={key: all_finite(values) for key, values in _scores(version).items()},
        conversions=_conversions(store, state, number),
        predictions=_predictions(store, state, number),
        kept=trained is not None and number not in state.dropped,
        run=version.started.run,
        evaluated_reason=evaluated.reason if evaluated else "",
        evaluated_time=evaluated.time if evaluated else "",
        gates=_gates(store, version),
        report=evaluated.report if evaluated else "",
        decisions=_decisions(version),
        approved=decision_of(version.approved, version) if version.approved else None,
        placement=placement.message if placement else "",
        card=card_markdown(model_card(state, number, placement)),
        transfer=_transfer(store, version),
        exported=_exported(version),
        exports=export_rows(store, state, number),
        code=_code(store, version),
        children=tuple(one.version for one in state.versions.values() if one.parent == number),
        replaces=version.started.replaces,
        uploaded=sum(commit.uploaded for commit in progress.commits),
        seconds=finite(trained.seconds) if trained else None,
        may=on_version(state, number),
    )


def _checkpoints(progress: Progress) -> tuple[CheckpointRow, ...]:
    return tuple(
        CheckpointRow(
            step=commit.step,
            manifest=commit.manifest,
            uploaded=commit.uploaded,
            seconds=commit.seconds,
            metrics=all_finite(commit.metrics),
        )
        for commit in progress.commits
    )


def _gates(store: Store, version: VersionState) -> tuple[GateRow, ...]:
    """With numbers where the report is there; else as sentences of the log."""
    evaluated = version.evaluated
    if evaluated is None:
        return ()
    report = read_report(store, evaluated.report) if evaluated.report else None
    evaluation = report.get("evaluation") if report else None
    found = evaluation.get("verdicts") if isinstance(evaluation, dict) else None
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return tuple(_gate(one) for one in found)
    return tuple(_as_logged(verdict, evaluated.rejecting) for verdict in evaluated.verdicts)


def _as_logged(verdict: str, rejecting: Sequence[str]) -> GateRow:
    gate, message = gate_and_message(verdict)
    return GateRow(gate=gate, passed=False if verdict in rejecting else None, message=message, numbers={})


def _gate(found: Mapping[str, Any]) -> GateRow:
    passed, numbers = found.get("passed"), found.get("numbers")
    return GateRow(
        gate=str(found.get("gate", "")),
        passed=passed if isinstance(passed, bool) else None,
        message=str(found.get("words", "")),
        numbers=all_finite(numbers) if isinstance(numbers, dict) else {},
    )


def _decisions(version: VersionState) -> tuple[Decision, ...]:
    """The records that are kept of it, the newest first."""
    records = [version.decided, version.promoted, version.approved]
    found = {record.nonce: record for record in records if record is not None}
    return tuple(
        decision_of(record, version)
        for record in sorted(found.values(), key=lambda record: record.time, reverse=True)
    )


def _taken(record: Record | None) -> DecisionTaken | None:
    if record is None:
        return None
    return DecisionTaken(type=type_name(record), reason=record.reason, actor=record.actor, time=record.time)


def _policy(version: VersionState) -> PolicySaid | None:
    """The update policy's decision before the version was trained, or instead."""
    if isinstance(version.decided, UpdateDeferred):
        return PolicySaid(words=version.decided.reason, numbers=all_finite(version.decided.numbers))
    said = version.trained.decision if version.trained else {}
    if not said:
        return None
    numbers = said.get("numbers")
    return PolicySaid(
        words=str(said.get("words", "")), numbers=all_finite(numbers) if isinstance(numbers, dict) else {}
    )


def _scores(version: VersionState) -> Mapping[str, Mapping[str, float]]:
    """By slice key, the champion's metrics before anything trained on it."""
    record = version.decided if isinstance(version.decided, UpdateDeferred) else version.trained
    return record.scores if record else {}


def _there(store: Store, state: LineageState, number: int, kind: str) -> set[str]:
    return {entry.name for entry in store.list(f"models/{state.model}/v{number}/{kind}/")}


def _conversions(store: Store, state: LineageState, number: int) -> tuple[ConversionRow, ...]:
    """Refused ones too; those that were kept as far as they are still there."""
    made = [one for one in state.converted.values() if one.version == number]
    there = _there(store, state, number, "converted") if made else set()
    return tuple(
        ConversionRow(
            format=one.format,
            object=one.object,
            rows=one.rows,
            max_abs_difference=finite(one.max_abs_difference),
            error=one.error,
        )
        for one in made
        if one.error or one.object in there
    )


def _predictions(store: Store, state: LineageState, number: int) -> tuple[PredictionRow, ...]:
    made = [one for one in state.predicted.values() if one.version == number]
    there = _there(store, state, number, "predictions") if made else set()
    return tuple(
        PredictionRow(key=one.slice.key, revision=one.slice.revision, rows=one.rows, object=one.object)
        for one in made
        if one.object in there
    )


def _transfer(store: Store, version: VersionState) -> Mapping[str, Any] | None:
    name = version.trained.artifacts.get("transfer") if version.trained else None
    if name is None:
        return None
    try:
        found: Mapping[str, Any] = as_stored(TransferDocument.decode(store.get(name), name=name))
        return found
    except (ObjectNotFound, Corrupt):
        return None


def _exported(version: VersionState) -> tuple[str, ...]:
    folder = version.trained.artifacts.get("export") if version.trained else None
    if version.trained is None or folder is None:
        return ()
    return tuple(one.name for one in version.trained.files if one.name.startswith(f"{folder}/"))


def _code(store: Store, version: VersionState) -> CodeView | None:
    trained = version.trained
    if trained is None:
        return None
    name = trained.artifacts.get("code", "")
    files: dict[str, int] = {}
    digest = lock = ""
    try:
        manifest = load_manifest(store, trained.final)
        digest, lock = manifest.code_digest, manifest.lock_digest
    except (ObjectNotFound, Corrupt):
        pass  # its checkpoint is gone
    try:
        if name:
            files = {file: len(data) for file, data in sorted(read_code(store, name).files.items())}
    except (ObjectNotFound, Corrupt):
        pass  # the archive is gone
    return CodeView(digest=digest, lock=lock, object=name, files=files)
