"""Where in a file's name its time stands: in one piece, 2025-11-01, or in folders, year=2025/month=11/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ckpt_ops.key_times import COMMON, form_of
from ckpt_ops.time_forms import TimeForm

_HASH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=\d*[a-f])[0-9a-f]{16,}")
_LABELS = {"m": "month|mon|mm|m", "d": "day|dd|d", "H": "hour|hr|hh|h"}
_HOURS, _DAYS, _WEEKS, _MONTHS = COMMON[:3], COMMON[3:6], COMMON[6:7], COMMON[7:]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the time stands in a name.

    Attributes:
        form: the time's, with whatever stands between its pieces.
        start, end: of it in the name.
        zeros: how its numbers below ten are written: True as 05, False as 5; None: there are none.
    """

    form: str
    start: int
    end: int
    zeros: bool | None = True

    @property
    def in_folders(self) -> bool:
        """The time is in several pieces, with a '/' between them."""
        return "/" in self.form


def place_of(name: str) -> Place | None:
    """The finest time in a name, the first of several; one in one piece comes before one in folders."""
    text = _HASH.sub(lambda found: "x" * len(found[0]), name)  # by chance, a hash may hold a date
    places = (
        *(_in_one_piece(text, form) for form in _HOURS),
        _in_folders(text, "mdH"),
        *(_in_one_piece(text, form) for form in _DAYS),
        _in_folders(text, "md"),
        *(_in_one_piece(text, form) for form in _WEEKS),
        *(_in_one_piece(text, form) for form in _MONTHS),
        _in_folders(text, "m"),
    )
    return next((place for found in places if (place := next(found, None))), None)


def place_as(name: str, form: TimeForm) -> Place | None:
    """The first time of a given form."""
    return next((Place(form=form.form, start=start, end=end) for start, end in form.find(name)), None)


def without_zeros(place: Place) -> Place:
    """The same place, with numbers below ten as one digit."""
    form = re.sub(r"%(?=[mdH])", "%-", place.form)
    return Place(form=form, start=place.start, end=place.end, zeros=place.zeros)


def _in_one_piece(text: str, form: str) -> Iterator[Place]:
    for start, end in TimeForm(form=form).find(text):
        if form_of(text[start:end]) == form:
            yield Place(form=form, start=start, end=end)


def _in_folders(text: str, letters: str) -> Iterator[Place]:
    for found in re.finditer(_folders(letters), text, re.IGNORECASE):
        form, numbers = "%Y", []
        for letter in letters:
            form += f"{found[f'before_{letter}']}%{letter}"
            numbers.append(found[letter])
        below_ten = [number for number in numbers if int(number) < 10]
        zeros = all(len(number) == 2 for number in below_ten) if below_ten else None
        bare = re.sub(r"%(?=[mdH])", "%-", form)
        known = TimeForm(form=bare if zeros is False else form)
        if "/" in form and known.read(found[0]) is not None:
            yield Place(form=form, start=found.start(), end=found.end(), zeros=zeros)


def _folders(letters: str) -> str:
    """A year, and behind it pieces that are folders, with a label or without, or go on in the same one."""
    pieces = [
        rf"(?P<before_{letter}>/(?:(?:{_LABELS[letter]})=)?|[-_{'T' if letter == 'H' else ''}]?)"
        rf"(?P<{letter}>\d\d|(?<=[/=])\d(?=[/.]))"
        for letter in letters
    ]
    return rf"(?<![0-9])(?:19|2[01])\d\d{''.join(pieces)}(?![0-9])"
