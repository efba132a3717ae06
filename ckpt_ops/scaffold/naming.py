"""From the names of files to the template of a source: where the key stands, and what varies beside it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import BadInput
from ckpt_ops.key_times import COMMON, form_of
from ckpt_ops.printable import first_few
from ckpt_ops.scaffold.places import Place, place_as, place_of, without_zeros
from ckpt_ops.slices.formats import ENDINGS
from ckpt_ops.slices.sources.file_names import Naming, can_be_asked_for, form_of_names
from ckpt_ops.slices.sources.partitions import partitions_of
from ckpt_ops.time_forms import TimeForm

_VARIES = re.compile(
    r"((?<==)[^/=]+(?=/)|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|\d+)"
)
_SHOWN = 5
_Split = tuple[str, str, str]  # of a name: what is before the time, the time, what is behind it


@dataclass(frozen=True, kw_only=True)
class Named:
    """How a source's files are named.

    Attributes:
        template: of `Files`, with `*` where a name varies otherwise.
        key_format: strftime form of the keys; they sort in time.
        files: by key, in time order, the names of its files, sorted.
        notes: what could not be told.
    """

    template: str
    key_format: str
    files: dict[str, list[str]]
    notes: tuple[str, ...] = ()

    @property
    def partitions(self) -> dict[str, list[str | None]]:
        """By column that folders say, `country=*/`, its values. A piece of the time, as the year, is none."""
        form = TimeForm(form=self.key_format)
        found: dict[str, list[str | None]] = {}
        varying = [column for column, value in partitions_of(self.template).items() if value == "*"]
        for column in varying:
            said = {(key, partitions_of(name)[column]) for key, names in self.files.items() for name in names}
            if not all(value in _pieces(key, form) for key, value in said):
                found[column] = sorted({value for _, value in said}, key=lambda value: value or "")
        return found


def named_as(
    names: Iterable[str], *, template: str | None = None, key_format: str | None = None, where: str = "--from"
) -> Named:
    """What the names have in common. Names of no known format, and hidden ones, are passed over.

    Args:
        template: as a person gave it; then the names only say what the keys are.
        key_format: as a person gave it: how the time is written in names. Where that does not sort in time,
            it goes into the template, and keys are written as in ISO 8601.
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
    places = _places(readable, key_format)
    found: dict[tuple[str, str, str], list[_Split]] = defaultdict(list)
    for name, place in places.items():
        split = name[: place.start], name[place.start : place.end], name[place.end :]
        found[place.form, _literal(split[0]), _literal(split[2])].append(split)
    if not found:
        raise _no_dates(readable, key_format, where)
    templates = [_template(splits, form) for (form, _, _), splits in found.items()]
    if len(found) > 1:
        counted = zip(templates, found.values(), strict=True)
        kinds = ", ".join(f"{one!r} ({len(splits)})" for (one, _), splits in counted)
        raise BadInput(
            "--from",
            where,
            f"files of one kind; there are several: {kinds}",
            next=f"--template {templates[0][0]!r}",
        )
    ((written, form),) = templates
    named = _named([*places], written, form)
    unsure = any(place.in_folders for place in places.values()) and all(
        place.zeros is None for place in places.values()
    )
    notes = (
        "no number below 10 was seen in the folders: they are taken to have two digits; if they have one, "
        f"the template is {re.sub('%(?=[mdH])', '%-', written)!r}",
    )
    return Named(
        template=named.template,
        key_format=named.key_format,
        files=named.files,
        notes=notes if unsure else (),
    )


def _is_data(name: str) -> bool:
    hidden = name.rpartition("/")[2].startswith((".", "_"))
    return not hidden and name.removesuffix(".gz").endswith(ENDINGS) and can_be_asked_for(name)


def _places(names: Sequence[str], key_format: str | None) -> dict[str, Place]:
    """By name, where its time stands; names without one are left out."""
    if key_format is not None:
        form = TimeForm(form=key_format, field="--key-format")
        found = {name: place_as(name, form) for name in names}
    else:
        found = {name: place_of(name) for name in names}
    places = {name: place for name, place in found.items() if place is not None}
    if any(place.zeros is False for place in places.values()):
        places = {name: without_zeros(place) if place.in_folders else place for name, place in places.items()}
    return places


def _literal(text: str) -> str:
    """What stays of a text when all that may vary, numbers and hashes, is taken out."""
    return _VARIES.sub("\0", text)


def _template(splits: Sequence[_Split], form: str) -> tuple[str, str]:
    """The template of names that differ in their times, numbers and hashes alone, and the keys' form.

    A number that repeats a piece of the time, such as the year as a folder, will vary, too; so will one that
    counts, such as part-00000, though it is the only one so far.
    """
    known = TimeForm(form=form)
    sides = []
    for side in (0, 2):
        rows = [_VARIES.split(split[side]) for split in splits]
        pieces = []
        for at, texts in enumerate(zip(*rows, strict=True)):
            varies = at % 2 == 1 and (
                len(set(texts)) > 1
                or _counts(rows[0], at, behind=side == 2)
                or all(text in _pieces(split[1], known) for text, split in zip(texts, splits, strict=True))
            )
            pieces.append("*" if varies else texts[0])
        sides.append(re.sub(r"\*{2,}", "*", "".join(pieces)))
    if known.sorts and "/" not in form:
        return "{key}".join(sides), form
    return form.join(side.replace("%", "%%") for side in sides), known.iso


def _counts(pieces: Sequence[str], at: int, *, behind: bool) -> bool:
    """Whether a number that was always the same will differ in a later name.

    Behind the time: one that stands alone, as in part-0, has leading zeros, or is a hash. Before it, in the
    same folder: one with leading zeros, or a hash. The 2 in v2 is a name.
    """
    text, before, after = pieces[at], pieces[at - 1], pieces[at + 1]
    if not behind and "/" in "".join(pieces[at + 1 :]):
        return False
    if len(text) >= 16 or (len(text) > 1 and text.startswith("0")):
        return True
    return behind and not before[-1:].isalnum() and not after[:1].isalnum()


def _pieces(text: str, form: TimeForm) -> set[str]:
    time = form.read(text)
    return {time.strftime(piece) for piece in ("%Y", "%m", "%d", "%H")} if time else set()


def _named(names: Sequence[str], template: str, key_format: str) -> Named:
    """By the rule that the source itself uses."""
    naming = Naming(template=template, key_format=key_format, weekday=None)
    files: dict[str, list[str]] = defaultdict(list)
    for name in names:
        key = naming.key_of(name)
        if key is not None:
            files[key].append(name)
    return Named(
        template=template, key_format=key_format, files={key: sorted(files[key]) for key in sorted(files)}
    )


def _by_template(names: Sequence[str], template: str, key_format: str | None, where: str) -> Named:
    if "{key}" in template:
        form = TimeForm(form=key_format or _form_of_keys(names, template, where), field="--key-format")
        written = template if form.sorts else template.replace("%", "%%").replace("{key}", form.form)
        named = _named(names, written, form.form if form.sorts else form.iso)
    else:
        form = form_of_names(template, "", field="--template")
        named = _named(names, template, key_format or form.iso)
    if not named.files:
        raise BadInput("--template", template, f"a template that fits names in {where}: {_some(names)}")
    return named


def _form_of_keys(names: Sequence[str], template: str, where: str) -> str:
    if template.count("{key}") != 1:
        raise BadInput("--template", template, "a name with {key} once, such as 'flights/{key}.csv'")
    pattern = re.escape(template).replace(r"\*", "[^/]*").replace(r"\{key\}", "(?P<key>[^/]+?)")
    keys = [found["key"] for name in names if (found := re.fullmatch(pattern, name))]
    if not keys:
        raise BadInput("--template", template, f"a template that fits names in {where}: {_some(names)}")
    forms = {form_of(key) for key in keys}
    form = forms.pop() if len(forms) == 1 else None
    if form is None:
        raise BadInput(
            "--key-format",
            None,
            f"the strftime form of times such as {_some(keys)}",
            next="--key-format '%d.%m.%Y', or the form of these: keys become 2025-11-01 either way",
        )
    return form


def _no_dates(names: Sequence[str], key_format: str | None, where: str) -> BadInput:
    forms = key_format or f"{', '.join(COMMON)}, %Y/%m/%d or year=%Y/month=%m/day=%d"
    return BadInput(
        "--from",
        where,
        f"names with a time in them, as {forms}; there are {_some(names)}",
        next="--template 'folder/%d.%m.%Y.csv', changed to fit these names: the time may have any form",
    )


def _some(names: Sequence[str]) -> str:
    return first_few([repr(name) for name in names], _SHOWN)
