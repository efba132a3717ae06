"""Buckets and objects as Google's JSON API shows them.

Links (`mediaLink`, `selfLink`) are left out: clients then make them from the address that they were given,
which holds the secret.

Source: https://docs.cloud.google.com/storage/docs/json_api/v1/objects#resource
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ckpt_ops.embedded.gcs.refusals import invalid
from ckpt_ops.embedded.gcs.stored import StoredObject

SETTABLE = (
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "customTime",
    "metadata",
    "storageClass",
)
CHECKSUMS = ("md5Hash", "crc32c")
_ITEMS = re.compile(r"items\(([^()]*)\)")


def bucket_resource(name: str, created: float) -> dict[str, Any]:
    """A bucket as JSON."""
    return {
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "location": "LOCAL",
        "storageClass": "STANDARD",
        "metageneration": "1",
        "timeCreated": _time(created),
        "updated": _time(created),
    }


def object_resource(found: StoredObject, only: frozenset[str] = frozenset()) -> dict[str, Any]:
    """An object as JSON, with the fields in `only`, or all."""
    shown = {
        "kind": "storage#object",
        "id": f"{found.bucket}/{found.name}/{found.generation}",
        "bucket": found.bucket,
        "name": found.name,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "size": str(found.size),
        "md5Hash": found.md5,
        "crc32c": found.crc32c,
        "etag": etag(found),
        "timeCreated": _time(found.created),
        "updated": _time(found.updated),
        "storageClass": "STANDARD",
        **found.attributes,
    }
    return {name: value for name, value in shown.items() if name in only} if only else shown


def etag(found: StoredObject) -> str:
    """Different after each change."""
    return f"{found.generation:x}-{found.metageneration:x}"


def fields_of_items(fields: str) -> frozenset[str]:
    """The names in `items(a,b)` of a listing's `fields`; empty stands for all."""
    match = _ITEMS.search(fields)
    return frozenset(match[1].split(",")) if match else frozenset()


def settable(given: Mapping[str, Any], *, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """The attributes among `given` that a client may set.

    Raises:
        Refused: 400, `metadata` is not a mapping of texts, or another attribute is not text.
    """
    chosen = {name: value for name, value in given.items() if name in (*SETTABLE, *also)}
    for name, value in chosen.items():
        texts = list(value.values()) if name == "metadata" and isinstance(value, dict) else [value]
        if (name == "metadata" and not isinstance(value, dict | None)) or not all(
            isinstance(text, str | None) for text in texts
        ):
            raise invalid(f"{name} has a value that no object can have")
    return chosen


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
