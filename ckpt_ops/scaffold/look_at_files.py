"""A look at files: a listing, the rows of a few slices, and a source of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.key_times import time_of
from ckpt_ops.scaffold.found import Asked, Code, Found
from ckpt_ops.scaffold.heads import head_of, reading_of
from ckpt_ops.scaffold.layout import tuple_code
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.markers import Marked, marked
from ckpt_ops.scaffold.naming import Named, named_as
from ckpt_ops.scaffold.profile import Looked
from ckpt_ops.scaffold.spacing import Spacing, spacing_of
from ckpt_ops.scaffold.types import type_of_text
from ckpt_ops.slices import Files
from ckpt_ops.slices.declared import with_all_columns
from ckpt_ops.slices.formats import Csv, Format, JsonLines, format_of
from ckpt_ops.slices.formats.choosing import GZIP
from ckpt_ops.slices.formats.raw import RawFile
from ckpt_ops.slices.sources.file_names import Naming
from ckpt_ops.store import Entry, Store, open_store

MOST_NAMES = 20_000
MOST_SLICES = 5
MOST_ROWS = 100_000
MOST_FILES = 20
SAMPLE_SLICES, SAMPLE_FILES, SAMPLE_ROWS = 2, 2, 500
_EXPANSION = 200.0


def look_at_files(asked: Asked, url: str, progress: Callable[[str], object]) -> Found:
    """Look at what lies below `url`.

    At most 20,000 names are listed and 100,000 rows of each of five slices are read: the first, the last
    and some between.

    Raises:
        BadInput: something cannot be told, with the option to give.
        BucketNotFound, StoreForbidden, StoreUnavailable, SliceUnreadable.
    """
    store = open_store(url)
    progress(f"listing {url}")
    listed = {entry.name: entry for entry in itertools.islice(store.list(""), MOST_NAMES)}
    entries = {name: entry for name, entry in listed.items() if entry.size}
    naming = named_as(entries, template=asked.template, key_format=asked.key_format, where=url)
    last, keys = _landing_last(naming, listed)
    times = [time for key in keys if (time := time_of(key, naming.key_format))]
    spacing = spacing_of(times, naming.key_format, schedule=asked.schedule)
    chosen = spread(keys)
    files = {key: [_raw(store, entries[name]) for name in naming.files[key][:MOST_FILES]] for key in chosen}
    progress(f"reading {', '.join(chosen)}")
    form, schema, on_format = reading_of(
        list(files.values()), format_of(naming.template), asked.encoding, MOST_ROWS, asked.without
    )
    said = {name: values for name, values in naming.partitions.items() if name not in schema.names}
    for name, values in said.items():
        schema = schema.append(
            pa.field(name, type_of_text(pa.chunked_array([pa.array(values, pa.string())])))
        )
    source = _source(asked.name, url, naming, spacing, schema, form, last, tuple(said))
    kept = chosen[:SAMPLE_SLICES]
    slices = [_looked(source, key, naming, sampled=key in kept) for key in chosen]
    if not any(looked.table.num_rows for looked in slices):
        raise BadInput("--from", url, f"slices with rows; {', '.join(chosen)} have none")
    code = _code(source, naming, spacing, form)
    sample = {
        file.entry.name: head_of(file, form, SAMPLE_ROWS)
        for key in kept
        for file in files[key][:SAMPLE_FILES]
    }
    if source.complete_when and last:
        sample |= {last.files[key]: b"" for key in kept}
    return Found(
        what=f"{_kind(form)} files in {url}",
        schema=schema,
        spacing=spacing,
        first=times[0],
        last=times[-1],
        slices=[looked for looked in slices if looked.table.num_rows],
        code=code,
        sample=sample,
        sample_code=code,
        sample_keys=kept,
        left_out=tuple(asked.without) if isinstance(form, JsonLines) else (),
        notes=[*_notes(entries, naming, slices), *_notes_on(last, keys), *on_format],
    )


def spread(keys: Sequence[str]) -> list[str]:
    """The first, the last, and some between at even distances."""
    if len(keys) <= MOST_SLICES:
        return list(keys)
    return [keys[at * (len(keys) - 1) // (MOST_SLICES - 1)] for at in range(MOST_SLICES)]


def _raw(store: Store, entry: Entry) -> RawFile:
    return RawFile(
        store=store,
        entry=entry,
        gzipped=entry.name.endswith(GZIP),
        max_expansion=_EXPANSION,
    )


def _landing_last(naming: Named, listed: Collection[str]) -> tuple[Marked | None, list[str]]:
    """What lands last in each slice, and the slices that are complete: the newest may still be landing."""
    keys = list(naming.files)
    rule = Naming(template=naming.template, key_format=naming.key_format, weekday=None)
    last = marked(listed, rule, keys)
    if last is not None and _all_have(last, naming):
        keys = list(last.files)
    return last, keys


def _source(
    name: str,
    url: str,
    naming: Named,
    spacing: Spacing,
    schema: pa.Schema,
    form: Format,
    last: Marked | None,
    partitions: tuple[str, ...],
) -> Files:
    return Files(
        name=name,
        schema=schema,
        url=url,
        template=naming.template,
        key_format=naming.key_format,
        weekday=spacing.weekday,
        format=None if form == format_of(naming.template) else form,
        complete_when=last.complete_when if last is not None and _all_have(last, naming) else "",
        partitions=partitions,
    )


def _all_have(last: Marked, naming: Named) -> bool:
    return last.without in ((), (list(naming.files)[-1],))


def _looked(source: Files, key: str, naming: Named, *, sampled: bool) -> Looked:
    """Read through the source as it will be written: what a pull will see."""
    tables, samples, left = [], [], MOST_ROWS
    names = naming.files[key][:MOST_FILES]
    for at, name in enumerate(names):
        batches = []
        for batch in source.read_part(key, name):
            batches.append(batch.slice(0, left))
            left -= batches[-1].num_rows
            if left == 0:
                break
        tables.append(with_all_columns(pa.Table.from_batches(batches), source.schema))
        if at < SAMPLE_FILES:
            samples.append(tables[-1].slice(0, SAMPLE_ROWS))
        if left == 0:
            break
    return Looked(
        key=key,
        table=pa.concat_tables(tables),
        whole=left > 0 and len(names) == len(naming.files[key]),
        sample=pa.concat_tables(samples) if sampled else None,
    )


def _code(source: Files, naming: Named, spacing: Spacing, form: Format) -> Code:
    arguments = {"url": repr_of(source.url), "template": repr_of(source.template)}
    comments = {}
    imports = ["Files"]
    if naming.key_format != "%Y-%m-%d":
        arguments["key_format"] = repr_of(naming.key_format)
    example = next(iter(naming.files))
    subject = "{key}" if "{key}" in source.template else "a key"
    comments["template"] = f"{subject} is the UTC start of a slice, as {example}"
    if spacing.weekday is not None and "%V" not in naming.key_format:
        arguments["weekday"] = str(spacing.weekday)
        comments["weekday"] = "0 is Monday: a file of another day is no slice"
    if source.partitions:
        arguments["partitions"] = tuple_code([repr_of(name) for name in source.partitions])
        comments["partitions"] = "columns whose values are the names of folders"
    if source.complete_when:
        arguments["complete_when"] = repr_of(source.complete_when)
        comments["complete_when"] = "it lands last: without it, a slice is not there yet"
    if isinstance(form, JsonLines) and source.format is not None:
        arguments["format"] = repr(form)
        comments["format"] = "the column user.city is the field city of the object user"
        imports.append("JsonLines")
    if source.format is not None and isinstance(form, Csv):
        arguments["format"] = _csv_code(form)
        if not form.leading_zeros:
            comments["format"] = "leading_zeros: 01234 is a code, not the number 1,234: such a row is bad"
        imports.append("Csv")
    return Code(kind="Files", imports=imports, arguments=arguments, comments=comments)


def _csv_code(form: Csv) -> str:
    default = Csv()
    changed = [
        f"{each.name}={repr_of(getattr(form, each.name))}"
        for each in fields(form)
        if getattr(form, each.name) != getattr(default, each.name)
    ]
    return f"Csv({', '.join(changed)})"


def _kind(form: Format) -> str:
    return {"Csv": "CSV", "JsonLines": "JSON lines"}.get(type(form).__name__, type(form).__name__)


def _notes(entries: dict[str, Entry], naming: Named, slices: Sequence[Looked]) -> list[str]:
    notes = []
    taken = sum(len(names) for names in naming.files.values())
    if len(entries) >= MOST_NAMES:
        notes.append(f"only the first {MOST_NAMES:,} names were looked at")
    if taken < len(entries):
        notes.append(
            f"{len(entries) - taken:,} other files belong to no slice: {naming.template!r} does not fit them"
        )
    notes += naming.notes
    unread = [looked.key for looked in slices if not looked.whole]
    if unread:
        notes.append(f"only the first {MOST_ROWS:,} rows of {', '.join(unread)} were read")
    return notes


def _notes_on(last: Marked | None, keys: Sequence[str]) -> list[str]:
    if last is None:
        return []
    if not last.without:
        return [
            f"each slice has {last.complete_when!r}: without it, a slice is not there yet (complete_when)"
        ]
    if len(keys) == len(last.files):
        return [
            f"a slice is there when {last.complete_when!r} is (complete_when); {last.without[0]} lacks it, "
            "and was not looked at"
        ]
    return [
        f"{len(last.files):,} of {len(keys):,} slices have {last.complete_when!r}: if it lands last, write "
        f"complete_when={last.complete_when!r}"
    ]
