"""What a validation reads of the reference: what it asks for, once, bounded, and never a silent half."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from ckpt_ops.errors import StoreUnavailable
from ckpt_ops.validation.custom import MemoryReference, with_reference
from ckpt_ops.validation.custom.findings import NotEvaluated
from ckpt_ops.validation.custom.reference import Reading, current
from ckpt_ops.validation.custom.thinning import thinned

PULLED = datetime(2013, 2, 3, tzinfo=UTC)
WEEKS = {
    "1": pa.table({"carrier": ["UA", "UA"], "distance": [1, 2]}),
    "2": pa.table({"carrier": ["AA"], "distance": [3]}),
    "3": pa.table({"carrier": ["B6"], "distance": [4], "gate": ["A1"]}),
}


@dataclass(frozen=True, kw_only=True)
class Told(MemoryReference):
    """Says which columns of which slice were asked for."""

    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        self.asked.append((key, tuple(names)))
        return super().batches(key, names)


def test_the_newest_slices_are_read_once_and_only_the_column_asked_for() -> None:
    reference = Told(pulled_at=PULLED, tables=WEEKS)
    reading = Reading(reference)
    for _ in range(2):
        column = reading.sample("distance", 2)
        assert column.values.to_pylist() == [3, 4]
    assert column.message == "2 reference rows of 2 slices"
    assert reference.asked == [("2", ("distance",)), ("3", ("distance",))]


def test_null_means_all_slices() -> None:
    reading = Reading(MemoryReference(pulled_at=PULLED, tables=WEEKS))
    assert reading.sample("distance", None).rows == 4
    assert sorted(reading.distinct("carrier", None).values.to_pylist()) == ["AA", "B6", "UA"]


def test_slices_that_lack_the_column_do_not_count() -> None:
    reading = Reading(MemoryReference(pulled_at=PULLED, tables=WEEKS))
    assert reading.sample("gate", 3).message == "1 reference row of 1 slice"
    with pytest.raises(NotEvaluated, match="the consumed slices have no column tail"):
        reading.sample("tail", 3)


def test_types_that_widen_are_joined_and_others_are_not_compared() -> None:
    tables = {"1": pa.table({"x": pa.array([1], pa.int32())}), "2": pa.table({"x": [2.5]})}
    reading = Reading(MemoryReference(pulled_at=PULLED, tables=tables))
    assert reading.sample("x", None).values.to_pylist() == [1, 2.5]
    mixed = MemoryReference(pulled_at=PULLED, tables={**tables, "3": pa.table({"x": ["late"]})})
    with pytest.raises(NotEvaluated, match="have x in several types: int32, double, string"):
        Reading(mixed).sample("x", None)


def test_a_large_reference_is_thinned_and_says_so_but_every_rare_value_is_known() -> None:
    table = pa.table({"x": ["common"] * 99_999 + ["rare"]})
    reading = Reading(MemoryReference(pulled_at=PULLED, tables={"1": table}), most_rows=1000)
    column = reading.sample("x", None)
    assert 400 < column.kept <= 1000
    assert column.message == f"{column.kept:,} of 100,000 reference rows of 1 slice"
    assert reading.distinct("x", None).values.to_pylist() == ["common", "rare"]


def test_thinning_is_bounded_repeatable_even_and_blind_to_rows_that_alternate() -> None:
    batches = [pa.array(np.arange(start, start + 997)) for start in range(0, 99_700, 997)]
    parts, rows = thinned(batches, most=5000)
    again, _ = thinned([pa.concat_arrays(batches)], most=5000)
    kept = pa.concat_arrays(parts).to_numpy()
    assert rows == 99_700
    assert 2000 < len(kept) <= 5000
    assert np.array_equal(kept, pa.concat_arrays(again).to_numpy())
    assert abs(np.mean(kept % 2) - 0.5) < 0.03
    assert abs(np.mean(kept < 49_850) - 0.5) < 0.03


def test_few_rows_are_all_kept() -> None:
    parts, rows = thinned([pa.array([1, 2]), pa.array([3])], most=3)
    assert (pa.concat_arrays(parts).to_pylist(), rows) == ([1, 2, 3], 3)


def test_without_a_reference_or_before_the_first_training_nothing_is_judged() -> None:
    for reading in (current(), Reading(MemoryReference(pulled_at=PULLED))):
        with pytest.raises(NotEvaluated, match="no reference yet: nothing was consumed"):
            reading.sample("x", 4)
    with pytest.raises(NotEvaluated, match="when the slice was pulled is not known"):
        _ = current().pulled_at


@dataclass(frozen=True, kw_only=True)
class Away(MemoryReference):
    """Gives the first batch, then the store is gone."""

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from super().batches(key, names)
        raise StoreUnavailable("gs://models did not answer")


def test_what_reading_raises_is_raised_at_the_end_though_somebody_swallowed_it() -> None:
    def evaluate() -> None:
        with with_reference(Away(pulled_at=PULLED, tables=WEEKS)) as reading:
            assert current() is reading
            with suppress(StoreUnavailable):
                reading.sample("distance", 4)

    with pytest.raises(StoreUnavailable, match="did not answer"):
        evaluate()
    with pytest.raises(NotEvaluated):
        current().slices(None)
