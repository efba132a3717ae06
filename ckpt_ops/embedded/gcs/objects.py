"""Buckets and objects: an index in SQLite beside files with the contents.

    v2/index.sqlite     which object has which attributes and which file
    v2/contents/ab/...  the contents; a file's name is drawn at random, an object's is in the index only
    v2/incoming/        contents that no object has yet

An object appears, changes and goes with one transaction of the index, so it is there whole or not at all,
however the process ends. A power failure may lose the last seconds, as the files are not forced to
disk. Everything here runs in one thread of one process: the folder is locked.

Source: https://docs.cloud.google.com/storage/docs/json_api/v1/objects
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

from ckpt_ops.embedded.gcs.incoming import Incoming
from ckpt_ops.embedded.gcs.refusals import Refused, invalid, missing
from ckpt_ops.embedded.gcs.stored import ANY, Conditions, Listing, StoredObject

FOLDER = "v2"
SCHEMA = 1
_TABLES = """
CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE objects (
    bucket TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL, metageneration INTEGER NOT NULL,
    size INTEGER NOT NULL, md5 TEXT NOT NULL, crc32c TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, attributes TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE unused (content TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_COLUMNS = (
    "bucket, name, generation, metageneration, size, md5, crc32c, created, updated, attributes, content"
)
_AFTER_ALL = chr(0x10FFFF)


class Objects:
    """All buckets of a server; a context manager.

    Args:
        root: the server's folder.

    Raises:
        BlockingIOError: another server has it.
        Refused: a newer version wrote it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._contents, self._incoming = root / FOLDER / "contents", root / FOLDER / "incoming"
        for folder in (self._contents, self._incoming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock: IO[str] = (root / FOLDER / "lock").open("a+")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._index = sqlite3.connect(root / FOLDER / "index.sqlite", isolation_level=None)
        self._index.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
        )
        self._prepare()
        newest = self._index.execute("SELECT max(generation) FROM objects").fetchone()[0]
        self._newest: int = newest or 0

    def _prepare(self) -> None:
        found = self._index.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA:
            raise Refused(
                500, "newer", f"{self.root} was written by a newer version (index {found}, not {SCHEMA})"
            )
        if found == 0:
            with self._transaction():
                for statement in _TABLES.split(";"):
                    self._index.execute(statement)
                self._index.execute(f"PRAGMA user_version={SCHEMA}")
        for (content,) in self._index.execute("SELECT content FROM unused").fetchall():
            self._forget(content)
        for left in self._incoming.iterdir():  # left by a server that was killed
            taken = self._index.execute("SELECT 1 FROM objects WHERE content = ?", (left.name,)).fetchone()
            if taken:
                self._settle(left, left.name)
            else:
                left.unlink()

    # --- buckets -----------------------------------------------------------------------------------

    def buckets(self) -> list[tuple[str, float]]:
        """Their names, and when they were made in seconds since 1970."""
        return self._index.execute("SELECT name, created FROM buckets ORDER BY name").fetchall()

    def bucket(self, name: str) -> tuple[str, float]:
        """One of them.

        Raises:
            Refused: 404.
        """
        found: tuple[str, float] | None = self._index.execute(
            "SELECT name, created FROM buckets WHERE name = ?", (name,)
        ).fetchone()
        if found is None:
            raise missing(f"bucket {name}")
        return found

    def create_bucket(self, name: str, *, created: float | None = None) -> None:
        """Make it.

        Raises:
            Refused: 409, it exists.
        """
        try:
            self._index.execute("INSERT INTO buckets VALUES (?, ?)", (name, created or time.time()))
        except sqlite3.IntegrityError:
            raise Refused(409, "conflict", f"the bucket {name} exists") from None

    def delete_bucket(self, name: str) -> None:
        """Remove an empty one.

        Raises:
            Refused: 404, or 409 where it is not empty.
        """
        self.bucket(name)
        if self._index.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,)).fetchone():
            raise Refused(409, "conflict", f"the bucket {name} is not empty")
        self._index.execute("DELETE FROM buckets WHERE name = ?", (name,))

    # --- objects -----------------------------------------------------------------------------------

    def incoming(self) -> Incoming:
        """A file for contents that come in parts."""
        return Incoming(self._incoming)

    def put(
        self, bucket: str, name: str, came: Incoming, attributes: Mapping[str, Any], when: Conditions = ANY
    ) -> StoredObject:
        """Make the object from what came, in place of the one of that name.

        Raises:
            Refused: 404 no bucket, 412 a precondition, 400 what came differs from an announced checksum.
        """
        came.close()
        for kind, found in (("md5Hash", came.checksums.md5), ("crc32c", came.checksums.crc32c)):
            if attributes.get(kind, found) != found:
                raise invalid(f"{kind} is {attributes[kind]}, but what came has {found}")
        self.bucket(bucket)
        now = time.time()
        made = StoredObject(
            bucket=bucket,
            name=name,
            generation=self._next_generation(now),
            metageneration=1,
            size=came.size,
            md5=came.checksums.md5,
            crc32c=came.checksums.crc32c,
            created=now,
            updated=now,
            attributes={key: value for key, value in attributes.items() if key not in ("md5Hash", "crc32c")},
            content=came.content,
        )
        self.take(made, came.path, when)
        return made

    def take(self, made: StoredObject, file: Path, when: Conditions = ANY) -> None:
        """Put an object whose contents lie in `file`, which is moved. Raises as `put` does."""
        before = self._find(made.bucket, made.name)
        when.check(before)
        with self._transaction():
            if before is not None:
                self._index.execute("INSERT INTO unused VALUES (?)", (before.content,))
            self._write(made)
        self._settle(file, made.content)
        if before is not None:
            self._forget(before.content)

    def get(
        self, bucket: str, name: str, when: Conditions = ANY, *, generation: int | None = None
    ) -> StoredObject:
        """The object.

        Args:
            generation: refuse any other.

        Raises:
            Refused: 404 or 412.
        """
        found = self._find(bucket, name)
        if found is None or generation not in (None, found.generation):
            self.bucket(bucket)
            raise missing(f"object {bucket}/{name}")
        when.check(found)
        return found

    def open(self, found: StoredObject) -> BinaryIO:
        """Its contents; they can be read to the end even when the object changes meanwhile."""
        return self._place(found.content).open("rb", buffering=0)

    def update(
        self, bucket: str, name: str, attributes: Mapping[str, Any], when: Conditions = ANY
    ) -> StoredObject:
        """Change the object's attributes; None removes one. Raises as `get` does."""
        found = self.get(bucket, name, when)
        merged = dict(found.attributes)
        for key, value in attributes.items():
            if key == "metadata" and isinstance(value, dict):
                value = {**(merged.get(key) or {}), **value}
                value = {inner: text for inner, text in value.items() if text is not None}
            merged[key] = value
        changed = replace(
            found,
            attributes={key: value for key, value in merged.items() if value is not None},
            metageneration=found.metageneration + 1,
            updated=time.time(),
        )
        with self._transaction():
            self._write(changed)
        return changed

    def delete(
        self, bucket: str, name: str, when: Conditions = ANY, *, generation: int | None = None
    ) -> None:
        """Remove the object. Raises as `get` does."""
        found = self.get(bucket, name, when, generation=generation)
        with self._transaction():
            self._index.execute("INSERT INTO unused VALUES (?)", (found.content,))
            self._index.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name))
        self._forget(found.content)

    def copy(
        self,
        found: StoredObject,
        bucket: str,
        name: str,
        attributes: Mapping[str, Any],
        when: Conditions = ANY,
    ) -> StoredObject:
        """Copy the object, with its attributes unless others are given. Raises as `put` does."""
        self.bucket(bucket)
        now, content = time.time(), secrets.token_hex(16)
        beside = self._incoming / content
        os.link(self._place(found.content), beside)
        made = replace(
            found,
            bucket=bucket,
            name=name,
            generation=self._next_generation(now),
            metageneration=1,
            created=now,
            updated=now,
            attributes=dict(attributes or found.attributes),
            content=content,
        )
        try:
            self.take(made, beside, when)
        finally:
            beside.unlink(missing_ok=True)
        return made

    def list(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        start: str = "",
        end: str = "",
        limit: int = 1000,
    ) -> Listing:
        """A page of at most `limit` objects and common prefixes with names from `start` to before `end`.

        Raises:
            Refused: 404.
        """
        self.bucket(bucket)
        page = Listing()
        at = max(start, prefix)
        while True:
            for found in self._from(bucket, at):
                if not found.name.startswith(prefix) or (end and found.name >= end):
                    return page
                if len(page.objects) + len(page.prefixes) == limit:
                    return Listing(objects=page.objects, prefixes=page.prefixes, next_start=found.name)
                cut = found.name.find(delimiter, len(prefix)) if delimiter else -1
                if cut >= 0:
                    common = found.name[: cut + len(delimiter)]
                    page.prefixes.append(common)
                    at = common + _AFTER_ALL
                    break
                page.objects.append(found)
            else:
                return page

    # --- the index ---------------------------------------------------------------------------------

    def _from(self, bucket: str, start: str) -> Iterator[StoredObject]:
        query = f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND name >= ? ORDER BY name"
        return map(_stored, self._index.execute(query, (bucket, start)))

    def _find(self, bucket: str, name: str) -> StoredObject | None:
        query = f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND name = ?"
        row = self._index.execute(query, (bucket, name)).fetchone()
        return None if row is None else _stored(row)

    def _write(self, made: StoredObject) -> None:
        values = {**vars(made), "attributes": json.dumps(made.attributes)}
        marks = ", ".join(f":{column}" for column in _COLUMNS.split(", "))
        self._index.execute(f"REPLACE INTO objects ({_COLUMNS}) VALUES ({marks})", values)

    def _next_generation(self, now: float) -> int:
        self._newest = max(self._newest + 1, int(now * 1e6))
        return self._newest

    def _transaction(self) -> _Transaction:
        return _Transaction(self._index)

    def _place(self, content: str) -> Path:
        return self._contents / content[:2] / content

    def _settle(self, file: Path, content: str) -> None:
        """Move a file to the place of contents that an object has taken."""
        place = self._place(content)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        file.replace(place)

    def _forget(self, content: str) -> None:
        self._place(content).unlink(missing_ok=True)
        self._index.execute("DELETE FROM unused WHERE content = ?", (content,))

    def close(self) -> None:
        """Release the folder for another server."""
        self._index.close()
        self._lock.close()

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Transaction:
    """`BEGIN IMMEDIATE`, and `COMMIT` or `ROLLBACK`."""

    def __init__(self, index: sqlite3.Connection) -> None:
        self._index = index

    def __enter__(self) -> None:
        self._index.execute("BEGIN IMMEDIATE")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._index.execute("COMMIT" if kind is None else "ROLLBACK")


def _stored(row: tuple[Any, ...]) -> StoredObject:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return StoredObject(**{**values, "attributes": json.loads(values["attributes"])})
