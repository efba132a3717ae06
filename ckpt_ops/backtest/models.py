"""The real models of a back-test: one TensorFlow model at a time, which holds one candidate after the other.

Today's code makes all of them, so it is their own code, and as champions they predict what their exports
would predict, to the last bit.

Nothing is written to the store. Slices and models lie in a folder on the local disk: each slice once, and a
model as long as a policy needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa

from ckpt_ops.backtest.simulation import Result
from ckpt_ops.backtest.slice_cache import SliceCache
from ckpt_ops.backtest.variable_cache import VariableCache
from ckpt_ops.candidates.as_served.asked import Answers, Rows, Scores, inputs_for
from ckpt_ops.candidates.champion import ScoredPart, metrics_on, score, scored_of
from ckpt_ops.candidates.data import TrainingData, consumed_before, load_data
from ckpt_ops.candidates.drift import measure_drift
from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.one_model import OneModel
from ckpt_ops.candidates.past import load_past
from ckpt_ops.candidates.results import evaluated_rows_of, past_of, predict
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.settings import draws_by_slice, seeing_history
from ckpt_ops.candidates.slice_rows import StoredRows, split
from ckpt_ops.diagnostics.retrain import fit, kept_checkpoint, steps_of
from ckpt_ops.evaluation import Latency, ServableCheck, evaluate_all
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import CandidateTrained, SliceRef
from ckpt_ops.pipeline.code.imported_as import imported_as
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.of_version import of_given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import takes_vocabularies
from ckpt_ops.policies import ColumnDrift, DriftNeed
from ckpt_ops.runs.evaluate import beside_the_log
from ckpt_ops.store import Store
from ckpt_ops.training import Budget, Collected, Examples
from ckpt_ops.training.budget import StopReason
from ckpt_ops.training.trainer import Trained


class Workshop:
    """A `simulation.Models`: restores, trains and evaluates the pipeline's own model.

    Args:
        recorded: the state of the log. A candidate that was really trained is not trained again as long as
            its last checkpoint is kept; where that is gone, it is trained for the recorded number of steps.
        folder: an empty folder.

    Attributes:
        restored: how many candidates were restored.
    """

    def __init__(self, pipeline: Pipeline, store: Store, recorded: LineageState, folder: Path) -> None:
        for name in ("slices", "models"):
            (folder / name).mkdir()
        self.restored = 0
        self._pipeline, self._store, self._recorded = pipeline, store, recorded
        self._rows = SliceCache(StoredRows(pipeline, store), folder / "slices")
        self._code = imported_as(pipeline, code_digest(pipeline))
        self._model = OneModel(pipeline, store)
        self._candidates = VariableCache(self._model, folder / "models")
        self._newest: tuple[Any, list[Examples]] = (None, [])
        self._compiling: WeakKeyDictionary[TrainingSession, float] = WeakKeyDictionary()

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        self._candidates.restore_at(candidate)
        parts = [part for part in self._examples(ref) if part.rows]
        scored = scored_of(ref, parts)
        rows = [Rows.of(part, _not_read, some) for part, some in zip(parts, scored, strict=True)]
        scores = self._ask(rows)
        return metrics_on([ScoredPart.of(*one) for one in zip(parts, scores, scored, strict=True)])

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        return measure_drift(self._pipeline, self._store, state, ref, need)

    def train(self, state: LineageState, version: VersionState) -> Result:
        parent = None if version.parent is None else state.versions[version.parent].candidate
        before = None if parent is None else self._candidates.given(parent)
        given = given_for(
            self._pipeline,
            self._store,
            state,
            version.parent,
            version.slices,
            before=before,
            rows=self._rows,
        )
        if before is None:
            self._model.built_for(given)  # before rows are read: what is wrong with the model is told first
        pipeline = of_given(self._pipeline, given)
        transferred = before is not None and not before.same_for_a_model(given)
        data = self._data(pipeline, state, version, transferred=transferred)
        past = load_past(pipeline, self._store, state, version, rows=self._rows)
        champion = None
        if parent is not None:
            self._candidates.restore_at(parent)
            champion = score(self._as_the_champion, pipeline, self._rows, version, data, unseen=(), past=past)
        self._candidates.leave()
        trained = self._train(state, version, given, data, transferred=transferred)
        self._candidates.keep(version.candidate, given)
        model = self._model.session.model
        candidate = predict(model, data.holdout.inputs, data.holdout.positions)
        evaluated = evaluated_rows_of(
            pipeline,
            version,
            data,
            candidate,
            champion,
            servable=_taken_to_be_servable(candidate),
            past=past_of(model, champion, past),
        )
        return Result(
            steps=trained.step,
            seconds=trained.seconds,
            stopped_by=trained.stopped_by.value,
            evaluation=evaluate_all(
                self._pipeline.gates, beside_the_log(evaluated, state, version), seed=self._pipeline.seed
            ),
        )

    def only(self, candidates: Iterable[str]) -> None:
        self._candidates.only(candidates)

    def _data(
        self, pipeline: Pipeline, state: LineageState, version: VersionState, *, transferred: bool
    ) -> TrainingData:
        consumed = consumed_before(state, version)
        if transferred:
            pipeline, consumed = seeing_history(pipeline, consumed)
        by_slice = draws_by_slice(self._pipeline, state, version)
        return load_data(
            pipeline, self._store, version, consumed, rows=self._rows, code=self._code, by_slice=by_slice
        )

    def _train(
        self,
        state: LineageState,
        version: VersionState,
        given: Given,
        data: TrainingData,
        *,
        transferred: bool,
    ) -> Trained:
        """Take the model from the parent to the candidate."""
        known = [one for one in self._recorded.versions.values() if one.candidate == version.candidate]
        for one in known:
            manifest = kept_checkpoint(self._store, self._recorded, one)
            if one.trained is not None and one.trained.seconds and manifest is not None:
                self._model.restored(given, one.trained.final)
                self.restored += 1
                return _as_recorded(one.trained)
        if version.parent is None:
            self._model.restored(given, None)
        elif self._model.go_on(given) is not transferred:  # no variable follows the vocabularies
            transferred = not transferred
            data = self._data(self._model.session.pipeline, state, version, transferred=transferred)
        session = self._model.session
        pipeline = seeing_history(session.pipeline, {})[0] if transferred else session.pipeline
        compiling = self._compile(version, data)
        recorded = next((one.trained for one in known if one.trained is not None), None)
        budget = pipeline.budget if recorded is None else steps_of(recorded)
        trained = fit(session, version, data, budget, pipeline)
        return replace(trained, seconds=trained.seconds + compiling)

    def _compile(self, version: VersionState, data: TrainingData) -> float:
        """How much longer the first step of a model takes; every training's recorded seconds include it.

        In production each training has a process of its own.
        """
        session = self._model.session
        if session not in self._compiling:
            values = session.copy_values()
            first, second = (
                fit(session, version, data, Budget(max_steps=1, max_seconds=math.inf)).seconds
                for _ in range(2)
            )
            session.assign(values)
            self._compiling[session] = max(0.0, first - second)
        return self._compiling[session]

    def _ask(self, asked: Sequence[Examples | Rows]) -> list[Scores]:
        """What the model at hand predicts as it would be served."""
        return self._model.session.served(asked)

    def _as_the_champion(self, asked: Sequence[Rows]) -> Answers:
        """What the champion predicts, which the model at hand holds, on rows made for the candidate."""
        pipeline = self._model.session.pipeline
        return Answers(scores=self._ask([replace(rows, inputs=inputs_for(pipeline, rows)) for rows in asked]))

    def _examples(self, ref: SliceRef) -> list[Examples]:
        """Every row of a slice, for the model at hand. Only those of the last one read stay in memory."""
        pipeline = self._model.session.pipeline
        known = (ref.id, self._model.session.given if takes_vocabularies(pipeline) else None)
        if self._newest[0] != known:
            train, holdout = Collected(ref.rows), Collected(ref.rows)
            split(pipeline, self._rows, ref, train=train, holdout=holdout)
            self._newest = (known, [part.examples() for part in (train, holdout) if part.rows])
        return self._newest[1]


def _not_read() -> Iterator[tuple[str, pa.Table]]:
    """Today's code made the inputs: it needs no tables."""
    return iter(())


def _as_recorded(trained: CandidateTrained) -> Trained:
    return Trained(step=trained.step, stopped_by=StopReason(trained.stopped_by), seconds=trained.seconds)


def _taken_to_be_servable(predictions: Scores) -> ServableCheck:
    """Exports are not checked: one takes longer than many trainings, and depends on the code alone."""
    at_once = Latency(p50_ms=0.0, p95_ms=0.0, p99_ms=0.0, requests=1)
    return ServableCheck(max_abs_difference=0.0, rows=len(predictions), bytes=0, latency=at_once)
