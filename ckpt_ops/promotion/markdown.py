"""Foreign text inside Markdown: what came from data or from a person may neither format nor link.

Escaping is not enough: GitHub's dialect turns addresses in plain text into links even where every character
was escaped. It interprets nothing in a code span, so such text goes there.
"""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_ops.printable import shortened

_LONGEST = 500


def literal(text: object, *, longest: int = _LONGEST) -> str:
    """A code span that shows the text: on one line, cut off after `longest` characters.

    A backtick becomes an apostrophe and a bar a broken bar: one would end the span, the other a table's cell.
    """
    line = shortened(str(text), longest).replace("`", "'").replace("|", "\N{BROKEN BAR}")
    return f"`{line}`" if line else "-"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table; cells are Markdown already."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]
