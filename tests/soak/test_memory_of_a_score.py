"""A champion's score of a slice takes no more memory the larger the slice is: stated, and kept to."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scoring import COLUMNS
from benchmarks.workers import run_worker
from ckpt_ops.candidates.scored_rows import MOST_ROWS

MOST_BYTES = 640 << 20


@pytest.mark.parametrize(
    "rows",
    [
        1_000_000,
        pytest.param(8_000_000, marks=pytest.mark.soak),
        pytest.param(40_000_000, marks=pytest.mark.soak),
    ],
)
def test_a_score_takes_no_more_than_is_stated(rows: int, tmp_path: Path) -> None:
    found = run_worker("benchmarks.scoring", tmp_path, "--worker", str(rows))
    assert 0 < found["bytes"] < MOST_BYTES
    if rows > 8 * MOST_ROWS:
        assert found["bytes"] < rows * COLUMNS, "a fourth of what its columns would take"
