"""Pure parts of conversions and predictions: how far two models are apart, which rows examples() keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.serving import rows
from ckpt_ops.pipeline.serving.comparing import Compared
from ckpt_ops.pipeline.serving.exported import by_batches
from ckpt_ops.pipeline.serving.rows import kept_rows
from ckpt_ops.training import Examples

numbers = st.floats(allow_nan=False, width=32)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20)


def compared(pairs: list[tuple[float, float]], *, binary: bool = False) -> Compared:
    a, b = np.array(pairs, np.float32).T
    return Compared().and_then(a, b, binary=binary)


@settings(deadline=None)
@given(pairs, st.integers(0, 20))
def test_parts_add_up_to_the_whole(pairs: list[tuple[float, float]], cut: int) -> None:
    a, b = np.array(pairs, np.float32).T
    parts = Compared().and_then(a[:cut], b[:cut], binary=True).and_then(a[cut:], b[cut:], binary=True)
    assert parts == compared(pairs, binary=True)


@settings(deadline=None)
@given(pairs)
def test_the_largest_difference_is_found(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs, np.float32).T.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0, np.abs(a - b))
    assert compared(pairs).max_abs_difference == apart.max()


def test_what_is_no_number_in_one_of_them_is_infinitely_far() -> None:
    assert compared([(np.nan, np.nan), (np.inf, np.inf)]).max_abs_difference == 0
    assert compared([(np.nan, 0.5)]).max_abs_difference == np.inf
    assert compared([(np.inf, -np.inf)]).max_abs_difference == np.inf
    assert compared([(0.5, np.nan), (1.0, 1.0)]).max_abs_difference == np.inf


def test_another_shape_is_infinitely_far() -> None:
    said = Compared().and_then(np.zeros((2, 3)), np.zeros(2), binary=False)
    assert (said.rows, said.max_abs_difference) == (2, np.inf)


def test_decisions_are_those_at_one_half_or_the_largest_of_k() -> None:
    assert compared([(0.49, 0.51), (0.1, 0.4), (0.5, 0.9)], binary=True).equal_decisions == pytest.approx(
        2 / 3
    )
    assert compared([(0.49, 0.51)], binary=False).equal_decisions is None
    said = Compared().and_then(np.eye(4), np.eye(4)[[0, 1, 3, 3]], binary=False)
    assert said.equal_decisions == 0.75
    assert Compared().equal_decisions is None


@pytest.mark.parametrize(
    ("said", "shape"), [((9000, 1), (9000,)), ((9000,), (9000,)), ((9000, 4), (9000, 4))]
)
def test_one_number_or_k_numbers_a_row_are_taken(said: tuple[int, ...], shape: tuple[int, ...]) -> None:
    found = by_batches(lambda batch: np.ones((len(batch["x"]), *said[1:])), {"x": np.zeros(9000)})
    assert found.shape == shape


@pytest.mark.parametrize(
    "ask",
    [
        lambda batch: {"a": batch["x"], "b": batch["x"]},
        lambda batch: np.zeros((len(batch["x"]), 2, 2)),
        lambda batch: np.zeros(7),
        lambda batch: np.float32(1),
    ],
)
def test_anything_else_is_refused(ask: Callable[[Any], Any]) -> None:
    with pytest.raises(ModelCodeError, match="one output of shape"):
        by_batches(ask, {"x": np.zeros(5)})


# --- which rows examples() keeps ------------------------------------------------------------------


def keeping(patch: pytest.MonkeyPatch, which: Callable[[pa.Table], Any]) -> list[int]:
    """`examples()` keeps the rows of which `which` says so. Returns the sizes of what it was asked about."""
    asked: list[int] = []

    def examples(pipeline: Pipeline, table: pa.Table) -> Examples:
        asked.append(table.num_rows)
        kept = table.filter(which(table))
        return Examples(inputs={"n": kept["n"].to_numpy()}, labels=np.zeros(kept.num_rows))

    patch.setattr(rows, "make_examples", examples)
    return asked


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_the_kept_rows_are_found_whatever_decides(flags: list[tuple[bool, bool]]) -> None:
    kept = [one for one, _ in flags]
    other = pa.array([1 if two else None for _, two in flags], pa.int64())
    table = pa.table({"kept": pa.array(kept, pa.bool_()), "other": other, "n": [0] * len(flags)})
    with pytest.MonkeyPatch.context() as patch:
        keeping(patch, lambda table: table["kept"])
        assert kept_rows(None, table, sum(kept)).tolist() == np.flatnonzero(kept).tolist()  # type: ignore[arg-type]


def test_a_column_that_may_be_missing_takes_two_questions(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    label = [None if n % 7 == 0 else n for n in range(10_000)]
    table = pa.table({"n": range(10_000), "label": pa.array(label)})
    asked = keeping(monkeypatch, lambda table: pc.is_valid(table["label"]))
    kept = sum(one is not None for one in label)
    assert kept_rows(pipeline, table, kept).tolist() == [n for n in range(10_000) if n % 7]
    assert asked == [kept, 10_000 - kept]


def test_a_column_that_only_looks_as_if_it_decided_does_not(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    table = pa.table({"n": range(8), "label": [None, 1, 1, 1, 1, 1, 1, 1]})
    keeping(monkeypatch, lambda table: pc.not_equal(table["n"], 5))
    assert kept_rows(pipeline, table, 7).tolist() == [0, 1, 2, 3, 4, 6, 7]


def test_rows_that_depend_on_others_have_no_number(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    keeping(monkeypatch, lambda table: pc.less(table["n"], pc.max(table["n"])))
    with pytest.raises(ModelCodeError, match=r"keeps 7 of 8 rows, and 6 of the same rows in two parts"):
        kept_rows(pipeline, pa.table({"n": range(8)}), 7)
