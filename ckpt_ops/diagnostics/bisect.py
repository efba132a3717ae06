"""The process of a bisect: which version of the head's history went wrong first, and by which slice.

`bisect_question` has the question; `lineage.bisect` chooses what to measure next, `measuring` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ckpt_ops.diagnostics.bisect_question import Found, Question, describe, measured_on
from ckpt_ops.diagnostics.measuring import Measuring, Point
from ckpt_ops.diagnostics.retrain import NOTHING_WRITTEN, died_without_a_trace
from ckpt_ops.errors import TerminalError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.bisect import Bounds, bounds, next_probe
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.worker import Progress


@dataclass(frozen=True, kw_only=True)
class BisectRequest(ModelRequest):
    """Answer the question. `version` is the head."""

    question: Question


@dataclass(frozen=True, kw_only=True)
class Bisected:
    """What a bisect found.

    Attributes:
        on: the slice whose held-out rows were measured.
        points: everything that was measured, in the order of the history.
        notes: what a person should know about the measurement.
    """

    question: Question
    on: SliceRef
    points: tuple[Point, ...]
    found: Found
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        found = self.found
        return {
            "metric": self.question.metric,
            self.question.side: self.question.bound,
            "on": asdict(self.on),
            "points": [point.to_json() for point in self.points],
            "found": {
                "version": found.version,
                "parent": found.parent,
                "slice": asdict(found.culprit),
                "before": found.before,
                "after": found.after,
            },
            "verdict": found.message(self.question, self.on),
            "notes": list(self.notes),
        }


def run_bisect(
    pipeline: Pipeline,
    store: Store,
    head: int,
    question: Question,
    progress: Callable[[Progress], None],
) -> Bisected:
    """Answer the question in a process of its own; returns what `bisect` does.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what restoring, training or measuring raised, as it raised it.
    """
    request = BisectRequest(pipeline=pipeline.name, store=store.url, version=head, question=question)
    died = died_without_a_trace(f"the bisect of {pipeline.name}")
    return run_work(bisect_apart, request, pipeline, named="bisect", progress=progress, died=died)


def bisect_apart(request: BisectRequest) -> Bisected:
    """As `bisect`."""
    return bisect(*request.opened(), request.question)


def bisect(pipeline: Pipeline, store: Store, question: Question) -> Bisected:
    """Find the slice after which the head's history went wrong.

    Raises:
        BadInput: there is no head, or no such slice.
        TerminalError: the head is not on the wrong side.
        UndefinedMetric: the metric has no value on those rows, whatever the model.
    """
    state = ModelLog(store, pipeline.name).state()
    on = measured_on(state, question)
    measuring = Measuring(pipeline, store, state, state.ancestry(state.head), question, on)
    versions = _versions(measuring)
    head = versions[len(measuring.line) - 1]
    if not head.wrong:
        raise TerminalError(
            f"{question.metric} of version {head.version}, the head, is not {question.side} "
            f"{question.bound:g} {measuring.where}: it is {describe(head.value)}",
            safe=NOTHING_WRITTEN,
            next=f"a different --{question.side}, or a different slice with --on KEY",
        )
    at = bounds(_wrong(versions)).wrong
    version = measuring.line[at]
    inside, slices = _inside(measuring, at)
    before = inside.get(slices.right, versions.get(at - 1))
    found = Found(
        version=version.version,
        parent=version.parent,
        consumed=version.slices,
        culprit=version.slices[slices.wrong],
        before=before.value if before else None,
        after=inside.get(slices.wrong, versions[at]).value,
    )
    return Bisected(
        question=question,
        on=on,
        points=tuple(_in_order(versions, at, inside)),
        found=found,
        notes=tuple(_notes(measuring, versions)),
    )


def _versions(measuring: Measuring) -> dict[int, Point]:
    """What was measured, by position: enough to find the first wrong version, or that the head is right."""
    measured: dict[int, Point] = {}
    while (probe := next_probe(measuring.kept, _wrong(measured))) is not None:
        measured[probe.at] = measuring.version(probe.at, train=probe.train)
        if probe.train and not measured[probe.at].wrong:
            measuring.copy_values()  # the next one may be trained from the last right one
    return measured


def _inside(measuring: Measuring, at: int) -> tuple[dict[int, Point], Bounds]:
    """What was measured inside a version, by the last slice's number, and which of them it is."""
    count = len(measuring.line[at].slices)
    measured: dict[int, Point] = {}
    wrong = {count - 1: True}  # with all of its slices, it is the version itself
    while (probe := next_probe([True] * count, wrong, right_before=True)) is not None:
        measured[probe.at] = measuring.inside(at, probe.at + 1)
        wrong[probe.at] = measured[probe.at].wrong
    return measured, bounds(wrong)


def _in_order(versions: Mapping[int, Point], at: int, inside: Mapping[int, Point]) -> list[Point]:
    """In the order of the history; what was measured inside a version stands before it."""
    within = [inside[number] for number in sorted(inside)]
    return [
        point
        for position in sorted(versions)
        for point in [*(within if position == at else []), versions[position]]
    ]


def _notes(measuring: Measuring, versions: Mapping[int, Point]) -> list[str]:
    """What a person should know about the measurement."""
    by: dict[str, list[str]] = {}
    for at in sorted(versions):
        for message in measuring.changes(at).values():
            by.setdefault(message, []).append(str(versions[at].version))
    notes = [
        f"version {', '.join(numbers)} was measured with today's setup, which is not what trained it: "
        f"{message}"
        for message, numbers in by.items()
    ]
    if not measuring.deterministic:
        notes.append(
            "the pipeline sets Numerics(deterministic=False): what was trained for this comes out a little "
            "different each time, so a value next to the bound may fall on either side of it"
        )
    right = bounds(_wrong(versions)).right
    early = [str(versions[at].version) for at in sorted(versions) if at < right and versions[at].wrong]
    if early:
        notes.append(
            f"version {', '.join(early)} was wrong before version {versions[right].version} was right: "
            "a model that had trained on little yet, or an earlier break"
        )
    unseen = [str(one.version) for at, one in enumerate(measuring.line) if at not in versions]
    if right < 0 and unseen:
        notes.append(
            f"a model that has trained on little is as bad as a broken one, and version {', '.join(unseen)}, "
            "not kept, was not measured"
        )
    return notes


def _wrong(measured: Mapping[int, Point]) -> dict[int, bool]:
    return {at: point.wrong for at, point in measured.items()}
