"""Numbers in sentences: the fewest digits that tell apart what the sentence compares."""

from __future__ import annotations

FEWEST, MOST = 3, 6


def decimals_apart(*pairs: tuple[float, float]) -> int:
    """Decimals at which the numbers of each pair look different: no sentence reads "0.600 is below 0.600"."""
    needed = FEWEST
    for one, other in pairs:
        told_apart = (d for d in range(FEWEST, MOST + 1) if f"{one:.{d}f}" != f"{other:.{d}f}")
        needed = max(needed, next(told_apart, FEWEST))
    return needed


def plain(number: float, decimals: int = FEWEST) -> str:
    """`1,234.500`; a negative number that rounds to zero has no sign."""
    return f"{number:z,.{decimals}f}"


def signed(number: float, decimals: int = FEWEST) -> str:
    """`+0.006`."""
    return f"{number:+z,.{decimals}f}"


def percent(share: float) -> str:
    """`95 %`."""
    return f"{100 * share:g} %"
