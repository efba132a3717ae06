"""Rows for first models: a column of every kind, and labels of every task that follow from some of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

ROWS = 600


def of_day(day: str, seed: int) -> pa.Table:
    """Rows with a column of every kind that a model may get, in several labels."""
    draw = np.random.default_rng(seed)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    size = draw.normal(50, 10, ROWS)
    odd = draw.choice(["é", "b", 'c"'], ROWS)
    strength = (size - 50) / 10 + (odd == "b") + draw.normal(size=ROWS)
    return pa.table(
        {
            "at": [start + timedelta(minutes=2 * n) for n in range(ROWS)],
            "since": [(start - timedelta(days=int(n))).date() for n in draw.integers(1, 900, ROWS)],
            "row": np.arange(ROWS) + seed * ROWS,
            "size": size,
            "Größe in m²": [None if n % 7 == 0 else float(one) for n, one in enumerate(size**2)],
            "kind": odd,
            "a/b": draw.choice(["x", "y", "z"], ROWS),
            "shop_id": draw.integers(0, 40, ROWS),
            "floor": draw.integers(-2, 5, ROWS),
            "new": draw.integers(0, 2, ROWS) > 0,
            "query": [f"q{n // 6}-{seed}" for n in range(ROWS)],
            "sold": strength > 0.5,
            "class": np.where(strength > 1, "high", np.where(strength > 0, "middle", 'l"o\\w')),
            "price": strength * 12.5 + 100,
            "grade": np.clip(np.round(strength + 1), 0, 3).astype(np.int64),
        }
    )
