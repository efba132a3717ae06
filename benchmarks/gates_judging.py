"""What the gates are shown of two models, as production shows it, and what they made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.gates_histories import Delivery
from benchmarks.gates_ways import Way
from ckpt_ops.candidates.past import choose
from ckpt_ops.evaluation import Basis, EvaluatedRows, Evaluation, Latency, Past, ServableCheck, past_slices

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A candidate that had a champion: what was said of it, and what was true.

    Attributes:
        newest: the last week that it learned, or that evaluated it.
        weeks, damaged: those that it consumed itself, and which of them were damaged.
        inherited: its champion had learned a damaged week.
        refused_by: gates.
        claim: candidate less champion on the rows that evaluate.
        truth: the same on the four weeks after `newest`, as they were; the mean over these.
        rows, past_rows: how many evaluated; of earlier slices.
        seconds: of predicting these with two models, and of evaluating.
    """

    newest: int
    weeks: tuple[int, ...]
    damaged: tuple[int, ...]
    inherited: bool
    passed: bool
    refused_by: tuple[str, ...]
    claim: float
    truth: float
    rows: int
    past_rows: int
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """Makes what the gates are shown.

    Attributes:
        labels, carrier: of the table of all deliveries.
        predictions: by candidate and delivery, on all of its rows.
    """

    way: Way
    labels: Scores
    carrier: npt.NDArray[Any]
    predictions: Callable[[str, Delivery], Scores]

    def evaluated(
        self,
        candidate: str,
        champion: str | None,
        *,
        own: Sequence[Delivery],
        after: Sequence[Delivery],
        before: Sequence[Delivery],
    ) -> EvaluatedRows:
        """Both models on held-out rows of what the candidate learned, or on all rows of the slices after it.

        Args:
            own, before: what it learned, and what its champion had.
            after: the slices that evaluate it in shadow; none: it is evaluated on its holdout.
        """
        on = after or own
        masks = [np.ones(len(one.rows), np.bool_) if after else self._held(one) for one in on]
        rows = np.concatenate([one.rows[mask] for one, mask in zip(on, masks, strict=True)])
        return EvaluatedRows(
            label=self.labels[rows],
            candidate=self._on(candidate, on, masks),
            champion=None if champion is None else self._on(champion, on, masks),
            segments={"carrier": self.carrier[rows].astype(np.str_)},
            slice_key=on[-1].ref.key,
            rows=f"{'all rows' if after else 'holdout'} of slice {', '.join(one.ref.key for one in on)}",
            basis=Basis.SHADOW if after else Basis.LATEST if self.way.latest else Basis.HOLDOUT,
            slice=_keys(on, masks),
            servable=_taken_to_be_servable(len(rows)),
            past=self._past(candidate, champion, before),
        )

    def _past(self, candidate: str, champion: str | None, before: Sequence[Delivery]) -> Past:
        by_ref = {one.ref: one for one in before}
        chosen = [by_ref[ref] for ref in choose(list(by_ref), past_slices(self.way.gates))]
        masks = [self._held(one) for one in chosen]
        rows = [one.rows[mask] for one, mask in zip(chosen, masks, strict=True)]
        return Past(
            slice=_keys(chosen, masks),
            label=self.labels[np.concatenate([np.empty(0, np.int64), *rows])],
            candidate=self._on(candidate, chosen, masks),
            champion=None if champion is None else self._on(champion, chosen, masks),
        )

    def _held(self, of: Delivery) -> npt.NDArray[np.bool_]:
        return self.way.held(of.ref.key, len(of.rows))

    def _on(self, model: str, slices: Sequence[Delivery], masks: Sequence[Any]) -> Scores:
        parts = [self.predictions(model, one)[mask] for one, mask in zip(slices, masks, strict=True)]
        return np.concatenate([np.empty(0), *parts])


def claim_of(evaluation: Evaluation) -> float:
    """By how much the evaluated rows say that the candidate is better; NaN where they cannot."""
    if evaluation.champion is None:
        return float("nan")
    nothing = float("nan")
    return evaluation.candidate.get("auc", nothing) - evaluation.champion.get("auc", nothing)


def _keys(slices: Sequence[Delivery], masks: Sequence[Any]) -> npt.NDArray[np.str_]:
    parts = [np.full(int(mask.sum()), one.ref.key) for one, mask in zip(slices, masks, strict=True)]
    return np.concatenate([np.empty(0, np.str_), *parts])


def _taken_to_be_servable(rows: int) -> ServableCheck:
    """An export is not what is measured here."""
    at_once = Latency(p50_ms=0.0, p95_ms=0.0, p99_ms=0.0, requests=1)
    return ServableCheck(max_abs_difference=0.0, rows=rows, bytes=0, latency=at_once)
