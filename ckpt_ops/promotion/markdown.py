"""Words of others inside Markdown: what came from data or from a person may neither format nor link.

Escaping is not enough: GitHub's dialect makes links of addresses in plain text even where every character
was escaped. In a code span nothing is looked for, so that is where such words go.
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
