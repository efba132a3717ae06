"""What registries are told of a version: a pure function of the model's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ckpt_ops.checkpoints.exports import export_folder
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import Promoted

PREFIX = "ckpt_ops."


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A promoted version.

    Attributes:
        source: the address of its SavedModel.
        tags: text by name.
    """

    model: str
    version: int
    source: str
    description: str
    tags: Mapping[str, str]


def entries(state: LineageState, model: str, store_url: str) -> dict[int, Entry]:
    """By number, every version that was ever promoted and has an export, in order.

    Raises:
        BadInput: the store is a folder of one machine.
    """
    base = _address(store_url)
    return {
        number: _entry(one, one.promoted, model, f"{base}/{folder}")
        for number, one in sorted(state.versions.items())
        if one.promoted is not None and (folder := export_folder(one)) is not None
    }


def _entry(version: VersionState, promoted: Promoted, model: str, source: str) -> Entry:
    keys = [ref.key for ref in version.slices]
    through = f"slices {keys[0]} to {keys[-1]}" if len(keys) > 1 else f"slice {keys[0]}"
    parent = "from scratch" if version.parent is None else f"from version {version.parent}"
    tags = {
        "version": str(version.version),
        "candidate": version.candidate,
        "parent": str(version.parent or ""),
        "last_slice": keys[-1],
        "last_revision": version.slices[-1].revision,
        "rows": str(version.rows),
        "promoted_at": promoted.time,
        "promoted_by": promoted.actor,
    }
    return Entry(
        model=model,
        version=version.version,
        source=source,
        description=f"Version {version.version} of {model}, trained {parent} on {through}",
        tags={f"{PREFIX}{name}": value for name, value in tags.items()},
    )


def _address(store_url: str) -> str:
    """Where other machines find the store: of a replicated one, its first."""
    first = store_url.partition(",")[0].partition("?")[0]
    if not first.startswith("gs://"):
        raise BadInput(
            "CKPT_OPS_STORE",
            store_url,
            "a store that a registry's users can read, such as gs://my-bucket/ckpt-ops",
        )
    return first
