"""Texts with a time in them: literals, `*` and strftime directives, read, written and put in order.

Python's own strptime takes no `%-m`, no directive twice and no week of the ISO year without a weekday; and
it does not say whether texts of a form sort in time.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ckpt_ops.errors import BadInput

_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2, "f": 6, "G": 4, "V": 2, "u": 1}
_CHAINS = ("YmdHMSf", "YjHMSf", "GVuHMSf")  # what says a time, from coarse to fine
_ISO = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H", "%Y-%m-%dT%H%M", "%Y-%m-%dT%H%M%S", "%Y-%m-%dT%H%M%S%f")
_DIRECTIVE = re.compile(r"%(-?)(.)?", re.DOTALL)
_ABOVE: dict[str, Callable[[datetime], object]] = {
    "Y": lambda time: None,
    "y": lambda time: time.year // 100,
    "m": lambda time: time.year,
    "j": lambda time: time.year,
    "d": lambda time: (time.year, time.month),
    "H": lambda time: time.date(),
    "M": lambda time: (time.date(), time.hour),
    "S": lambda time: (time.date(), time.hour, time.minute),
    "f": lambda time: time.replace(microsecond=0),
    "G": lambda time: None,
    "V": lambda time: time.isocalendar().year,
    "u": lambda time: time.isocalendar()[:2],
}
"""As long as this stays the same, a directive's value only grows with time."""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A literal, or a directive without its '%': its letter, and whether it is written without zeros."""

    literal: str = ""
    letter: str = ""
    bare: bool = False


@dataclass(frozen=True, kw_only=True)
class TimeForm:
    """A form such as `year=%Y/month=%m/*.csv`: each `*` stands for anything but '/', `%%` for a '%'.

    Directives are %Y %y %m %d %j %H %M %S %f %G %V %u, with a '-' as in `%-m` without leading zeros. Each may
    stand several times; repeated ones have to agree.

    Raises:
        BadInput: another directive, or directives that make no time, such as a day without a month.
    """

    form: str
    field: str = "form"

    def __post_init__(self) -> None:
        for flag, letter in _DIRECTIVE.findall(self.form):
            if letter not in _DIGITS and (flag, letter) != ("", "%"):
                raise BadInput(
                    self.field,
                    self.form,
                    f"directives of {', '.join('%' + each for each in _DIGITS)}; "
                    f"{'%' + flag + letter!r} is none of them, and a percent sign itself is '%%'",
                )
        if self.chain is None:
            raise BadInput(
                self.field,
                self.form,
                "a time without gaps: a year, then month, day and hour as far as it goes (%Y-%m-%d), "
                "or a day of the year (%Y-%j), or a week (%G-W%V)",
            )

    @property
    def sorts(self) -> bool:
        """Texts of the form sort as their times do: from coarse to fine, with all their digits."""
        directives = [piece for piece in self._pieces if piece.letter]
        letters = "".join(piece.letter for piece in directives)
        return letters == self.chain and not any(piece.bare for piece in directives)

    @property
    def chain(self) -> str | None:
        """The letters that say the time, from coarse to fine; None when there are gaps."""
        letters = {"Y" if piece.letter == "y" else piece.letter for piece in self._pieces} - {""}
        chains = (chain[: len(letters)] for chain in _CHAINS)
        return next((each for each in chains if letters == set(each) and each not in ("", "G")), None)

    @property
    def iso(self) -> str:
        """A form that says as much, and sorts."""
        chain = self.chain or ""
        if chain.startswith("G"):
            clock = "T%H%M%S%f"[: 1 + 2 * len(chain[3:])] if len(chain) > 3 else ""
            return "%G-W%V" + ("-%u" if "u" in chain else "") + clock
        return _ISO[len(chain) - 1 + chain.count("j")]

    def read(self, text: str) -> datetime | None:
        """The time, in UTC, that a text says; None when it is not of the form."""
        found = self._pattern.fullmatch(text)
        return self._time(found) if found else None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in a longer text times of the form stand, with no digit beside them: begin and end."""
        for found in self._anywhere.finditer(text):
            if self._time(found):
                yield found.span()

    def read_beginning(self, text: str) -> tuple[datetime, str] | None:
        """The time that a text begins with, as the form says up to its last directive; and what is behind."""
        found = self._beginning.fullmatch(text)
        time = self._time(found) if found else None
        return (time, found["rest"]) if found and time else None

    def write(self, time: datetime) -> str:
        """The text of a time, with each `*` as it is."""
        return "".join(_written(piece, time) for piece in self._pieces)

    @property
    def ending(self) -> str:
        """What stands behind the last directive."""
        return "".join(piece.literal for piece in self._pieces[self._last + 1 :])

    def beginning(self, time: datetime) -> str:
        """All texts of a time begin with this, and those of other times do not: up to the last directive."""
        text = "".join(_written(piece, time) for piece in self._pieces[: self._last + 1])
        return text.split("*")[0]

    def shared(self, first: datetime, last: datetime) -> str:
        """What the `beginning` of all times from `first` to `last`, both included, begins with."""
        same = ""
        for piece in self._pieces[: self._last + 1]:
            if piece.literal:
                before, star, _ = piece.literal.partition("*")
                same += before
                if star:
                    return same
                continue
            one, other = _written(piece, first), _written(piece, last)
            if _ABOVE[piece.letter](first) != _ABOVE[piece.letter](last):
                return same
            if one != other:
                alike = [a for at, a in enumerate(one) if other.startswith(one[: at + 1])]
                return same if piece.bare else same + "".join(alike)
            same += one
        return same

    @functools.cached_property
    def _pieces(self) -> tuple[_Piece, ...]:
        pieces, at = [], 0
        for found in _DIRECTIVE.finditer(self.form):
            pieces.append(_Piece(literal=self.form[at : found.start()]))
            flag, letter = found[1], found[2] or ""
            pieces.append(_Piece(literal="%") if letter == "%" else _Piece(letter=letter, bare=bool(flag)))
            at = found.end()
        pieces.append(_Piece(literal=self.form[at:]))
        return tuple(piece for piece in pieces if piece.literal or piece.letter)

    @functools.cached_property
    def _last(self) -> int:
        return max(at for at, piece in enumerate(self._pieces) if piece.letter)

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join(_pattern(piece, at) for at, piece in enumerate(self._pieces)))

    @functools.cached_property
    def _anywhere(self) -> re.Pattern[str]:
        return re.compile(f"(?<![0-9]){self._pattern.pattern}(?![0-9])")

    @functools.cached_property
    def _beginning(self) -> re.Pattern[str]:
        pieces = enumerate(self._pieces[: self._last + 1])
        return re.compile("".join(_pattern(piece, at) for at, piece in pieces) + r"(?!\d)(?P<rest>.*)")

    def _time(self, found: re.Match[str]) -> datetime | None:
        values: dict[str, int] = {}
        for at, piece in enumerate(self._pieces):
            if piece.letter:
                value = int(found[f"_{at}"])
                letter = "Y" if piece.letter == "y" else piece.letter
                value += (1900 if value > 68 else 2000) if piece.letter == "y" else 0  # as strptime has it
                if values.setdefault(letter, value) != value:
                    return None
        return _time_of(values)


def _pattern(piece: _Piece, at: int) -> str:
    if piece.literal:
        return re.escape(piece.literal).replace(r"\*", "[^/]*")
    digits = _DIGITS[piece.letter]
    value = f"(?:0|[1-9][0-9]{{0,{digits - 1}}})" if piece.bare else f"[0-9]{{{digits}}}"
    return f"(?P<_{at}>{value})"


def _written(piece: _Piece, time: datetime) -> str:
    if piece.literal:
        return piece.literal
    value = _value(piece.letter, time)
    return str(value) if piece.bare else f"{value:0{_DIGITS[piece.letter]}}"


def _value(letter: str, time: datetime) -> int:
    if letter in "GVu":
        return time.isocalendar()["GVu".index(letter)]
    if letter == "j":
        return time.timetuple().tm_yday
    if letter == "y":
        return time.year % 100
    names = {"Y": "year", "m": "month", "d": "day", "H": "hour", "M": "minute", "S": "second"}
    return int(getattr(time, names.get(letter, "microsecond")))


def _time_of(values: dict[str, int]) -> datetime | None:
    year = values.get("Y", values.get("G", 0))
    if year < 1000:
        return None
    try:
        if "G" in values:
            day = date.fromisocalendar(year, values["V"], values.get("u", 1))
        elif "j" in values:
            day = date(year, 1, 1) + timedelta(days=values["j"] - 1)
            if day.year != year:
                return None
        else:
            day = date(year, values.get("m", 1), values.get("d", 1))
        hour, minute, second, fraction = (values.get(letter, 0) for letter in "HMSf")
        return datetime(day.year, day.month, day.day, hour, minute, second, fraction, UTC)
    except (ValueError, OverflowError):
        return None
