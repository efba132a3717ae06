"""An object in the index, the preconditions of a request, and a page of a listing.

Source: https://docs.cloud.google.com/storage/docs/json_api/v1/objects
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ckpt_ops.embedded.gcs.refusals import not_met


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One object as the index knows it.

    Args:
        generation: microseconds since 1970 at which these contents came, never the same twice.
        metageneration: 1 with each new generation, one more with each change of `attributes`.
        size: bytes.
        md5, crc32c: of the contents, in base64; the crc is big-endian.
        created, updated: seconds since 1970.
        attributes: what the client set, such as `contentType` and `metadata`.
        content: the file's name.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    size: int
    md5: str
    crc32c: str
    created: float
    updated: float
    attributes: dict[str, Any]
    content: str


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Preconditions on the object that is there now; None asks nothing. Generation 0: there is no object."""

    generation: int | None = None
    generation_not: int | None = None
    metageneration: int | None = None
    metageneration_not: int | None = None

    def check(self, found: StoredObject | None) -> None:
        """Let the request pass.

        Raises:
            Refused: 412.
        """
        generation = 0 if found is None else found.generation
        metageneration = 0 if found is None else found.metageneration
        if self.generation is not None and self.generation != generation:
            raise not_met(f"ifGenerationMatch={self.generation}")
        if self.generation_not is not None and self.generation_not == generation:
            raise not_met(f"ifGenerationNotMatch={self.generation_not}")
        if self.metageneration is not None and self.metageneration != metageneration:
            raise not_met(f"ifMetagenerationMatch={self.metageneration}")
        if self.metageneration_not is not None and self.metageneration_not == metageneration:
            raise not_met(f"ifMetagenerationNotMatch={self.metageneration_not}")


ANY = Conditions()


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A page of a bucket: objects and common prefixes in order, and the name that begins the next one."""

    objects: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_start: str = ""
