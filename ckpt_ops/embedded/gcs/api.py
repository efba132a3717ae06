"""The JSON API: which request means what.

Source: https://docs.cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ckpt_ops.embedded.gcs import resources, uploads
from ckpt_ops.embedded.gcs.incoming import Incoming
from ckpt_ops.embedded.gcs.names import bucket_name, object_name
from ckpt_ops.embedded.gcs.objects import Objects
from ckpt_ops.embedded.gcs.refusals import Refused, invalid, unsupported
from ckpt_ops.embedded.gcs.stored import Conditions, StoredObject

MOST_LISTED = 1000
LONGEST_JSON = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that has passed the guard.

    Args:
        parts: what the path's pattern found, unquoted.
        query: the last value of each name.
        headers: by lower-case name.
        body: its bytes as they come.
        base: the server's own address as the client knows it, without secret.
    """

    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]
    base: str

    async def json(self) -> dict[str, Any]:
        """The body as JSON.

        Raises:
            Refused: 400 or 413.
        """
        held = b""
        async for data in self.body:
            held += data
            if len(held) > LONGEST_JSON:
                raise Refused(413, "uploadTooLarge", "a JSON body has at most 1 MiB")
        return uploads.json_object(held)

    def number(self, name: str) -> int | None:
        """A number of the query; None where it is not given.

        Raises:
            Refused: 400.
        """
        text = self.query.get(name)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,18}", text):
            raise invalid(f"{name} is not a number")
        return int(text)

    @property
    def conditions(self) -> Conditions:
        """The query's `ifGenerationMatch` and its like."""
        return Conditions(
            generation=self.number("ifGenerationMatch"),
            generation_not=self.number("ifGenerationNotMatch"),
            metageneration=self.number("ifMetagenerationMatch"),
            metageneration_not=self.number("ifMetagenerationNotMatch"),
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back: JSON, or `length` bytes from `start` on of an object's contents."""

    status: int = 200
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    contents: StoredObject | None = None
    start: int = 0
    length: int = 0


class Api:
    """Every request that the server understands.

    Args:
        objects: what it works on.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._sessions = uploads.Sessions()
        bucket, name = r"/b/([^/]+)", r"/o/([^/]+)"
        put = "/upload/storage/v1" + bucket + "/o"
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Asked], Any]]] = [
            (method, re.compile(pattern), answer)
            for method, pattern, answer in (
                ("GET", "/storage/v1/b", self._list_buckets),
                ("POST", "/storage/v1/b", self._create_bucket),
                ("GET", "/storage/v1" + bucket, self._bucket),
                ("DELETE", "/storage/v1" + bucket, self._delete_bucket),
                ("GET", "/storage/v1" + bucket + "/o", self._list),
                ("GET", "(?:/download)?/storage/v1" + bucket + name, self._get),
                ("PATCH", "/storage/v1" + bucket + name, self._update),
                ("DELETE", "/storage/v1" + bucket + name, self._delete),
                ("POST", "/storage/v1" + bucket + name + "/(?:copyTo|rewriteTo)" + bucket + name, self._copy),
                ("POST", put, self._upload),
                ("PUT", put, self._upload_part),
                ("DELETE", put, self._cancel),
            )
        ]

    async def answer(self, method: str, path: str, asked: Callable[[tuple[str, ...]], Asked]) -> Answer:
        """Carry out a request.

        Args:
            path: as it was sent, quoted: `%2F` belongs to a name.
            asked: makes the request from the parts that the path's pattern found.

        Raises:
            Refused: it was not carried out.
        """
        for known, pattern, carry_out in self._routes:
            match = pattern.fullmatch(path) if known == method else None
            if match is not None:
                try:
                    parts = tuple(unquote(part, errors="strict") for part in match.groups())
                except UnicodeDecodeError:
                    raise invalid("the path is not UTF-8") from None
                answer: Answer = await carry_out(asked(parts))
                return answer
        raise unsupported(f"{method} of this path")

    def uploads(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether this continues an upload in progress: its id is a secret as well, as at Google's."""
        return path.startswith("/upload/") and query.get("upload_id", "") in self._sessions

    # --- buckets -----------------------------------------------------------------------------------

    async def _list_buckets(self, asked: Asked) -> Answer:
        prefix = asked.query.get("prefix", "")
        found = [each for each in self.objects.buckets() if each[0].startswith(prefix)]
        return Answer(
            json={"kind": "storage#buckets", "items": [resources.bucket_resource(*each) for each in found]}
        )

    async def _create_bucket(self, asked: Asked) -> Answer:
        name = bucket_name((await asked.json()).get("name"))
        self.objects.create_bucket(name)
        return Answer(json=resources.bucket_resource(*self.objects.bucket(name)))

    async def _bucket(self, asked: Asked) -> Answer:
        return Answer(json=resources.bucket_resource(*self.objects.bucket(asked.parts[0])))

    async def _delete_bucket(self, asked: Asked) -> Answer:
        self.objects.delete_bucket(asked.parts[0])
        return Answer(status=204)

    # --- objects -----------------------------------------------------------------------------------

    async def _list(self, asked: Asked) -> Answer:
        if asked.query.get("versions", "false") == "true":
            raise unsupported("older versions of objects")
        limit = min(asked.number("maxResults") or MOST_LISTED, MOST_LISTED)
        page = self.objects.list(
            asked.parts[0],
            prefix=asked.query.get("prefix", ""),
            delimiter=asked.query.get("delimiter", ""),
            start=max(asked.query.get("pageToken", ""), asked.query.get("startOffset", "")),
            end=asked.query.get("endOffset", ""),
            limit=limit,
        )
        only = resources.fields_of_items(asked.query.get("fields", ""))
        shown: dict[str, Any] = {"kind": "storage#objects"}
        if page.objects:
            shown["items"] = [resources.object_resource(each, only) for each in page.objects]
        if page.prefixes:
            shown["prefixes"] = page.prefixes
        if page.next_start:
            shown["nextPageToken"] = page.next_start
        return Answer(json=shown)

    async def _get(self, asked: Asked) -> Answer:
        bucket, name = asked.parts
        found = self.objects.get(bucket, name, asked.conditions, generation=asked.number("generation"))
        if asked.query.get("alt") != "media":
            return Answer(json=resources.object_resource(found))
        start, length, status = _range(asked.headers.get("range", ""), found.size)
        headers = {
            "Content-Type": found.attributes.get("contentType") or "application/octet-stream",
            "Content-Length": str(length),
            "Accept-Ranges": "bytes",
            "Cache-Control": "no-store",
            "ETag": f'"{resources.etag(found)}"',
            "X-Goog-Generation": str(found.generation),
            "X-Goog-Metageneration": str(found.metageneration),
            "X-Goog-Stored-Content-Length": str(found.size),
            "X-Goog-Hash": f"crc32c={found.crc32c},md5={found.md5}",
        }
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
        if found.attributes.get("contentEncoding"):
            headers["Content-Encoding"] = found.attributes["contentEncoding"]
        return Answer(status=status, headers=headers, contents=found, start=start, length=length)

    async def _update(self, asked: Asked) -> Answer:
        bucket, name = asked.parts
        attributes = resources.settable(await asked.json())
        return Answer(
            json=resources.object_resource(self.objects.update(bucket, name, attributes, asked.conditions))
        )

    async def _delete(self, asked: Asked) -> Answer:
        bucket, name = asked.parts
        self.objects.delete(bucket, name, asked.conditions, generation=asked.number("generation"))
        return Answer(status=204)

    async def _copy(self, asked: Asked) -> Answer:
        bucket, name, to_bucket, to_name = asked.parts
        found = self.objects.get(bucket, name, generation=asked.number("sourceGeneration"))
        attributes = resources.settable(await asked.json())
        made = self.objects.copy(found, to_bucket, object_name(to_name), attributes, asked.conditions)
        shown = resources.object_resource(made)
        size = str(made.size)
        whole = {
            "kind": "storage#rewriteResponse",
            "done": True,
            "objectSize": size,
            "totalBytesRewritten": size,
        }
        # copyTo answers with the object, rewriteTo with how far it got; a client of either finds its fields
        return Answer(json={**shown, **whole, "resource": shown})

    # --- uploads -----------------------------------------------------------------------------------

    async def _upload(self, asked: Asked) -> Answer:
        (bucket,) = asked.parts
        how = asked.query.get("uploadType", "media")
        if "upload_id" in asked.query:
            return await self._upload_part(asked)
        if how == "resumable":
            return await self._begin(asked, bucket)
        if how not in ("media", "multipart"):
            raise invalid("uploadType is media, multipart or resumable")
        name = asked.query.get("name")
        if name is not None:
            object_name(name)  # before a byte of it is written
        self.objects.bucket(bucket)
        came = self.objects.incoming()
        try:
            if how == "media":
                await uploads.receive_media(asked.body, came)
                attributes = {"contentType": asked.headers.get("content-type", "application/octet-stream")}
            else:
                attributes = await uploads.receive_multipart(
                    asked.headers.get("content-type", ""), asked.body, came
                )
                name = attributes.get("name") if name is None else name
            return self._put(bucket, object_name(name), came, attributes, asked.conditions)
        finally:
            came.discard()

    def _put(
        self, bucket: str, name: str, came: Incoming, attributes: Mapping[str, Any], when: Conditions
    ) -> Answer:
        chosen = resources.settable(attributes, also=resources.CHECKSUMS)
        made = self.objects.put(bucket, name, came, chosen, when)
        return Answer(json=resources.object_resource(made))

    async def _begin(self, asked: Asked, bucket: str) -> Answer:
        attributes = await asked.json()
        name = object_name(asked.query.get("name", attributes.get("name")))
        self.objects.bucket(bucket)
        attributes.setdefault(
            "contentType", asked.headers.get("x-upload-content-type", "application/octet-stream")
        )
        upload_id = self._sessions.begin(
            uploads.Session(
                bucket=bucket,
                name=name,
                attributes=resources.settable(attributes, also=resources.CHECKSUMS),
                when=asked.conditions,
                incoming=self.objects.incoming(),
            )
        )
        where = f"{asked.base}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload_id}"
        return Answer(headers={"Location": where, "X-GUploader-UploadID": upload_id})

    async def _upload_part(self, asked: Asked) -> Answer:
        upload_id = asked.query.get("upload_id", "")
        session = self._sessions.find(upload_id)
        if not await uploads.receive_part(session, asked.headers.get("content-range", ""), asked.body):
            size = session.incoming.size
            return Answer(status=308, headers={"Range": f"bytes=0-{size - 1}"} if size else {})
        try:
            return self._put(session.bucket, session.name, session.incoming, session.attributes, session.when)
        finally:
            self._sessions.end(upload_id)

    async def _cancel(self, asked: Asked) -> Answer:
        upload_id = asked.query.get("upload_id", "")
        self._sessions.find(upload_id)
        self._sessions.end(upload_id)
        return Answer(status=499)


def _range(header: str, size: int) -> tuple[int, int, int]:
    """Start, length and HTTP status for a `Range`; one that is not understood asks for all.

    Raises:
        Refused: 416, the object ends before.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return 0, size, 200
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= size or end <= start:
        raise Refused(416, "requestedRangeNotSatisfiable", f"the object has {size} bytes")
    return start, end - start, 206
