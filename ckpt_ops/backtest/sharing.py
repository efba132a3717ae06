"""Several policies side by side, each slice for all of them, and no model trained or evaluated twice.

A candidate's id holds its parent's id and its slices: two policies that have decided the same so far have
the same candidates, and so share models, scores and verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ckpt_ops.backtest.recorded import Arrival
from ckpt_ops.backtest.simulation import Event, History, Models, Result
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.policies import ColumnDrift, DriftNeed


class Shared:
    """A `Models` that asks `models` only once for each thing.

    Attributes:
        asked: how many trainings were requested.
        trained: how many of them were of a new candidate.
    """

    def __init__(self, models: Models) -> None:
        self.asked = self.trained = 0
        self._models = models
        self._results: dict[str, Result] = {}
        self._scores: dict[tuple[str, str], Mapping[str, float]] = {}
        self._drift: dict[tuple[str, str, DriftNeed], Mapping[str, ColumnDrift]] = {}

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        known = (candidate, ref.id)
        if known not in self._scores:
            self._scores[known] = self._models.score(candidate, ref)
        return self._scores[known]

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        head = "" if state.head is None else state.versions[state.head].candidate
        known = (head, ref.id, need)
        if known not in self._drift:
            self._drift[known] = self._models.drift(state, ref, need)
        return self._drift[known]

    def train(self, state: LineageState, version: VersionState) -> Result:
        self.asked += 1
        if version.candidate not in self._results:
            self.trained += 1
            self._results[version.candidate] = self._models.train(state, version)
        return self._results[version.candidate]

    def only(self, candidates: Iterable[str]) -> None:
        self._models.only(candidates)


def side_by_side(
    pipelines: Mapping[str, Pipeline],
    slices: Sequence[Arrival],
    models: Models,
    report: Callable[[int, str, Event], None] = lambda at, name, event: None,
) -> list[History]:
    """The history that each policy makes of the slices, from an empty log.

    All policies see a slice before any sees the next: models that no policy needs by then are dropped.

    Args:
        pipelines: by the policy's name, the pipeline under it.
        report: told the number of the slice, from 1, the policy's name and what happened.
    """
    histories = [
        History(
            name=name,
            pipeline=pipeline,
            state=LineageState(model=pipeline.name),
            digests=digests_of(pipeline),
        )
        for name, pipeline in pipelines.items()
    ]
    for at, slice_ in enumerate(slices, start=1):
        for history in histories:
            report(at, history.name, history.comes(slice_, models))
        models.only({history.head for history in histories if history.head is not None})
    return histories
