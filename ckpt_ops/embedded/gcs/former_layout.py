"""Objects that fake-gcs-server wrote, which earlier versions ran: taken over on the first start.

It kept an object under its own name as a path, and its attributes in an extended attribute of the file, or in
a file `NAME.metadata` beside it where the file system has no such attributes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ckpt_ops.embedded.gcs.checksums import Checksums
from ckpt_ops.embedded.gcs.objects import FOLDER, Objects
from ckpt_ops.embedded.gcs.stored import StoredObject

_ATTRIBUTE, _BESIDE, _OF_BUCKET = "user.metadata", ".metadata", ".bucketMetadata"
_ATTRIBUTES = {
    "ContentType": "contentType",
    "ContentEncoding": "contentEncoding",
    "ContentDisposition": "contentDisposition",
    "ContentLanguage": "contentLanguage",
    "CacheControl": "cacheControl",
    "Metadata": "metadata",
}


def take_over(objects: Objects) -> int:
    """Move every object of the former layout below `objects.root` into the index; returns how many.

    Stopped half-way, it goes on at the next start: what was moved is no longer there.
    """
    moved = 0
    for folder in sorted(objects.root.iterdir()):
        if folder.name == FOLDER or not folder.is_dir() or folder.is_symlink():
            continue
        bucket = unquote(folder.name)
        known = {name for name, _ in objects.buckets()}
        if bucket not in known:
            objects.create_bucket(bucket, created=folder.stat().st_mtime)
        for path in sorted(_files(folder)):
            objects.take(_described(bucket, str(path.relative_to(folder)), path), path)
            path.with_name(path.name + _BESIDE).unlink(missing_ok=True)
            moved += 1
        shutil.rmtree(folder)
        folder.with_name(folder.name + _OF_BUCKET).unlink(missing_ok=True)
    return moved


def _files(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):
        known = set(names)
        for name in names:
            path = Path(directory) / name
            beside = name.endswith(_BESIDE) and name.removesuffix(_BESIDE) in known
            if not beside and path.is_file() and not path.is_symlink():
                yield path


def _described(bucket: str, name: str, path: Path) -> StoredObject:
    known, status = _known(path), path.stat()
    checksums = _checksums(path)  # those that it noted may be of earlier contents
    generation = known.get("Generation")
    attributes = {ours: known[theirs] for theirs, ours in _ATTRIBUTES.items() if known.get(theirs)}
    return StoredObject(
        bucket=bucket,
        name=name,
        generation=generation
        if isinstance(generation, int) and generation > 0
        else status.st_mtime_ns // 1000,
        metageneration=1,
        size=status.st_size,
        md5=checksums.md5,
        crc32c=checksums.crc32c,
        created=_seconds(known.get("Created"), status.st_mtime),
        updated=_seconds(known.get("Updated"), status.st_mtime),
        attributes=attributes,
        content=secrets.token_hex(16),
    )


def _known(path: Path) -> dict[str, Any]:
    try:
        text: bytes = os.getxattr(path, _ATTRIBUTE)
    except OSError:
        beside = path.with_name(path.name + _BESIDE)
        text = beside.read_bytes() if beside.is_file() else b"{}"
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _checksums(path: Path) -> Checksums:
    found = Checksums()
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            found.update(block)
    return found


def _seconds(text: object, default: float) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return default
