"""On which kind of rows a candidate was evaluated: whether they favour it."""

from __future__ import annotations

from enum import Enum


class Basis(Enum):
    """What the models had seen of the slices that the evaluated rows come from. Files hold its value."""

    HOLDOUT = "holdout"
    LATEST = "latest"
    SHADOW = "shadow"

    @property
    def message(self) -> str:
        """A phrase that ends a sentence: "evaluated on ..."."""
        return _WORDS[self]

    @property
    def fair(self) -> bool:
        """Whether the rows favour neither model: only such rows can show a gain."""
        return self is Basis.SHADOW


_WORDS = {
    Basis.HOLDOUT: "held-out rows of the slices that the candidate trained on: they favour it",
    Basis.LATEST: "the newest rows, held out, of the slices that the candidate trained on: they favour it, "
    "though less than rows drawn at random",
    Basis.SHADOW: "slices that neither model has trained on",
}
