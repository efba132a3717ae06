"""Histories of real weeks of flights: as they came, in a world that changes, and with damaged weeks.

A history is a story: which week is delivered otherwise than it was, and how. Most stories are the clean one
up to their first such week, so that what follows differs by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from benchmarks.gates_damage import DAMAGES, WORLDS
from ckpt_ops.errors import TerminalError
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.slices.identity import digest
from ckpt_ops.training import Examples

if TYPE_CHECKING:
    import pyarrow as pa

    from benchmarks.flight_weeks import Rows

CLEAN = "clean"
AHEAD = 4
"""Weeks that show what a candidate is worth."""


# --- what is delivered --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivery:
    """A week as it was delivered.

    Attributes:
        rows: their numbers in the table of all deliveries, in order of time.
    """

    week: int
    ref: SliceRef
    rows: Rows
    damaged: bool


class Weeks(Protocol):
    """Rows by week, as `FlightWeeks` has them."""

    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def rows(self) -> Examples: ...
    @property
    def every(self) -> Sequence[Rows]: ...


class Deliveries:
    """Every delivery of every week in one table, which a `FlightModel` is made of.

    Attributes:
        every: by week, numbers of all rows as the weeks came.
    """

    def __init__(self, weeks: Weeks) -> None:
        self.keys, self.every = weeks.keys, weeks.every
        self._parts = [weeks.rows]
        self._rows = weeks.rows.rows
        self._tables: list[pa.Table] = []
        self._found: dict[tuple[int, str], Delivery] = {}

    def add(self, week: int, what: str) -> Delivery:
        """The week as the name of a world or of a damage says; once."""
        if (week, what) not in self._found:
            rows = self.every[week] if what == CLEAN else self._append(self._made(week, what))
            ref = SliceRef(key=self.keys[week], revision=digest(f"{self.keys[week]} {what}"), rows=len(rows))
            self._found[week, what] = Delivery(week=week, ref=ref, rows=rows, damaged=what in DAMAGES)
        return self._found[week, what]

    @cached_property
    def rows(self) -> Examples:
        """The table. Whoever has seen it knows nothing of what would be added later."""
        first = self._parts[0]
        return Examples(
            inputs={
                name: np.concatenate([part.inputs[name] for part in self._parts]) for name in first.inputs
            },
            labels=np.concatenate([part.labels for part in self._parts]),
        )

    def _append(self, examples: Examples) -> Rows:
        if "rows" in self.__dict__:
            raise TerminalError("a delivery was added after the table of all was made")
        self._parts.append(examples)
        self._rows += examples.rows
        return np.arange(self._rows - examples.rows, self._rows)

    def _made(self, week: int, what: str) -> Examples:
        own = self._week(week)
        if what in WORLDS:
            return replace(own, labels=self._labels(week, what).astype(own.labels.dtype))
        damage = DAMAGES[what]
        random = np.random.default_rng([week, list(DAMAGES).index(what)])
        return damage.apply(own, self._week((week + damage.other) % len(self.every)), random)

    def _week(self, week: int) -> Examples:
        return self._parts[0].take(self.every[week])

    def _labels(self, week: int, world: str) -> Any:
        import pyarrow.compute as pc

        from demo.flights import weeks

        self._tables = self._tables or list(weeks().values())
        table = self._tables[week]
        table = table.filter(pc.is_valid(table["arr_delay"]))  # as the example's `examples` does
        return WORLDS[world](table["arr_delay"].to_numpy(), np.array(table["carrier"].to_pylist()))


# --- stories ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Story:
    """A history: what is delivered, and from which week on it is not the clean one.

    Attributes:
        kind: CLEAN, "drift", "damaged" (one week), "often" (every sixth week).
        name: of the damage or of the world; else the kind.
        every: slices that an update waits for.
        begins, ends: the first week that is lived through again, and the last. In shadow a changed week
            evaluates who learned those before it.
        delivered: by week that comes otherwise than it was, what it comes as.
    """

    kind: str
    name: str
    every: int
    begins: int
    ends: int
    delivered: Mapping[int, str] = field(default_factory=dict)

    def comes(self, week: int) -> str:
        """As what a week is delivered."""
        return self.delivered.get(week, CLEAN)

    def true(self, week: int) -> str:
        """As what it should have been."""
        what = self.comes(week)
        return what if what in WORLDS else CLEAN

    @property
    def damaged(self) -> list[int]:
        """Weeks in order."""
        return [week for week, what in self.delivered.items() if what in DAMAGES]


KINDS = ("drift", "damaged", "often")
WAITS = (1, 3)
_EARLY = (1, 2, 3)
_LATER = (8, 13, 21, 28, 33, 38)
_LATER_GROUPS = (7, 13, 19, 25, 31, 34)
_AFTERMATH = AHEAD - 1


def stories(
    *, every: int, seed: int, weeks: int, known: int, shadow: int, kinds: Sequence[str], scale: float
) -> Iterator[Story]:
    """All of one way of evaluating with one seed, the clean one first.

    Args:
        weeks: how long the longest ones are.
        known: how many weeks there are.
        shadow: slices that a decision waits for.
        scale: share of the stories with one damaged week.
    """
    yield Story(kind=CLEAN, name=CLEAN, every=every, begins=0, ends=weeks - 1)
    if "drift" in kinds:
        changes = weeks * 5 // 9
        for world in WORLDS:
            delivered = dict.fromkeys(range(changes, known), world)
            begins = changes - shadow
            yield Story(
                kind="drift", name=world, every=every, begins=begins, ends=weeks - 1, delivered=delivered
            )
    if "often" in kinds:
        names = list(DAMAGES)
        damaged = {week: names[(seed + at) % len(names)] for at, week in enumerate(range(3, weeks - 5, 6))}
        begins = 3 - shadow
        yield Story(kind="often", name="often", every=every, begins=begins, ends=weeks - 1, delivered=damaged)
    if "damaged" in kinds:
        for number, name in enumerate(DAMAGES):
            at = _alone(number + seed, scale) if every == 1 else _in_group(number + seed, scale, every)
            for week, ends in at:
                ends += 2 * shadow + _AFTERMATH
                if ends < weeks:
                    begins = max(0, week - shadow)
                    yield Story(
                        kind="damaged",
                        name=name,
                        every=every,
                        begins=begins,
                        ends=ends,
                        delivered={week: name},
                    )


def _alone(turn: int, scale: float) -> list[tuple[int, int]]:
    """An early week and two later ones, others in each turn: where its damage lies, and it is evaluated."""
    weeks = [_EARLY[turn % 3], *(_LATER[(turn + 3 * at) % len(_LATER)] for at in range(2))]
    return [(week, week) for week in weeks[: _some(len(weeks), scale)]]


def _in_group(turn: int, scale: float, every: int) -> list[tuple[int, int]]:
    """At each place of the first group, and at one of a later group, another in each turn."""
    groups = [(1, place) for place in range(every)]
    groups.append((_LATER_GROUPS[turn % len(_LATER_GROUPS)], turn % every))
    return [(group + place, group + every - 1) for group, place in groups[: _some(len(groups), scale)]]


def _some(count: int, scale: float) -> int:
    return min(count, max(1, round(count * scale)))
