"""How many rows of a long history may be drawn again: by the log, where nothing else is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ckpt_ops.candidates.data import replay_sizes
from ckpt_ops.candidates.made_rows import made_rows
from ckpt_ops.candidates.slice_rows import held_out
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Latest

CONSUMED = {f"2013-01-{day:02d}": f"{day * 2**40:016x}" for day in range(1, 29)}
ROWS = {key: 50 + at for at, key in enumerate(CONSUMED)}


class Rows:
    """Slices that say which of them were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count(self, key: str, revision: str) -> int:
        self.asked.append(key)
        return ROWS[key]

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        self.asked.append(key)
        yield pa.table({"n": np.arange(ROWS[key]), "query": np.arange(ROWS[key]) % 9}), 0


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    schema = pa.schema([("n", pa.int64()), ("query", pa.int64())])
    return Pipeline(
        name="m",
        source=Files(name="s", schema=schema, template="{key}/*.parquet", url=tmp_path.as_uri()),
        expectations="expectations.json",
        model="m.model:build_model",
        budget=Budget(max_steps=100, max_seconds=60),
        gates=[AtLeast("auc", 0.5)],
    )


def by_reading(pipeline: Pipeline) -> dict[str, int]:
    masks = {key: held_out(pipeline, Rows(), key, revision) for key, revision in CONSUMED.items()}
    return {key: int((~mask).sum()) for key, mask in masks.items()}


def test_rows_held_out_at_random_are_counted_without_the_slice(pipeline: Pipeline) -> None:
    rows = Rows()
    sizes = replay_sizes(made_rows(pipeline, rows, code=""), CONSUMED, ROWS)
    assert rows.asked == []
    assert sizes == by_reading(pipeline)
    assert list(sizes) == list(CONSUMED)


def test_a_slice_that_the_log_does_not_count_is_asked_for(pipeline: Pipeline) -> None:
    rows, (first, *others) = Rows(), CONSUMED
    counted = {key: ROWS[key] for key in others}
    assert replay_sizes(made_rows(pipeline, rows, code=""), CONSUMED, counted) == by_reading(pipeline)
    assert rows.asked == [first]


@pytest.mark.parametrize("held", [{"holdout": Latest(0.2, by="n")}, {"holdout_by": "query"}])
def test_rows_that_are_held_out_by_a_column_are_read(
    pipeline: Pipeline, held: dict[str, Latest | str]
) -> None:
    pipeline, rows = replace(pipeline, **held), Rows()
    assert replay_sizes(made_rows(pipeline, rows, code=""), CONSUMED, ROWS) == by_reading(pipeline)
    assert set(rows.asked) == set(CONSUMED)
