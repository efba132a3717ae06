"""The board of a model: which alerts are up, and which way each was told. Values in, values out.

An alert is new when none of its kind that is up has the same subject. It comes down when what it says holds
no longer; when it holds again, it is new again. What only a run can see (a slice that never came) stays up
for `MOMENT_STAYS`, so that it is not told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ckpt_ops.alerts.alert import Alert
from ckpt_ops.views.building.attention import MOST_KEYS
from ckpt_ops.views.shapes import Wants

MOMENT_STAYS = timedelta(days=90)
MOST_MOMENTS = 200
MOST = 500
"""On a board; the newest stay."""
RETRY = timedelta(minutes=10)
"""How long after a try the next one may come, doubled with each up to `LONGEST_RETRY`. A try that never ended
is one, too: so two that look at the same time do not both tell."""
LONGEST_RETRY = timedelta(hours=1)
HANGS = timedelta(minutes=1)
"""A try that has not ended after so long is taken for one that failed."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How an alert fared with one notifier.

    Attributes:
        name: the notifier's.
        tries: how many were begun; `last`: when the last one was, UTC, ISO 8601.
        told: it went through.
        problem: why the last try failed; "" where it did not, or never ended.
    """

    name: str
    tries: int
    last: str
    told: bool = False
    problem: str = ""

    def fails(self, now: datetime) -> bool:
        """It failed, or hangs, and it is too early to try again."""
        late = abs(now - datetime.fromisoformat(self.last)) > HANGS
        return not self.told and not self.due(now) and (late or bool(self.problem))

    def due(self, now: datetime) -> bool:
        """It may be tried again."""
        wait = min(RETRY * 2 ** min(self.tries - 1, 10), LONGEST_RETRY)
        # another machine's clock may be ahead; one that was set back by far holds up nothing
        return not self.told and abs(now - datetime.fromisoformat(self.last)) >= wait


@dataclass(frozen=True, kw_only=True)
class Posted:
    """An alert that is up.

    Attributes:
        since: when it was first seen, UTC, ISO 8601.
        subjects: those of the alert that still hold.
        moment: a run found it; it follows from no state.
        ways: one for each notifier that was tried.
    """

    alert: Alert
    since: str
    subjects: tuple[str, ...]
    moment: bool = False
    ways: tuple[Way, ...] = ()

    def way(self, name: str) -> Way | None:
        """How it fared with this notifier; None: it was not tried."""
        return next((one for one in self.ways if one.name == name), None)

    def with_way(self, way: Way) -> Posted:
        """The same, with this one in the place of the notifier's former."""
        others = tuple(one for one in self.ways if one.name != way.name)
        return replace(self, ways=(*others, way))


@dataclass(frozen=True, kw_only=True)
class Board:
    """All alerts of a model that are up, the oldest first."""

    posted: tuple[Posted, ...] = ()

    def seen(self, now: datetime, standing: Sequence[Alert], moments: Sequence[Alert] = ()) -> Board:
        """The board after a look.

        Args:
            standing: what holds now.
            moments: what a run has found.
        """
        if any(one.what is Wants.UNREADABLE for one in standing):  # of all else, nobody knows
            kept = self.posted
        else:
            kept = tuple(_still_up(self.posted, standing, now))
        found = list(kept)
        for alerts, moment in ((standing, False), (moments, True)):
            for alert in alerts:
                known = {each for one in found if one.alert.what is alert.what for each in one.subjects}
                new = tuple(one for one in alert.subjects if one not in known)
                if new:
                    found.append(_posted(alert, new, now, moment=moment))
        return replace(self, posted=tuple(found[-MOST:]))

    def due(self, way: str, now: datetime) -> tuple[Posted, ...]:
        """What is to be told by a notifier now.

        While it rests from one that failed, new ones wait as well: a server that hangs holds up a run once
        in a while, and not each.
        """
        if any(known.fails(now) for one in self.posted if (known := one.way(way)) is not None):
            return ()
        found = []
        for one in self.posted:
            known = one.way(way)
            if known is None or known.due(now):
                found.append(one)
        return tuple(found)

    def tried(self, way: str, which: Iterable[Posted], now: datetime) -> Board:
        """That a try to tell these begins."""
        keys = {_key(one) for one in which}
        return self._changed(keys, way, lambda way: replace(way, tries=way.tries + 1, last=_text(now)))

    def ended(self, way: str, which: Posted, problem: str = "") -> Board:
        """How the try ended."""
        return self._changed(
            {_key(which)}, way, lambda way: replace(way, told=way.told or not problem, problem=problem)
        )

    def _changed(self, keys: set[tuple[object, ...]], name: str, change: Callable[[Way], Way]) -> Board:
        def changed(one: Posted) -> Posted:
            known = one.way(name) or Way(name=name, tries=0, last="")
            return one.with_way(change(known)) if _key(one) in keys else one

        return replace(self, posted=tuple(map(changed, self.posted)))


def _posted(alert: Alert, new: tuple[str, ...], now: datetime, *, moment: bool) -> Posted:
    """The alert with no subject but the new ones."""
    slices = (
        tuple(one for one in alert.slices if one in new) if alert.slices == alert.subjects else alert.slices
    )
    return Posted(
        alert=replace(alert, subjects=new, slices=slices), since=_text(now), subjects=new, moment=moment
    )


def _still_up(posted: Sequence[Posted], standing: Sequence[Alert], now: datetime) -> Iterator[Posted]:
    moments = [one for one in posted if one.moment][-MOST_MOMENTS:]
    for one in posted:
        if one.moment and one in moments and now - datetime.fromisoformat(one.since) < MOMENT_STAYS:
            yield one
            continue
        alike = [each for each in standing if each.what is one.alert.what]
        subjects = tuple(subject for subject in one.subjects if any(_holds(subject, each) for each in alike))
        if subjects:
            yield replace(one, subjects=subjects)


def _holds(subject: str, alert: Alert) -> bool:
    """Of more slices than a view names, those before the first that it names are not known to be settled."""
    cut_off = len(alert.subjects) >= MOST_KEYS and subject < min(alert.subjects)
    return subject in alert.subjects or cut_off


def _key(one: Posted) -> tuple[object, ...]:
    return one.alert.what, one.alert.subjects, one.since


def _text(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds")
