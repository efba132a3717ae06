"""Text that may hold anything, such as values of data or names of files, for a terminal or a log line.

What would steer a terminal, forge a line or show text in another order than it has is written out instead, as
Python writes it: `\\x1b[2J`. Everything that writes to a console or a log passes through here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_STEERS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0, DEL and C1, but for tab and newline
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the direction of text
    r"\u2028\u2029\ufeff\ufff9-\ufffb"  # other ends of lines, and marks without a width
    r"\ud800-\udfff\U000e0000-\U000e007f"  # what no encoding can write, and tags that nobody sees
)
_UNSAFE = re.compile(f"[{_STEERS}]")
_UNSAFE_IN_A_LINE = re.compile(f"[{_STEERS}\t\n]")


def printable(text: str) -> str:
    """`text` with nothing in it that steers a terminal. Newlines and tabs stay."""
    return _UNSAFE.sub(_written_out, text)


def one_line(text: str) -> str:
    """As `printable`, with newlines and tabs written out, too: for a value or a name within a sentence."""
    return _UNSAFE_IN_A_LINE.sub(_written_out, text)


def shortened(text: str, longest: int) -> str:
    """One line without control characters, cut off after `longest` characters."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= longest else f"{line[:longest].rstrip()} ..."


def first_few(names: Sequence[str], most: int) -> str:
    """The first `most` of them, and how many there are besides."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")
