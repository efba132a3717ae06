"""The process in which a candidate in shadow and its champion predict slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from ckpt_ops.candidates.as_served.asked import Rows
from ckpt_ops.candidates.as_served.version import predictions_of
from ckpt_ops.candidates.champion import ChampionScore, labels_of
from ckpt_ops.candidates.given import pipeline_of
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.errors import CkptOpsError, LineageMoved, NotAsServed, TrainingDied
from ckpt_ops.evaluation import Basis, EvaluatedRows
from ckpt_ops.former_columns import FormerNames
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.outputs import not_a_number
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.shadow import predictions
from ckpt_ops.store import Store
from ckpt_ops.training import Collected, Examples
from ckpt_ops.worker import Ended, Note, tell


@dataclass(frozen=True, kw_only=True)
class ShadowRequest(ModelRequest):
    """Let candidate `version`, in shadow, and its champion predict what the run of slice `key` needs."""

    key: str


@dataclass(frozen=True, kw_only=True)
class SlicesPredicted:
    """All predictions are in the store; `keys` are those of the slices that were predicted."""

    keys: tuple[str, ...]


def run_shadow_process(
    pipeline: Pipeline, store: Store, version: int, key: str, report: Callable[[str], None]
) -> list[str]:
    """As `predict_due`, in a process of its own.

    Raises:
        As `run_training_process`.
    """

    def died(ended: Ended) -> CkptOpsError:
        return TrainingDied(
            f"the process that lets {pipeline.name} v{version} predict in shadow {ended.message}",
            safe="the slice stays pending, version and champion are as they were; the champion serves on",
            next=f"a retry predicts what is left; the whole log is {ended.log}",
        )

    request = ShadowRequest(pipeline=pipeline.name, store=store.url, version=version, key=key)
    done = run_work(predict_apart, request, pipeline, named="predict-in-shadow", report=report, died=died)
    return list(done.keys)


def predict_apart(request: ShadowRequest) -> SlicesPredicted:
    """As `predict_due`."""
    pipeline, store = request.opened()
    return SlicesPredicted(keys=tuple(predict_due(pipeline, store, request.version, request.key)))


def predict_due(pipeline: Pipeline, store: Store, version: int, key: str) -> list[str]:
    """Let both models predict every slice that the run of slice `key` needs; the keys of those done here.

    Raises:
        LineageMoved: the version is not in shadow any more.
        ModelCodeError and more.
    """
    state = ModelLog(store, pipeline.name).state()
    due = left_to_predict(store, state, version, key)
    if not due:
        return []
    for ref in due:
        evaluated = _predicted(pipeline, store, state, version, ref)
        predictions.write(store, pipeline.name, version, ref, evaluated)
        tell(Note(text=f"slice {ref.key}: {evaluated.count:,} rows predicted"))
    return [ref.key for ref in due]


def left_to_predict(store: Store, state: LineageState, version: int, key: str) -> list[SliceRef]:
    """The slices that the run of slice `key` needs and that are not predicted yet. Raises `LineageMoved`."""
    found = in_shadow(state)
    if found is None or found.version.version != version:
        raise LineageMoved(
            f"version {version} of {state.model} is not in shadow any more",
            safe="no slice was scored; the champion serves on",
            next="nothing: a retry plans again",
        )
    return [ref for ref in found.to_score(key) if predictions.find(store, state.model, version, ref) is None]


def _predicted(
    pipeline: Pipeline, store: Store, state: LineageState, version: int, ref: SliceRef
) -> EvaluatedRows:
    """Both models as they are served: a version's predictions do not depend on today's code."""
    pipeline = pipeline_of(pipeline, store, state.versions[version])
    examples, head = _examples(pipeline, store, ref), state.versions[version].champion
    asked = [Rows.of(examples, partial(_tables, pipeline, store, ref))]
    champion = ChampionScore()
    if head is not None:
        try:
            answers = predictions_of(pipeline, store, state, head, asked)
            champion = ChampionScore(holdout=answers.scores[0], former=answers.former)
        except NotAsServed as error:
            champion = ChampionScore.missed(error)
    former: FormerNames = {}
    try:
        answers = predictions_of(pipeline, store, state, version, asked)
        (candidate,), former = answers.scores, answers.former
    except NotAsServed as error:  # nothing could be served, and every gate rejects that
        print(f"the candidate predicts nothing: {error}", flush=True)
        like = labels_of(examples) if champion.holdout is None else champion.holdout
        candidate = not_a_number(like)
    champion = champion.beside(candidate)
    return EvaluatedRows(
        label=labels_of(examples),
        champion=champion.holdout,
        champion_missing=champion.missing,
        former={"champion": champion.former, "candidate": former},
        candidate=candidate,
        segments=dict(examples.segments),
        groups=examples.groups,
        slice_key=ref.key,
        rows=f"all rows of slice {ref.key}",
        basis=Basis.SHADOW,
    )


def _examples(pipeline: Pipeline, store: Store, ref: SliceRef) -> Examples:
    """Every row of a slice, as today's models take it."""
    collected = Collected(ref.rows)
    for _, table in _tables(pipeline, store, ref):
        collected.add(make_examples(pipeline, table, of=ref.key))
    return collected.examples()


def _tables(pipeline: Pipeline, store: Store, ref: SliceRef) -> Iterator[tuple[str, pa.Table]]:
    return ((ref.key, table) for table, _ in StoredRows(pipeline, store).groups(ref.key, ref.revision))
