"""Models of one way of evaluating, trained and evaluated as the product does, in memory.

Beside what the gates are shown, each candidate is compared with its champion on what came later, as it really
was.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.gates_histories import AHEAD, Deliveries, Delivery, Story
from benchmarks.gates_judging import Judgement, Shown, claim_of
from benchmarks.gates_ways import Way
from ckpt_ops.backtest.simulation import Result
from ckpt_ops.candidates.data import consumed_before
from ckpt_ops.evaluation import AtLeast, EvaluatedRows, Evaluation, evaluate_all, metric_named, metrics_of
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef, slice_id
from ckpt_ops.policies import ColumnDrift, DriftNeed
from ckpt_ops.runs.evaluate import beside_the_log
from ckpt_ops.training import BatchOrder
from ckpt_ops.training.replay import draw
from flight_delay.pipeline import flight_delay

if TYPE_CHECKING:
    from benchmarks.flight_weeks import FlightModel, Rows

_AUC = metric_named("auc")
_TAKEN = (AtLeast("auc", 0.0),)
"""The gates of a first version: there is nothing to compare it with, and without it nothing to measure."""


class WeekModels:
    """A `simulation.Models`: by candidate, weights and predictions. `follow` says which story it is in."""

    def __init__(self, model: FlightModel, deliveries: Deliveries, way: Way, seed: int) -> None:
        self._model, self._deliveries, self._progress, self._seed = model, deliveries, way, seed
        table = deliveries.rows
        self._labels = table.labels.astype(np.float64)
        self._shown = Shown(
            way=way, labels=self._labels, carrier=table.inputs["carrier"], predictions=self._predictions
        )
        self._weights: dict[str, dict[str, Any]] = {}
        self._at = ""
        self._steps: dict[str, int] = {}
        self._predicted: dict[tuple[str, str], npt.NDArray[np.float32]] = {}
        self._by_id: dict[str, Delivery] = {}
        self._per_row = _Rate()
        self._story: Story
        self.judgements: dict[str, Judgement] = {}
        self.scored: dict[str, Mapping[str, float]] = {}

    def follow(self, story: Story, scored: Mapping[str, Mapping[str, float]]) -> None:
        """From now on slices come as in `story`.

        Args:
            scored: by key, what heads said of the slices before, when they came.
        """
        self._story, self.scored = story, dict(scored)

    def delivered(self, week: int) -> Delivery:
        """As the story delivers it."""
        found = self._deliveries.add(week, self._story.comes(week))
        self._by_id[found.ref.id] = found
        return found

    def auc(self, candidate: str, week: int) -> float:
        """On all rows of a week as it really was."""
        true = self._deliveries.add(week, self._story.true(week))
        return _AUC(self._labels[true.rows], self._predictions(candidate, true))

    # --- simulation.Models ----------------------------------------------------------------------

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        of = self._by_id[ref.id]
        self.scored[ref.key] = metrics_of(self._labels[of.rows], self._predictions(candidate, of))
        return self.scored[ref.key]

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        return {}  # no policy here asks for it

    def train(self, state: LineageState, version: VersionState) -> Result:
        champion = None if version.parent is None else state.versions[version.parent].candidate
        own = [self._by_id[ref.id] for ref in version.slices]
        consumed = consumed_before(state, version)
        before = [self._by_id[slice_id(key, revision)] for key, revision in consumed.items()]
        began = time.perf_counter()
        if version.candidate not in self._weights:
            self._learn(version.candidate, champion, own, before)
        seconds = time.perf_counter() - began
        shadow = self._progress.shadow if champion is not None else 0
        shown = self._shown.evaluated(
            version.candidate,
            champion,
            own=own,
            after=[self.delivered(own[-1].week + 1 + ahead) for ahead in range(shadow)],
            before=before,
        )
        evaluated = beside_the_log(shown, state, version)
        began = time.perf_counter()
        evaluation = evaluate_all(self._progress.gates if champion else _TAKEN, evaluated, seed=self._seed)
        evaluating = time.perf_counter() - began
        if champion is not None:
            self.judgements[version.candidate] = self._compared(
                version.candidate, champion, own, before, evaluated, evaluation, evaluating
            )
        return Result(
            steps=self._steps[version.candidate],
            seconds=seconds,
            stopped_by="budget",
            evaluation=evaluation,
        )

    def only(self, candidates: Iterable[str]) -> None:
        kept = set(candidates)
        self._weights = {name: one for name, one in self._weights.items() if name in kept}
        self._predicted = {at: one for at, one in self._predicted.items() if at[0] in kept}

    # --- training and predicting ----------------------------------------------------------------

    def _learn(
        self, candidate: str, champion: str | None, own: Sequence[Delivery], before: Sequence[Delivery]
    ) -> None:
        """As the product does; the order is by seed and week, so that two histories differ by their rows."""
        order_seed = 1_000 * self._seed + own[-1].week
        new = np.concatenate([self._trainable(one) for one in own])
        old = {one.ref.key: self._trainable(one) for one in before}
        sizes = {key: len(rows) for key, rows in old.items()}
        wanted = flight_delay.replay.rows(new=len(new), consumed=sum(sizes.values()))
        drawn = draw(sizes=sizes, rows=wanted, seed=order_seed)
        again = [old[key][chosen.among(0, sizes[key])] for key, chosen in drawn.items()]
        rows = np.concatenate([new, *again])
        order = BatchOrder(rows=len(rows), batch_size=flight_delay.batch_size, seed=order_seed)
        steps = flight_delay.budget.last_step(steps_per_epoch=order.steps_per_epoch)
        if champion is None:
            self._model.begin(self._seed)
        elif self._at != champion:
            self._stand_at(champion)
        self._model.train(rows, order, steps, flight_delay.average)
        self._weights[candidate], self._at = self._model.copy_values(), candidate
        self._steps[candidate] = steps

    def _stand_at(self, candidate: str) -> None:
        self._model.assign(self._weights[candidate])
        self._at = candidate

    def _trainable(self, of: Delivery) -> Rows:
        return of.rows[~self._progress.held(of.ref.key, len(of.rows))]

    def _predictions(self, candidate: str, of: Delivery) -> npt.NDArray[np.float64]:
        """On all rows of a slice."""
        at = (candidate, of.ref.id)
        if at not in self._predicted:
            if self._at != candidate:
                self._stand_at(candidate)
            began = time.perf_counter()
            self._predicted[at] = self._model.predictions(of.rows)
            self._per_row.add(len(of.rows), time.perf_counter() - began)
        return self._predicted[at].astype(np.float64)

    # --- evaluating --------------------------------------------------------------------------------

    def _compared(
        self,
        candidate: str,
        champion: str,
        own: Sequence[Delivery],
        before: Sequence[Delivery],
        evaluated: EvaluatedRows,
        evaluation: Evaluation,
        evaluating: float,
    ) -> Judgement:
        newest = own[-1].week + self._progress.shadow
        later = range(newest + 1, newest + 1 + AHEAD)
        past_rows = 0 if evaluated.past is None else evaluated.past.count
        return Judgement(
            newest=newest,
            weeks=tuple(one.week for one in own),
            damaged=tuple(one.week for one in own if one.damaged),
            inherited=any(one.damaged for one in before),
            passed=evaluation.passed,
            refused_by=tuple(
                one.gate.partition("(")[0] for one in evaluation.verdicts if one.passed is False
            ),
            claim=claim_of(evaluation),
            truth=float(np.mean([self.auc(candidate, week) - self.auc(champion, week) for week in later])),
            rows=evaluated.count,
            past_rows=past_rows,
            seconds=evaluating + 2 * (evaluated.count + past_rows) * self._per_row.value,
        )


@dataclass
class _Rate:
    """Seconds a row, of all so far."""

    rows: int = 0
    seconds: float = 0.0

    def add(self, rows: int, seconds: float) -> None:
        self.rows += rows
        self.seconds += seconds

    @property
    def value(self) -> float:
        return self.seconds / self.rows if self.rows else 0.0
