"""From the names of files to the template of a source: where the key stands, and what varies beside it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.formats import ENDINGS
from ckpt_ops.slices.naming import can_be_asked_for
from ckpt_ops.slices.times import COMMON, form_of, pattern_of, time_of

_VARIES = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|\d+)")
_HIVE = re.compile(r"(^|/)(year|month|day|hour)=\d+/", re.IGNORECASE)
_SHOWN = 5
_Split = tuple[str, str, str]  # of a name: what is before the key, the key, what is behind it


@dataclass(frozen=True, kw_only=True)
class Named:
    """How a source's files are named.

    Attributes:
        template: with `{key}` once, and `*` where a name varies otherwise.
        key_format: strftime form of the keys.
        files: by key, in time order, the names of its files, sorted.
    """

    template: str
    key_format: str
    files: dict[str, list[str]]


def named_as(
    names: Iterable[str], *, template: str | None = None, key_format: str | None = None, where: str = "--from"
) -> Named:
    """What the names have in common. Names of no known format, and hidden ones, are passed over.

    Args:
        template: as a person gave it; then the names only say what the keys are.
        key_format: as a person gave it.
        where: the place that was looked at, for messages.

    Raises:
        BadInput: it cannot be told, with the option to give.
    """
    readable = sorted(name for name in names if _is_data(name))
    if not readable:
        raise BadInput(
            "--from", where, f"a place with files that end with {', '.join(ENDINGS)}, with or without .gz"
        )
    if template is not None:
        return _by_template(readable, template, key_format, where)
    found: dict[tuple[str, str, str], list[_Split]] = defaultdict(list)
    for name in readable:
        place = _place_of_key(name, key_format)
        if place is not None:
            form, start, end = place
            split = name[:start], name[start:end], name[end:]
            found[form, _literal(split[0]), _literal(split[2])].append(split)
    if not found:
        raise _no_dates(readable, key_format, where)
    if len(found) > 1:
        guesses = [_generalised(splits, form) for (form, _, _), splits in found.items()]
        said = ", ".join(f"{one!r} ({len(two)})" for one, two in zip(guesses, found.values(), strict=True))
        raise BadInput(
            "--from",
            where,
            f"files of one kind; there are several: {said}",
            next=f"--template {guesses[0]!r}",
        )
    (((form, _, _), splits),) = found.items()
    return Named(
        template=_generalised(splits, form),
        key_format=form,
        files=_by_key(("".join(split), split[1]) for split in splits),
    )


def _is_data(name: str) -> bool:
    hidden = name.rpartition("/")[2].startswith((".", "_"))
    return not hidden and name.removesuffix(".gz").endswith(ENDINGS) and can_be_asked_for(name)


def _place_of_key(name: str, key_format: str | None) -> tuple[str, int, int] | None:
    """The form, the start and the end of the most telling time in a name, the first of several."""
    for form in (key_format,) if key_format else COMMON:
        for found in re.finditer(rf"(?<![0-9]){pattern_of(form)}(?![0-9])", name):
            if time_of(found[0], form) and (key_format or form_of(found[0]) == form):
                return form, found.start(), found.end()
    return None


def _literal(text: str) -> str:
    """What stays of a text when all that may vary, numbers and hashes, is taken out."""
    return _VARIES.sub("\0", text)


def _generalised(splits: Sequence[_Split], form: str) -> str:
    """The template of names that differ in their keys, numbers and hashes alone.

    A number that repeats a piece of the key, such as the year as a folder, will vary, too.
    """
    sides = []
    for side in (0, 2):
        rows = [_VARIES.split(split[side]) for split in splits]
        pieces = []
        for at, texts in enumerate(zip(*rows, strict=True)):
            repeats = all(text in _pieces(split[1], form) for text, split in zip(texts, splits, strict=True))
            varies = at % 2 == 1 and (repeats or len(set(texts)) > 1)
            pieces.append("*" if varies else texts[0])
        sides.append("".join(pieces))
    return re.sub(r"\*{2,}", "*", "{key}".join(sides))


def _pieces(key: str, form: str) -> set[str]:
    time = time_of(key, form)
    return {time.strftime(piece) for piece in ("%Y", "%m", "%d", "%H")} if time else set()


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = defaultdict(list)
    for name, key in pairs:
        files[key].append(name)
    return {key: sorted(files[key]) for key in sorted(files)}


def _by_template(names: Sequence[str], template: str, key_format: str | None, where: str) -> Named:
    if template.count("{key}") != 1:
        raise BadInput("--template", template, "a name with {key} once, such as 'flights/{key}.csv'")
    key = pattern_of(key_format) if key_format else "[^/]+?"
    pattern = re.compile(re.escape(template).replace(r"\*", "[^/]*").replace(r"\{key\}", f"(?P<key>{key})"))
    pairs = [(name, found["key"]) for name in names if (found := pattern.fullmatch(name))]
    if key_format:
        pairs = [pair for pair in pairs if time_of(pair[1], key_format)]
    if not pairs:
        raise BadInput("--template", template, f"what names in {where} fit: {_some(names)}")
    forms = {key_format} if key_format else {form_of(key) for _, key in pairs}
    form = forms.pop() if len(forms) == 1 else None
    if form is None:
        raise BadInput(
            "--key-format",
            key_format,
            f"the strftime form of keys such as {_some([key for _, key in pairs])}",
            next="--key-format '%Y-%m-%d', or what the keys are",
        )
    return Named(template=template, key_format=form, files=_by_key(pairs))


def _no_dates(names: Sequence[str], key_format: str | None, where: str) -> BadInput:
    if _HIVE.search(names[0]):
        return BadInput(
            "--from",
            where,
            f"names with the time in one piece; {names[0]!r} has it in several folders",
            next="a source of your own: docs/add-a-source.md says which four methods it has",
        )
    forms = key_format or ", ".join(COMMON)
    return BadInput(
        "--from",
        where,
        f"names with a time in them, as {forms}; there are {_some(names)}",
        next="--template 'folder/{key}.csv' --key-format '%d.%m.%Y', with what fits these names",
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
