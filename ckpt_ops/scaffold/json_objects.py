"""Objects of JSON lines as rows: fields of objects within become columns; lists of objects are refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.formats.flat import BETWEEN, flat_fields
from ckpt_ops.slices.formats.lines import MAX_LINE
from ckpt_ops.slices.formats.raw import RawFile

MOST_COLUMNS = 1_000
Object = dict[str, Any]


def iter_lines(stream: BinaryIO, count: int) -> Iterator[bytes]:
    """The first `count` lines, each with its end."""
    return itertools.takewhile(bool, (stream.readline(MAX_LINE) for _ in range(count)))


def objects_of(file: RawFile, most_rows: int) -> list[Object]:
    """The objects in the first lines. Raises `SliceUnreadable`: a line has none."""
    rows = []
    with file.stream() as stream:
        for number, line in enumerate(iter_lines(stream, most_rows), start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise file.bad(f"has no JSON in line {number:,}: {str(error)[:200]}") from error
            if not isinstance(value, dict):
                raise file.bad(f"has no JSON object in line {number:,} but {json.dumps(value)[:60]}")
            rows.append(value)
    return rows


def has_objects(files: Sequence[Sequence[Object]]) -> bool:
    """Whether a field of some object is an object itself."""
    return any(isinstance(value, dict) for rows in files for row in rows for value in row.values())


def columns_of_objects(
    files: Sequence[Sequence[Object]], where: str, without: Collection[str] = ()
) -> list[list[Object]]:
    """The rows of each file, with a field for each column.

    Args:
        where: the files are, for messages.
        without: fields that are no columns, with all that lies in them.

    Raises:
        BadInput: a field holds lists of objects; is an object in one row and a value in another; has a name
            by which it could be a field of an object; there are too many columns; or `without` names none.
    """
    flatten = has_objects(files)
    for one in without:
        if not any(_is_below(name, [one]) for rows in files for row in rows for name in _paths(row)):
            raise BadInput("--without", one, f"a field of the objects in {where}")
    found = [[_fields(row, without, flatten=flatten) for row in rows] for rows in files]
    every = list(itertools.chain.from_iterable(found))
    names = list(dict.fromkeys(itertools.chain.from_iterable(every)))
    if len(names) > MOST_COLUMNS:
        raise BadInput(
            "--from",
            where,
            f"objects with the same fields in all lines; there are {len(names):,}, such as {names[-1]!r}",
            next="leave out the field whose objects have others in each line: --without FIELD",
        )
    for name in names:
        if any(_has_objects(row.get(name)) for row in every):
            raise BadInput(
                f"field {name!r}",
                where,
                "no list of objects, of which a row would hold several",
                next=f"write a line for each of them before it lands, or leave it out: --without {name}",
            )
    if not flatten:
        return found
    _check_dots(files, where, without)
    objects = _that_are_objects(names, every, where)
    return [[{name: row[name] for name in row if name not in objects} for row in rows] for rows in found]


def _fields(row: Object, without: Collection[str], *, flatten: bool) -> Object:
    fields = flat_fields(row) if flatten else row.items()
    return {name: value for name, value in fields if not _is_below(name, without)}


def _check_dots(files: Sequence[Sequence[Object]], where: str, without: Collection[str]) -> None:
    named = {name for rows in files for row in rows for name in _names(row)}
    dotted = sorted(name for name in named if BETWEEN in name and name not in without)
    if dotted:
        raise BadInput(
            f"field {dotted[0]!r}",
            where,
            f"a name without {BETWEEN!r} beside objects: it stands between the names of object and field",
            next=f"rename it before it lands, or leave it out: --without {dotted[0]}",
        )


def _that_are_objects(names: Sequence[str], every: Sequence[Object], where: str) -> set[str]:
    """Names of objects that some rows lack: there, they are a null and no column."""
    found = set()
    for name in names:
        inner = [other for other in names if other.startswith(f"{name}{BETWEEN}")]
        if inner and any(row.get(name) is not None for row in every):
            raise BadInput(
                f"field {name!r}",
                where,
                f"an object in all lines, or in none; it is a value in some, and has {inner[0]!r} in others",
                next=f"write it in one way before it lands, or leave it out: --without {name}",
            )
        found |= {name} if inner else set()
    return found


def _names(value: Object) -> Iterator[str]:
    for name, inner in value.items():
        yield name
        if isinstance(inner, dict):
            yield from _names(inner)


def _paths(row: Object) -> Iterator[str]:
    yield from row
    yield from (name for name, _ in flat_fields(row))


def _is_below(name: str, without: Collection[str]) -> bool:
    return any(name == one or name.startswith(f"{one}{BETWEEN}") for one in without)


def _has_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) or _has_objects(one) for one in value)
