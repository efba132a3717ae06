"""Makes text that may hold anything, such as values or file names, safe for a terminal or a log line.

What would steer a terminal, forge a line or reorder text is escaped as Python does: `\\x1b[2J`. Everything
that writes to a console or a log passes through here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_STEERS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0, DEL and C1, but for tab and newline
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the direction of text
    r"\u2028\u2029\ufeff\ufff9-\ufffb"  # other line ends, and zero-width marks
    r"\ud800-\udfff\U000e0000-\U000e007f"  # surrogates, which no encoding can write, and invisible tags
)
_UNSAFE = re.compile(f"[{_STEERS}]")
_UNSAFE_IN_A_LINE = re.compile(f"[{_STEERS}\t\n]")


def printable(text: str) -> str:
    """`text` with everything escaped that steers a terminal. Newlines and tabs stay."""
    return _UNSAFE.sub(_escaped, text)


def one_line(text: str) -> str:
    """As `printable`, with newlines and tabs escaped, too: for a value or a name within a sentence."""
    return _UNSAFE_IN_A_LINE.sub(_escaped, text)


def shortened(text: str, longest: int) -> str:
    """One line without control characters, cut off after `longest` characters."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= longest else f"{line[:longest].rstrip()} ..."


def first_few(names: Sequence[str], most: int) -> str:
    """The first `most` names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")
