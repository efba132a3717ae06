"""A large slice is evaluated in parts, by as many tasks as the intake allows; `evaluate` makes the verdict.

A part is some of the slice's data files. What is found in it is kept beside the slice, in
`slices/{source}/{key}/{revision}/evaluated/`, under a hash of what it follows from: the files, the suite, the
declared columns, and the code that evaluates. So a part that was evaluated is not evaluated again, whoever
asks, and one that is missing is evaluated where the verdict is made. None of it counts but by a verdict.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from blake3 import blake3

from ckpt_ops import column_times, column_types, validation
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.intake.found import read_beforehand, read_found, write_beforehand, write_found
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import DataFile, SliceManifest, staged
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.slices.footers import columns_with_nulls
from ckpt_ops.slices.identity import digest
from ckpt_ops.slices.reading import StagedWhenRead, staged_when_read
from ckpt_ops.store import Store
from ckpt_ops.validation import SliceRows, Suite, schema_digest
from ckpt_ops.validation.in_parts import Beforehand, PartFound, evaluate_part, look_beforehand
from ckpt_ops.validation.rows import nullable_columns
from ckpt_ops.validation.run import bad_at_most

LEAST_ROWS = 2_000_000
"""Rows of a part, at least: importing Great Expectations and starting a task take as long as to evaluate some
millions of them."""

_PACKAGES = ("great-expectations", "pandas", "numpy", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class InParts:
    """What `validate` is given of a slice that was cut; nothing of one that was not."""

    parts: Sequence[PartFound] = ()
    beforehand: Beforehand | None = None


def parts_of_slice(manifest: SliceManifest, *, at_most: int) -> list[tuple[DataFile, ...]]:
    """The slice's data files, in order, in parts of about the same rows; one part: it is not cut."""
    parts = min(at_most, len(manifest.files), manifest.rows // LEAST_ROWS)
    if parts < 2:
        return [manifest.files]
    found: list[list[DataFile]] = [[] for _ in range(parts)]
    before = 0
    for file in manifest.files:  # by the part in which its middle row lies
        found[parts * (2 * before + file.rows) // (2 * manifest.rows)].append(file)
        before += file.rows
    return [tuple(files) for files in found if files]


def part_found(
    intake: Intake, store: Store, manifest: SliceManifest, suite: Suite, files: tuple[DataFile, ...]
) -> PartFound:
    """What is found in a part: evaluated now, unless it was.

    Memory is bounded by a chunk of 500,000 rows of one expectation's columns, local disk by the part.

    Raises:
        BadInput: as `validate`.
        Corrupt: a file's bytes changed.
    """
    beforehand = look_once(intake, store, manifest, suite)
    name = _name(intake, manifest, suite, files)
    try:
        return read_found(store, name)
    except ObjectNotFound:
        pass
    part = replace(manifest, files=files, rows=sum(file.rows for file in files))
    with staged(store, part) as rows:
        found = evaluate_part(
            rows,
            suite,
            intake.source.schema,
            columns=columns_of(intake.source, manifest.key),
            beforehand=beforehand,
            bad_at_most=bad_at_most(suite, manifest.rows, sum(file.rows for file in manifest.unread)),
        )
    write_found(store, name, found)
    return found


@contextmanager
def rows_and_parts(
    intake: Intake, store: Store, manifest: SliceManifest, suite: Suite
) -> Iterator[tuple[SliceRows, InParts]]:
    """The rows of a slice while the block runs, and what is found in its parts, where it is cut."""
    parts = parts_of_slice(manifest, at_most=intake.max_parallel_validations)
    if len(parts) == 1:
        with staged(store, manifest) as rows:
            yield rows, InParts()
        return
    found = [part_found(intake, store, manifest, suite, files) for files in parts]
    with staged_when_read(store, manifest) as later:
        yield later, InParts(parts=found, beforehand=look_once(intake, store, manifest, suite))


def look_once(intake: Intake, store: Store, manifest: SliceManifest, suite: Suite) -> Beforehand:
    """What all parts have to know: found once, and kept, before parts are evaluated side by side.

    Raises:
        BadInput: as `validate`.
        Corrupt: a file's bytes changed.
    """
    name = _name(intake, manifest, suite, manifest.files)
    try:
        return read_beforehand(store, name)
    except ObjectNotFound:
        pass
    with staged_when_read(store, manifest) as rows:
        found = look_beforehand(
            rows,
            suite,
            intake.source.schema,
            columns=columns_of(intake.source, manifest.key),
            nulls=functools.partial(_with_nulls, store, manifest, rows),
        )
    write_beforehand(store, name, found)
    return found


def _with_nulls(
    store: Store, manifest: SliceManifest, rows: StagedWhenRead, columns: Sequence[str]
) -> frozenset[str]:
    found = columns_with_nulls(store, manifest, columns)
    return nullable_columns(rows, columns) if found is None else found


def _name(intake: Intake, manifest: SliceManifest, suite: Suite, files: tuple[DataFile, ...]) -> str:
    columns = columns_of(intake.source, manifest.key)
    asked = schema_digest(intake.source.schema, columns)
    named = digest(_code(), suite.digest, asked, *(file.name for file in files))
    return f"{manifest.prefix}/evaluated/{named}"


@functools.cache
def _code() -> str:
    """Over the code that evaluates, so that what was found by a mistake is found again."""
    hasher = blake3()
    for package in _PACKAGES:
        hasher.update(f"{package}=={importlib.metadata.version(package)}\n".encode())
    for path in _code_files():
        hasher.update(path.read_bytes())
    return hasher.hexdigest()


def _code_files() -> list[Path]:
    files = sorted(Path(str(validation.__file__)).parent.rglob("*.py"))
    return [*files, *(Path(str(module.__file__)) for module in (column_times, column_types))]
