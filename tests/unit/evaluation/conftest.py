"""Rows to evaluate: a champion that knows something of the labels, and candidates that know more or less."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ckpt_ops.evaluation import EvaluatedRows, ServableCheck

Judging = Callable[..., EvaluatedRows]


def probability(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-score))


@pytest.fixture(scope="session")
def flights() -> Judging:
    """`flights(noise=0.0)`: 2,000 rows of two large carriers and a small one.

    noise: what the candidate's scores have in addition to the champion's; 0 is the champion itself.
    changes: fields to replace.
    """

    def build(*, noise: float = 0.0, seed: int = 0, count: int = 2_000, **changes: object) -> EvaluatedRows:
        random = np.random.default_rng(seed)
        label = (random.random(count) < 0.3).astype(float)
        score = random.normal(size=count) + label - 0.5
        fields: dict[str, object] = {
            "label": label,
            "candidate": probability(score + noise * random.normal(size=count)),
            "champion": probability(score),
            "segments": {"carrier": random.choice(["AA", "UA", "HA"], count, p=[0.5, 0.45, 0.05])},
            "slice_key": "2013-01-06",
            "rows": "holdout of slice 2013-01-06",
            "servable": ServableCheck(max_abs_difference=0.0, rows=count),
        }
        return EvaluatedRows(**(fields | changes))

    return build
