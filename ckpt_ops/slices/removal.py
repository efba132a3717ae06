"""Which objects go when revisions of slices are removed for good.

A revision's folder goes whole. A data file goes when no revision that stays names it, and a receipt when it
names a file that goes: the next pull then reads the part again. `slice.json` goes last, so that a removal
that was interrupted finds what is left.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ckpt_ops.slices.committed import load_manifest
from ckpt_ops.slices.manifest import SliceManifest
from ckpt_ops.slices.parts import Receipt
from ckpt_ops.store import Entry, Store


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Objects to be removed, in order.

    Attributes:
        before: pages and receipts.
        data: files of rows, and of those that do not parse. A running pull may write one of the same name
            again.
        after: the revisions themselves.
    """

    before: tuple[Entry, ...]
    data: tuple[Entry, ...]
    after: tuple[Entry, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.before + self.data + self.after


def objects_of(
    store: Store, source: str, revisions: Collection[tuple[str, str]], loose: Collection[str] = ()
) -> Removal:
    """What goes with `revisions`, each (key, revision), of a source.

    Args:
        loose: further data files to remove, unless a revision that stays names them.
    """
    before: list[Entry] = []
    data: list[Entry] = []
    after: list[Entry] = []
    keys = {key for key, _ in revisions} | {name.split("/")[2] for name in loose}
    for key in sorted(keys):
        going = {revision for one, revision in revisions if one == key}
        listed = [(entry, entry.name.split("/")) for entry in store.list(f"slices/{source}/{key}/")]
        manifests = [
            load_manifest(store, source, key, parts[3])
            for _, parts in listed
            if len(parts) == 5 and parts[4] == "slice.json"
        ]
        files = _files([one for one in manifests if one.revision in going]) | set(loose)
        files -= _files([one for one in manifests if one.revision not in going])
        for entry, parts in listed:
            if entry.name in files:
                data += [entry] if entry.size else []  # an empty one was removed, as far as its server can
            elif parts[3] in going:
                (after if parts[4:] == ["slice.json"] else before).append(entry)
            elif parts[3] == "parts" and _names_any(store, entry.name, files):
                before.append(entry)
    return Removal(before=tuple(before), data=tuple(data), after=tuple(after))


def remove(store: Store, removal: Removal) -> None:
    """Remove them. A data file that was rewritten since it was listed stays."""
    for entry in removal.before:
        store.delete(entry.name)
    for entry in removal.data:
        store.delete_unchanged(entry)
    for entry in removal.after:
        store.delete(entry.name)


def _files(manifests: list[SliceManifest]) -> set[str]:
    return {
        name
        for manifest in manifests
        for name in [file.name for file in manifest.files] + [file.name for file in manifest.unread]
    }


def _names_any(store: Store, name: str, files: Collection[str]) -> bool:
    receipt = Receipt.from_json(store.get(name), url=f"{store.url.rstrip('/')}/{name}")
    names = [file.name for file in receipt.files] + [file.name for file in receipt.unread]
    return any(one in files for one in names)
