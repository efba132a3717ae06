"""How the vocabulary of a column grows: a setting of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.wire_names import wire


@wire("Vocabulary")
@dataclass(frozen=True)
class Vocabulary:
    """The values of a column that have a row of their own in an embedding.

    The vocabulary grows from the slices that a version consumes, in order, and is part of the version. Up to
    `capacity` values have a row of their own. A value that was seen in fewer than `min_count` rows, or came
    when all rows were taken, shares one of `buckets` rows with others, chosen by a hash. (Liu et al. 2022,
    "Monolith", section 2: a table without collisions, a filter by frequency, expiry.)

    Attributes:
        column: of the source; text or whole numbers. A missing value has no row: give the model "" or -1.
        capacity: the number of rows for one value each.
        min_count: the number of rows in which a value must be seen before it gets a row of its own.
        expire_after: a value that is missing from this many slices in a row loses its row, with the weights.
            None: never.
        buckets: the number of rows that all other values share.
        grow: a full capacity is multiplied by this; 1: it stays.
    """

    column: str
    capacity: int
    min_count: int = 1
    expire_after: int | None = None
    buckets: int = 1
    grow: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise BadInput("Vocabulary.column", self.column, 'the name of a column: "carrier"')
        for name in ("capacity", "min_count", "buckets"):
            checks.whole(f"Vocabulary.{name}", getattr(self, name))
        if self.expire_after is not None:
            allowed = "a number of slices of at least 1, or None: never"
            checks.whole("Vocabulary.expire_after", self.expire_after, allowed=allowed)
        checks.number("Vocabulary.grow", self.grow, at_least=1, allowed="a factor of at least 1; 1: it stays")
