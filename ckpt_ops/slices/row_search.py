"""Which revisions in the store hold certain rows: every one is searched, whoever wrote it and why.

What is read is data files, each once however many revisions share it, a row group at a time, and only the
columns that are asked about. Files that no revision names count, too: a pull that was killed leaves some.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.slices.committed import list_slices
from ckpt_ops.slices.manifest import DataFile, SliceManifest
from ckpt_ops.slices.predicate import Predicate
from ckpt_ops.slices.reading import staged
from ckpt_ops.store import Store

Progress = Callable[[int, int], None]


def silent(done: int, of: int) -> None:
    """A progress callback that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Matches:
    """A revision that holds `rows` matching rows."""

    manifest: SliceManifest
    rows: int

    @property
    def name(self) -> tuple[str, str]:
        """(key, revision)."""
        return self.manifest.key, self.manifest.revision


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A revision that could not be searched for such rows, and why."""

    key: str
    revision: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where a source's slices in the store hold matching rows.

    Attributes:
        looked_at: revisions.
        loose: data files with such rows that no revision names.
    """

    looked_at: int
    holding: tuple[Matches, ...]
    unread: tuple[Unread, ...] = ()
    loose: tuple[str, ...] = ()

    def rows(self, key: str, revision: str) -> int:
        """How many the revision holds."""
        return sum(one.rows for one in self.holding if one.name == (key, revision))


def find_rows(
    store: Store, source: str, predicates: Sequence[Predicate], progress: Progress = silent
) -> Found:
    """The revisions, of all keys of the source, with rows that any of the predicates matches.

    Args:
        progress: told after each data file how many of how many are done.

    Raises:
        Corrupt: a data file is not what was written. There is no answer then.
    """
    manifests = list_slices(store, source)
    loose = _loose(store, source, manifests)
    ordered = [(manifest.key, file) for manifest in manifests for file in manifest.files]
    files = {file.name: (key, file) for key, file in ordered} | {
        file.name: (file.name.split("/")[2], file) for file in loose
    }
    counted: dict[str, int | str] = {}
    for done, (key, file) in enumerate(files.values(), start=1):
        counted[file.name] = _count(store, source, key, file, predicates)
        progress(done, len(files))
    holding, unread = [], []
    for manifest in manifests:
        counts = [counted[file.name] for file in manifest.files]
        whys = [count for count in counts if isinstance(count, str)]
        rows = sum(count for count in counts if isinstance(count, int))
        if rows:
            holding.append(Matches(manifest=manifest, rows=rows))
        if whys:
            unread.append(Unread(key=manifest.key, revision=manifest.revision, why=whys[0]))
    return Found(
        looked_at=len(manifests),
        holding=tuple(holding),
        unread=tuple(unread),
        loose=tuple(file.name for file in loose if isinstance(n := counted[file.name], int) and n),
    )


def find_keys(store: Store, source: str, keys: Collection[str]) -> Found:
    """Every revision of whole slices, and their loose data files."""
    manifests = [manifest for key in sorted(keys) for manifest in list_slices(store, source, key)]
    loose = [file for file in _loose(store, source, manifests) if file.name.split("/")[2] in keys]
    return Found(
        looked_at=len(manifests),
        holding=tuple(Matches(manifest=manifest, rows=manifest.rows) for manifest in manifests),
        loose=tuple(file.name for file in loose),
    )


def _loose(store: Store, source: str, manifests: Sequence[SliceManifest]) -> list[DataFile]:
    """Data files of the source that none of the manifests names, also of other keys than theirs."""
    named = {file.name for manifest in manifests for file in manifest.files}
    found = []
    for entry in store.list(f"slices/{source}/"):
        parts = entry.name.split("/")
        # an empty one was removed, as far as its server can
        if len(parts) == 5 and parts[3] == "data" and entry.size and entry.name not in named:
            digest = parts[4].removesuffix(".parquet")
            found.append(DataFile(name=entry.name, rows=0, size=entry.size, blake3=digest, content=""))
    return found


def _count(store: Store, source: str, key: str, file: DataFile, predicates: Sequence[Predicate]) -> int | str:
    """How many rows of the file match; as text, why that cannot be told."""
    alone = SliceManifest(
        source=source, key=key, revision="", fingerprint="", pulled_at="", rows=file.rows, columns=(),
        files=(file,),
    )  # fmt: skip
    try:
        with staged(store, alone) as rows:
            masks = [predicate.mask(rows.schema) for predicate in predicates]
            wanted = {name for predicate in predicates for name in predicate.columns}
            columns = [name for name in rows.schema.names if name in wanted] or rows.schema.names[:1]
            count = 0
            for batch in rows.batches(columns):
                mask = masks[0](batch)
                for one in masks[1:]:
                    mask = pc.or_(mask, one(batch))
                count += mask.true_count
            return count
    except BadInput as error:
        return error.allowed
    except ObjectNotFound:
        return 0  # removed since it was listed, by another purge
