"""The slices that were committed: found by their `slice.json`."""

from __future__ import annotations

from ckpt_ops.errors import Corrupt
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.manifest import SliceManifest, prefix_of
from ckpt_ops.store import Store


def commit_manifest(store: Store, manifest: SliceManifest) -> SliceManifest:
    """Write `slice.json`; returns the manifest that is there afterwards, ours or an earlier one."""
    if store.put_if_absent(f"{manifest.prefix}/slice.json", manifest.to_json()):
        return manifest
    return load_manifest(store, manifest.source, manifest.key, manifest.revision)


def load_manifest(store: Store, source: str, key: str, revision: str) -> SliceManifest:
    """The manifest of a pulled slice. Raises `ObjectNotFound`; `Corrupt` when it does not fit its name."""
    prefix = prefix_of(source, key, revision)
    url = f"{store.url.rstrip('/')}/{prefix}/slice.json"
    manifest = SliceManifest.from_json(store.get(f"{prefix}/slice.json"), url=url)
    if manifest.prefix != prefix:
        raise Corrupt(
            f"{url} describes a different slice: {manifest.prefix}",
            safe="nothing was changed",
            next=f"restore the object from the bucket's versions; or delete it, then {pull_again(key)}",
        )
    return manifest


def list_slices(store: Store, source: str, key: str | None = None) -> list[SliceManifest]:
    """The committed slices of a source, or of one key, by key and then by the time of their first pull."""
    prefix = f"slices/{check_key(source, field='source name')}/" + (f"{check_key(key)}/" if key else "")
    found = []
    for entry in store.list(prefix):
        parts = entry.name.split("/")
        if len(parts) == 5 and parts[4] == "slice.json":
            found.append(load_manifest(store, *parts[1:4]))
    return sorted(found, key=lambda manifest: (manifest.key, manifest.pulled_at))
