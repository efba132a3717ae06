"""The real models of a back-test: one TensorFlow model that holds one candidate after the other.

Today's code makes all of them, so it is their own code, and as champions they predict what their exports
would predict, to the last bit.

Nothing is written to the store. Slices and models lie in a folder on the local disk: each slice once, and a
model as long as a policy needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ckpt_ops.backtest.simulation import Result
from ckpt_ops.backtest.slice_cache import SliceCache
from ckpt_ops.backtest.variable_cache import VariableCache
from ckpt_ops.candidates.as_served.asked import Answers, Scores
from ckpt_ops.candidates.as_served.graph import AsServed
from ckpt_ops.candidates.champion import metrics_on, score
from ckpt_ops.candidates.data import TrainingData, consumed_before, load_data
from ckpt_ops.candidates.drift import measure_drift
from ckpt_ops.candidates.past import load_past
from ckpt_ops.candidates.results import evaluated_rows_of, past_of, predict
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.slice_rows import StoredRows, split
from ckpt_ops.diagnostics.retrain import fit, kept_checkpoint, steps_of
from ckpt_ops.evaluation import Latency, ServableCheck, evaluate_all
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import CandidateTrained, SliceRef
from ckpt_ops.pipeline.pipeline import Pipeline
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
        self._session = TrainingSession(pipeline, store)
        self._served = AsServed(self._session.model)
        self._candidates = VariableCache(self._session, folder / "models")
        self._newest: tuple[str, list[Examples]] = ("", [])
        self._compiling: float | None = None

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        self._candidates.restore_at(candidate)
        parts = [part for part in self._examples(ref) if part.rows]
        return metrics_on(list(zip(parts, self._served([part.inputs for part in parts]), strict=True)))

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        return measure_drift(self._pipeline, self._store, state, ref, need)

    def train(self, state: LineageState, version: VersionState) -> Result:
        before = consumed_before(state, version)
        data = load_data(self._pipeline, self._store, version, before, rows=self._rows)
        past = load_past(self._pipeline, self._store, state, version, rows=self._rows)
        champion = None
        if version.parent is not None:
            self._candidates.restore_at(state.versions[version.parent].candidate)
            champion = score(
                lambda asked: Answers(scores=self._served([rows.inputs for rows in asked])),
                self._pipeline,
                self._rows,
                version,
                data,
                unseen=(),
                past=past,
            )
        self._candidates.leave()
        trained = self._train(version, data)
        self._candidates.keep(version.candidate)
        candidate = predict(self._session.model, data.holdout.inputs)
        evaluated = evaluated_rows_of(
            self._pipeline,
            version,
            data,
            candidate,
            champion,
            servable=_taken_to_be_servable(candidate),
            past=past_of(self._session.model, champion, past),
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

    def _train(self, version: VersionState, data: TrainingData) -> Trained:
        """Take the model from the parent to the candidate."""
        known = [one for one in self._recorded.versions.values() if one.candidate == version.candidate]
        for one in known:
            manifest = kept_checkpoint(self._store, self._recorded, one)
            if one.trained is not None and one.trained.seconds and manifest is not None:
                self._session.restore_at(one.trained.final)
                self.restored += 1
                return _as_recorded(one.trained)
        if version.parent is None:
            self._session.restore_at(None)
        if self._compiling is None:
            self._compiling = self._compile(version, data)
        recorded = next((one.trained for one in known if one.trained is not None), None)
        budget = self._pipeline.budget if recorded is None else steps_of(recorded)
        trained = fit(self._session, version, data, budget)
        return replace(trained, seconds=trained.seconds + self._compiling)

    def _compile(self, version: VersionState, data: TrainingData) -> float:
        """How much longer the first step in a process takes; every training's recorded seconds include it.

        In production each training has a process of its own.
        """
        values = self._session.copy_values()
        first, second = (
            fit(self._session, version, data, Budget(max_steps=1, max_seconds=math.inf)).seconds
            for _ in range(2)
        )
        self._session.assign(values)
        return max(0.0, first - second)

    def _examples(self, ref: SliceRef) -> list[Examples]:
        """Every row of a slice. Only those of the last one read stay in memory."""
        if self._newest[0] != ref.id:
            train, holdout = Collected(ref.rows), Collected(ref.rows)
            split(self._pipeline, self._rows, ref, train=train, holdout=holdout)
            self._newest = (ref.id, [part.examples() for part in (train, holdout) if part.rows])
        return self._newest[1]


def _as_recorded(trained: CandidateTrained) -> Trained:
    return Trained(step=trained.step, stopped_by=StopReason(trained.stopped_by), seconds=trained.seconds)


def _taken_to_be_servable(predictions: Scores) -> ServableCheck:
    """Exports are not checked: one takes longer than many trainings, and depends on the code alone."""
    at_once = Latency(p50_ms=0.0, p95_ms=0.0, p99_ms=0.0, requests=1)
    return ServableCheck(max_abs_difference=0.0, rows=len(predictions), bytes=0, latency=at_once)
