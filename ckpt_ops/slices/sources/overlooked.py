"""Files that lie beside those of a slice and are not read, as the template misses them.

Rows are lost silently where the template of a slice's one file, `orders-000000000000.csv`, misses a
second one, `orders-000000000001.csv`. A file that differs from the slice's own by a counter alone is another
part of it; one with another word in its name is most often another table, and may lie there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ckpt_ops.errors import UNTOUCHED, SliceUnreadable
from ckpt_ops.printable import first_few
from ckpt_ops.slices.formats import ENDINGS
from ckpt_ops.slices.formats.choosing import GZIP
from ckpt_ops.slices.sources.file_names import Naming

_COUNTER = re.compile(
    r"[-_. ~(]*(?:(?:part|shard|chunk|file|copy|of)[-_. ]*)?"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|\d+|\*)\)?",
    re.IGNORECASE,
)
_FINER = {  # by how much a key says, what makes a month of a year, and a day of a month
    "Y": re.compile(r"[-_]?(?:0[1-9]|1[0-2])(?!\d)"),
    "Ym": re.compile(r"(?P<between>[-_]?)(?:0[1-9]|[12]\d|3[01])(?!\d)"),
}
_YEAR_AND_MONTH = re.compile(r"%Y(?P<between>[-_]?)%m")
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Overlooked:
    """A file that is not read.

    Attributes:
        key: of the slice that its name belongs to.
        part: it looks like another part of that slice: its name differs from the others' by a counter.
    """

    key: str
    name: str
    part: bool


def overlooked(naming: Naming, names: Iterable[str], leave_out: Iterable[str] = ()) -> list[Overlooked]:
    """Which of the names begin as a slice's, up to its key, are data, and do not fit the template.

    Args:
        names: all that lie there.
        leave_out: patterns of names that are no slice's, with `*` for anything but '/'.
    """
    left_out = [re.compile(re.escape(each).replace(r"\*", "[^/]*")) for each in leave_out]
    found, there = [], set(names)
    for name in sorted(there):
        if naming.key_of(name) is not None or any(each.fullmatch(name) for each in left_out):
            continue
        begins = naming.names.read_beginning(name) if _is_data(name) else None
        if begins is None:
            continue
        time, rest = begins
        key = naming.key_at(time)
        if key is not None and not _goes_on(naming, rest):
            found.append(Overlooked(key=key, name=name, part=_is_part(naming, name, rest, there)))
    return found


def refusal(source: str, url: str, template: str, missed: Iterable[Overlooked]) -> SliceUnreadable | None:
    """The error for a slice with parts that the template misses; None when it misses none."""
    parts = [one for one in missed if one.part]
    if not parts:
        return None
    names = first_few([one.name for one in parts], _SHOWN)
    return SliceUnreadable(
        f"slice {parts[0].key} of source {source!r} has files that its template {template!r} misses, so "
        f"their rows would be lost: {names} in {url}",
        safe=UNTOUCHED,
        next=f"put '*' into the template where names vary, or set leave_out=({parts[0].name!r},) with what "
        "is no part of a slice, then clear the pull task",
    )


def _is_data(name: str) -> bool:
    hidden = name.rpartition("/")[2].startswith((".", "_"))
    return not hidden and name.removesuffix(GZIP).endswith(ENDINGS)


def _goes_on(naming: Naming, rest: str) -> bool:
    """The key is a year or a month, and what follows makes it a day: a file of another source."""
    chain = naming.names.chain or ""
    found = _FINER[chain].match(rest) if chain in _FINER else None
    if found is None or chain == "Y":
        return found is not None
    written = _YEAR_AND_MONTH.search(naming.names.form)  # 2025-11_02 is no day
    return written is not None and written["between"] == found["between"]


def _is_part(naming: Naming, name: str, rest: str, there: Collection[str]) -> bool:
    plain = name.removesuffix(GZIP)
    for other in (plain, plain + GZIP):
        if naming.key_of(other):
            return other not in there  # else it is the same file, once more as a gzip or without
    ending = naming.names.ending.removesuffix(GZIP)
    return _COUNTER.sub("", rest.removesuffix(GZIP)) == _COUNTER.sub("", ending)
