"""What `slice.json` says: the commit of a pulled slice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ckpt_ops.errors import Corrupt
from ckpt_ops.slices.identity import check_key, check_revision

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column as it came. `type` is Arrow's own name for it, such as `timestamp[us, tz=UTC]`."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One Parquet part: `blake3` is of its bytes (`size` of them), `content` of its rows in order."""

    name: str
    rows: int
    size: int
    blake3: str
    content: str


@dataclass(frozen=True, kw_only=True)
class SliceManifest:
    """A pulled slice. Written last and once: without it, the data files beside it do not count.

    Attributes:
        fingerprint: the source's, when it was read.
        pulled_at: ISO 8601, UTC, of the first pull of this content.
    """

    source: str
    key: str
    revision: str
    fingerprint: str
    pulled_at: str
    rows: int
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]

    @property
    def prefix(self) -> str:
        """The folder of this revision in the store, without a slash at its end."""
        return prefix_of(self.source, self.key, self.revision)

    def to_json(self) -> bytes:
        """UTF-8 with sorted keys."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes, *, url: str) -> SliceManifest:
        """The inverse of `to_json`. Raises `Corrupt`, naming `url`."""
        try:
            payload = json.loads(data)
            found = payload.pop("format")
            if found != FORMAT:
                raise ValueError(f"format {found}, this version reads {FORMAT}")
            payload["columns"] = tuple(Column(**column) for column in payload["columns"])
            payload["files"] = tuple(DataFile(**file) for file in payload["files"])
            return cls(**payload)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Corrupt(
                f"{url} is not a slice manifest: {error}",
                safe="nothing was changed",
                next="restore the object from the bucket's versions, or delete it and clear the pull task",
            ) from error


def prefix_of(source: str, key: str, revision: str) -> str:
    """`slices/{source}/{key}/{revision}`, each part checked."""
    check_key(source, field="source name")
    return f"slices/{source}/{check_key(key)}/{check_revision(revision)}"
