"""Gates and budgets of a first model follow from the rows that were seen."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.scaffold.model.chosen import bounds_of, gates_of, held_out_by
from ckpt_ops.scaffold.model.label import Target, Task

WEEK, MONTH = timedelta(weeks=1), timedelta(days=31)
RNG = np.random.default_rng(3)


def target(task: Task, classes: tuple[object, ...] = (), group: str = "") -> Target:
    return Target(column="label", task=task, classes=classes, why="", group=group, rows=1_000)


def codes(task: Task, label: np.ndarray, first: int, *, classes: int = 0) -> list[str]:
    chosen = gates_of(target(task, tuple(range(classes))), label.astype(np.float64), None, first)
    assert all(gate.why for gate in chosen)
    return [gate.code for gate in chosen]


def test_a_few_rows_ask_for_more_than_chance_of_an_auc() -> None:
    label = np.arange(1_000) % 4 == 0
    assert codes(Task.BINARY, label, 5_000, classes=2)[0] == 'AtLeast("auc", 0.54)'
    assert codes(Task.BINARY, label, 500, classes=2)[0] == 'AtLeast("auc", 0.63)'
    assert codes(Task.BINARY, label, 100, classes=2) == [
        'AtLeast("auc", 0.65)',
        'NotWorseThan(metric="auc", margin=0.050)',
    ]


@pytest.mark.parametrize(
    ("seed", "held_out"), [(seed, held_out) for seed in range(20) for held_out in (40, 400)]
)
def test_a_model_that_guesses_rarely_reaches_the_bound(seed: int, held_out: int) -> None:
    draw = np.random.default_rng(seed)
    label = draw.random(held_out) < 0.3
    bound = float(codes(Task.BINARY, label, 5 * held_out, classes=2)[0].split(", ")[1][:-1])
    score = draw.random(held_out)
    auc = np.mean(score[label][:, None] > score[~label][None, :])
    assert auc < bound + 0.05


def test_classes_have_to_beat_their_shares() -> None:
    label = np.repeat([0, 1, 2], [500, 300, 200])
    entropy = -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.2))
    absolute, relative = codes(Task.CLASSES, label, 1_000, classes=3)
    assert absolute == f'AtMost("cross_entropy", {entropy:.3g})'
    assert relative == 'NotWorseThan(metric="cross_entropy", margin=0.0364)'


def test_numbers_have_to_beat_their_mean_whatever_their_unit() -> None:
    label = RNG.normal(10, 3, 1_000)
    absolute, relative = codes(Task.NUMBER, label, 50_000)
    assert absolute == 'AtLeast("r2", 0.0)'
    assert float(relative.split("margin=")[1][:-1]) == pytest.approx(0.06, rel=0.1)


def test_a_ranking_has_to_beat_any_order() -> None:
    groups = np.array([f"q{n // 5}" for n in range(1_000)])
    label = RNG.integers(0, 3, 1_000).astype(np.float64)
    absolute, _ = gates_of(target(Task.RANKING, group="q"), label, groups, 1_000)
    assert 0.6 < float(absolute.code.split(", ")[1][:-1]) < 0.9


@given(st.lists(st.integers(100, 5_000_000), min_size=1, max_size=5))
def test_a_budget_is_one_for_any_slices(rows: list[int]) -> None:
    bounds = bounds_of(rows)
    assert 100 <= bounds.min_steps <= bounds.max_steps <= 2_000


def test_newest_rows_are_held_out_only_where_all_hours_and_weekdays_are_among_the_others() -> None:
    assert held_out_by(target(Task.BINARY), "at", WEEK) == ""
    assert held_out_by(target(Task.BINARY), "at", MONTH) == 'holdout=Latest(0.2, by="at")'
    assert held_out_by(target(Task.BINARY), "", MONTH) == ""
    assert held_out_by(target(Task.RANKING, group="q"), "at", MONTH) == 'holdout_by="q"'
