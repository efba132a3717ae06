"""A column that a person names: it is there, or the nearest names are said."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ckpt_ops.errors import BadInput
from ckpt_ops.printable import first_few


def check_column(name: str, columns: Sequence[str], *, field: str) -> None:
    """Raises `BadInput`: the data has no such column. The next step is the nearest name, if any is near."""
    if name in columns:
        return
    folded = {column.lower(): column for column in columns}
    near = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    raise BadInput(
        field,
        name,
        f"a column of the data: {first_few(columns, 20)}",
        next=f"{field} {folded[near[0]]}" if near else "",
    )
