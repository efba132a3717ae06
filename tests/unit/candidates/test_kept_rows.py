"""Which rows `examples()` keeps is found exactly, whatever decides and however alike they come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.candidates import kept_rows as room
from ckpt_ops.candidates.kept_rows import Numbers, kept_rows
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.training import Examples


class Keeping:
    """An `examples()` that keeps the rows of which `which` says so; what it makes of one is its column n.

    Attributes:
        asked: about how many rows, each time.
    """

    def __init__(self, which: Callable[[pa.Table], Any]) -> None:
        self.which, self.asked = which, list[int]()

    def __call__(self, table: pa.Table) -> Examples:
        self.asked.append(table.num_rows)
        kept = table.filter(self.which(table))
        inputs = {"n": kept["n"].to_numpy()}
        return Examples(inputs=inputs, labels=np.zeros(kept.num_rows), missing=("n",))


def found(examples: Callable[[pa.Table], Examples], table: pa.Table) -> list[int]:
    numbers: Numbers = kept_rows(examples, table, examples(table), named="m.model:examples")
    return numbers.tolist()


row = st.tuples(st.booleans(), st.booleans(), st.sampled_from([0.0, 1.0, np.nan]))


@settings(deadline=None)
@given(st.lists(row, max_size=60), st.sampled_from([1, 5, 100]))
def test_they_are_found_whatever_decides(rows: list[tuple[bool, bool, float]], piece: int) -> None:
    kept, other, n = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        {
            "kept": pa.array(kept, pa.bool_()),
            "other": pa.array([1 if one else None for one in other], pa.int64()),
            "n": pa.array(n, pa.float64()),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_PIECE", piece)
        assert found(Keeping(lambda table: table["kept"]), table) == np.flatnonzero(kept).tolist()


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "(missing)"]), st.booleans()), min_size=1, max_size=30))
def test_text_and_several_columns_are_compared_too(rows: list[tuple[str, bool]]) -> None:
    def examples(table: pa.Table) -> Examples:
        kept = table.filter(table["kept"])
        message = np.array(kept["word"].to_pylist(), dtype=object)
        return Examples(
            inputs={"word": message, "ones": np.ones((kept.num_rows, 2), np.float32)},
            labels=np.zeros(kept.num_rows),
            segments={"word": message.astype(str)},
            weights=np.ones(kept.num_rows),
        )

    message, kept = zip(*rows, strict=True)
    table = pa.table({"word": pa.array(message, pa.string()), "kept": kept})
    assert found(examples, table) == np.flatnonzero(kept).tolist()


def test_many_rows_that_nothing_simple_decides_about_take_few_questions() -> None:
    table = pa.table({"n": np.arange(100_000) % 5_003})
    hashed = Keeping(lambda table: np.asarray(table["n"]) * 2_654_435_761 % 1_000 < 400)
    kept = [n for n in range(100_000) if n % 5_003 * 2_654_435_761 % 1_000 < 400]
    assert found(hashed, table) == kept
    assert len(hashed.asked) < 50
    assert sum(hashed.asked) < 8 * 100_000


def test_a_column_that_may_be_missing_takes_one_question_more() -> None:
    label = [None if n % 7 == 0 else n for n in range(10_000)]
    table = pa.table({"n": range(10_000), "label": pa.array(label)})
    valid = Keeping(lambda table: pc.is_valid(table["label"]))
    assert found(valid, table) == [n for n in range(10_000) if n % 7]
    assert len(valid.asked) == 2


def test_a_column_that_only_looks_as_if_it_decided_does_not() -> None:
    table = pa.table({"n": range(8), "label": [None, 1, 1, 1, 1, 1, 1, 1]})
    assert found(Keeping(lambda table: pc.not_equal(table["n"], 5)), table) == [0, 1, 2, 3, 4, 6, 7]


def test_numbers_that_differ_from_call_to_call_do_not_mislead_it() -> None:
    """As a library does that rounds otherwise in the tail of a batch."""

    def examples(table: pa.Table) -> Examples:
        kept = table.filter(pc.not_equal(pc.bit_wise_and(table["n"], 1), 0))
        noise = np.arange(kept.num_rows) % 3 * 1e-9
        return Examples(inputs={"n": kept["n"].to_numpy() + noise}, labels=np.zeros(kept.num_rows))

    assert found(examples, pa.table({"n": range(50)})) == list(range(1, 50, 2))


def test_rows_that_depend_on_others_have_no_number() -> None:
    largest = Keeping(lambda table: pc.less(table["n"], pc.max(table["n"])))
    with pytest.raises(ModelCodeError, match=r"keeps 7 of 8 rows, but 6 when given in two parts"):
        found(largest, pa.table({"n": range(8)}))
