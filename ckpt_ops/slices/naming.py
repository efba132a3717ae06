"""Which files belong to which slice: names, keys and times."""

from __future__ import annotations

import calendar
import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.times import pattern_of, time_of
from ckpt_ops.store.base import check_name


@dataclass(frozen=True, kw_only=True)
class Naming:
    """A template of names, and the form of the keys in it. See `Files` for the attributes.

    Raises:
        BadInput: a template that could leave the root, or keys that could be none.
    """

    template: str
    key_format: str
    weekday: int | None

    def __post_init__(self) -> None:
        if self.template.count("{key}") != 1 or "{" in self.template.replace("{key}", ""):
            raise BadInput(
                "template", self.template, "an object name with {key} once: 'flights/{key}.parquet'"
            )
        if not can_be_asked_for(self.template):
            raise BadInput(
                "template",
                self.template,
                "a name below the url, without empty, '.' or '..' parts and without control characters",
            )
        check_key(self.example, field="key_format")
        if self.weekday not in (None, *range(7)):
            raise BadInput("weekday", self.weekday, "0 for Monday to 6 for Sunday, or None")

    @property
    def example(self) -> str:
        """A key."""
        time = datetime(2013, 1, 6, tzinfo=UTC)
        if self.weekday is not None:
            time += timedelta(days=(self.weekday - time.weekday()) % 7)
        return time.strftime(self.key_format)

    def check(self, key: str) -> str:
        """The key itself when a slice can have it; `BadInput` otherwise."""
        if self.time_of(check_key(key)) is None:
            day = "a time" if self.weekday is None else f"a {calendar.day_name[self.weekday]}"
            raise BadInput("slice key", key, f"{day} as {self.key_format}, such as {self.example!r}")
        return key

    def key_of(self, name: str) -> str | None:
        """The key of the slice whose file this is; None when it is no slice's."""
        found = self._pattern.fullmatch(name)
        return found["key"] if found and self.time_of(found["key"]) else None

    def names_of(self, key: str) -> str:
        """The names of a slice's files, with each `*` as it is."""
        return self.template.replace("{key}", key)

    def time_of(self, key: str) -> datetime | None:
        """When the key's interval begins, in UTC; None when it is no key."""
        time = time_of(key, self.key_format)
        return time if time is not None and self.weekday in (None, time.weekday()) else None

    def shared(self, first: datetime, last: datetime) -> str:
        """What all names between two times begin with, as keys sort in time: it narrows a listing."""
        before = self.template.split("{key}")[0]
        if "*" in before:
            return before.split("*")[0]
        keys = zip(first.strftime(self.key_format), last.strftime(self.key_format), strict=False)
        same = []
        for one, other in keys:
            if one != other:
                break
            same.append(one)
        return before + "".join(same)

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        key = f"(?P<key>{pattern_of(self.key_format)})"
        template = re.escape(self.template).replace(r"\*", "[^/]*").replace(r"\{key\}", key)
        return re.compile(template)


def can_be_asked_for(name: str) -> bool:
    """Whether a store takes this name: a bucket, or a directory, may hold others."""
    try:
        return bool(check_name(name))
    except (BadInput, UnicodeEncodeError):  # a file's name need not be text
        return False
