"""One version: how it was made, how it was evaluated, and what may be decided on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops.views.exports import ExportRow
from ckpt_ops.views.shapes import Choice, Decision


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A slice as it was trained on."""

    key: str
    revision: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class CheckpointRow:
    """A committed checkpoint.

    Attributes:
        uploaded: bytes that were written for it: those that were not in the store before.
        seconds: spent in steps until then.
        manifest: object name.
        metrics: what training reported.
    """

    step: int
    manifest: str
    uploaded: int = 0
    seconds: float = 0.0
    metrics: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class GateRow:
    """A gate's verdict.

    Attributes:
        gate: the gate and its settings, as code would write them.
        passed: None where it did not apply, or the report is gone and it did not reject the version.
        numbers: what the verdict rests on; empty where the report is gone.
    """

    gate: str
    passed: bool | None
    message: str
    numbers: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class DecisionTaken:
    """The last decision on a version: type of the record, reason, who and when."""

    type: str
    reason: str
    actor: str
    time: str


@dataclass(frozen=True, kw_only=True)
class ShadowProgress:
    """How far a candidate in shadow has come.

    Attributes:
        slices: on how many it is evaluated; `scored`: on which it was.
    """

    version: int
    slices: int
    scored: tuple[Trained, ...]
    words: str


@dataclass(frozen=True, kw_only=True)
class ConversionRow:
    """A conversion to another format; `error`: why it was refused, and nothing is kept then."""

    format: str
    object: str
    rows: int
    max_abs_difference: float | None
    error: str


@dataclass(frozen=True, kw_only=True)
class PredictionRow:
    """Predictions on a slice, as an object."""

    key: str
    revision: str
    rows: int
    object: str


@dataclass(frozen=True, kw_only=True)
class CodeView:
    """The code that the version was trained with.

    Attributes:
        digest: of the pipeline's code as the checkpoint names it; `lock`: of the libraries. "" where the
            checkpoint is gone.
        object: of the archive that is kept, or "".
        files: by name, bytes of each; empty where the archive is gone.
    """

    digest: str
    lock: str
    object: str
    files: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class PolicySaid:
    """What the update policy said: `words`, and the `numbers` behind them."""

    words: str
    numbers: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class VersionView:
    """The page of a version.

    Attributes:
        candidate: its id.
        status, generation, parent, late, started: as in the log; `why`: why it was trained.
        retrained: that it is a retraining, in a sentence; None: it is none. `retrained_without`: slices that
            were consumed before and that it does without.
        checkpoints: those that its log names; `kept`: the last one is still there as far as the log says.
        artifacts: object names by kind.
        champion: the version that it was compared with.
        passed, metrics, verdicts: of the gates, as the log has them; `gates`: the same with numbers.
        report: object name of the evaluation, or ""; `evaluated_reason`: the gates' answer in a sentence.
        policy: why the update was due, or why not.
        scores: by slice key, the champion's metrics before anything trained on it.
        decision: the last one; `decisions`: all that the state still knows, the newest first.
        approved: of its promotion; None: nobody had to.
        placement: devices, precision and determinism of its training, in a line; "" where its last
            checkpoint is gone or does not say.
        card: the model card as Markdown.
        transfer: the document of the transfer that it began with, None if there was none or it is gone.
        exported: object names of the SavedModel's files.
        exports: its checkpoints in formats of other libraries, which somebody asked for.
        children: versions trained from it.
        uploaded: bytes of all its checkpoints that were not in the store before.
        seconds: spent in steps.
        may: by action ("approve", "reject", "promote-despite-gates", "rollback"): whether a person may do
            that now.
    """

    model: str
    version: int
    candidate: str
    status: str
    head: bool
    parent: int | None
    generation: int
    transferred: bool
    late: bool
    retrained: str | None
    retrained_without: tuple[Trained, ...]
    why: str
    started: str
    slices: tuple[Trained, ...]
    rows: int
    attempts: int
    checkpoints: tuple[CheckpointRow, ...]
    shadow: ShadowProgress | None
    steps: int | None
    stopped_by: str | None
    artifacts: Mapping[str, str]
    champion: int | None
    judged_in_shadow_on: tuple[Trained, ...]
    passed: bool | None
    metrics: Mapping[str, Mapping[str, float | None]]
    verdicts: tuple[str, ...]
    decision: DecisionTaken | None
    policy: PolicySaid | None
    scores: Mapping[str, Mapping[str, float | None]]
    conversions: tuple[ConversionRow, ...]
    predictions: tuple[PredictionRow, ...]
    kept: bool = True
    run: str = ""
    evaluated_reason: str = ""
    evaluated_time: str = ""
    gates: tuple[GateRow, ...] = ()
    report: str = ""
    decisions: tuple[Decision, ...] = ()
    approved: Decision | None = None
    placement: str = ""
    card: str = ""
    transfer: Mapping[str, Any] | None = None
    exported: tuple[str, ...] = ()
    exports: tuple[ExportRow, ...] = ()
    code: CodeView | None = None
    children: tuple[int, ...] = ()
    replaces: int | None = None
    uploaded: int = 0
    seconds: float | None = None
    may: Mapping[str, Choice]
