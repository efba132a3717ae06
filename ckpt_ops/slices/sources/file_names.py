"""Which files belong to which slice: names, keys and times."""

from __future__ import annotations

import calendar
import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.identity import check_key
from ckpt_ops.store.base import check_name
from ckpt_ops.time_forms import TimeForm

_TUESDAY = datetime(2013, 11, 26, 17, 48, 39, tzinfo=UTC)  # no two of its parts are the same


@dataclass(frozen=True, kw_only=True)
class Naming:
    """A template of names, and the form of the keys. See `Files` for the attributes.

    Raises:
        BadInput: a template that could leave the root, keys that are not allowed or do not sort in time, or a
            template whose time differs from its key's.
    """

    template: str
    key_format: str
    weekday: int | None

    def __post_init__(self) -> None:
        if self.weekday not in (None, *range(7)):
            raise BadInput("weekday", self.weekday, "0 for Monday to 6 for Sunday, or None")
        if not can_be_asked_for(self.template):
            raise BadInput(
                "template",
                self.template,
                "a name below the url, without empty, '.' or '..' parts and without control characters",
            )
        if not self.keys.sorts:
            raise _unsorted(self.template, self.key_format)
        check_key(self.example, field="key_format")
        self._check_same_times()

    @functools.cached_property
    def keys(self) -> TimeForm:
        """The form of keys."""
        return TimeForm(form=self.key_format, field="key_format")

    @functools.cached_property
    def names(self) -> TimeForm:
        """The form of names."""
        return form_of_names(self.template, self.key_format, field="template")

    @property
    def example(self) -> str:
        """A key."""
        return self.keys.write(self._on_weekday(datetime(2013, 1, 6, tzinfo=UTC)))

    def checked(self, key: str) -> datetime:
        """When the slice begins, in UTC; `BadInput` for a key that no slice can have."""
        time = self.time_of(check_key(key))
        if time is None:
            day = "a time" if self.weekday is None else f"a {calendar.day_name[self.weekday]}"
            raise BadInput("slice key", key, f"{day} as {self.key_format}, such as {self.example!r}")
        return time

    def key_of(self, name: str) -> str | None:
        """The key of the slice whose file this is; None when it is no slice's."""
        return self.key_at(self.names.read(name))

    def key_at(self, time: datetime | None) -> str | None:
        """The key of a time; None when no slice begins then."""
        if time is None or self.weekday not in (None, time.weekday()):
            return None
        return self.keys.write(time)

    def time_of(self, key: str) -> datetime | None:
        """When the key's interval begins, in UTC; None when it is no key."""
        time = self.keys.read(key)
        return time if time is not None and self.weekday in (None, time.weekday()) else None

    def shared(self, start: datetime, end: datetime) -> str:
        """What all names from `start` up to but without `end` begin with: it narrows a listing."""
        return self.names.shared(start, end - datetime.resolution if end > start else start)

    def _on_weekday(self, time: datetime) -> datetime:
        return time if self.weekday is None else time + timedelta(days=(self.weekday - time.weekday()) % 7)

    def _check_same_times(self) -> None:
        time = self._on_weekday(_TUESDAY)
        by_key, by_name = self.keys.read(self.keys.write(time)), self.names.read(_plain(self.names, time))
        if by_key is not None and by_name == by_key:
            return
        raise BadInput(
            "key_format",
            self.key_format,
            f"a form that says as much as the names do ({self.template!r}), such as {self.names.iso!r}; "
            "write '*' in the template for a part of the names that is not in the key",
        )


def form_of_names(template: str, key_format: str, *, field: str) -> TimeForm:
    """The form of a template: with `{key}` once, or with strftime directives of its own."""
    if "{" not in template and "}" not in template:
        try:
            return TimeForm(form=template, field=field)
        except BadInput as error:
            if "%" in template:
                raise
            raise _no_template(field, template) from error
    if template.count("{key}") != 1 or "{" in template.replace("{key}", ""):
        raise _no_template(field, template)
    return TimeForm(form=template.replace("%", "%%").replace("{key}", key_format), field="key_format")


def can_be_asked_for(name: str) -> bool:
    """Whether a store takes this name: a bucket, or a directory, may hold others."""
    try:
        return bool(check_name(name))
    except (BadInput, UnicodeEncodeError):  # a file's name need not be text
        return False


def _plain(form: TimeForm, time: datetime) -> str:
    return form.write(time).replace("*", "x")


def _no_template(field: str, template: str) -> BadInput:
    return BadInput(
        field,
        template,
        "a name with {key} once, 'flights/{key}.parquet', or with the time in any form and order, "
        "'flights/year=%Y/month=%m/day=%d/*.parquet' or 'flights/%d.%m.%Y.csv'",
    )


def _unsorted(template: str, key_format: str) -> BadInput:
    names = template.replace("%", "%%").replace("{key}", key_format)
    iso = TimeForm(form=key_format).iso
    return BadInput(
        "key_format",
        key_format,
        "keys that sort in time as text: the year with four digits first, then month, day and hour with two "
        f"each, such as {iso!r}. The names of files may have any form",
        next=f"template={names!r}" + ("" if iso == "%Y-%m-%d" else f" and key_format={iso!r}"),
    )
