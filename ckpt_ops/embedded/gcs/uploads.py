"""How contents arrive: as the body, as the second part of a body, or over several requests.

Source: https://docs.cloud.google.com/storage/docs/uploads-downloads
"""

from __future__ import annotations

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

from ckpt_ops.embedded.gcs.incoming import Incoming
from ckpt_ops.embedded.gcs.refusals import Refused, invalid
from ckpt_ops.embedded.gcs.stored import Conditions

LONGEST_HEAD = 64 * 1024
MOST_SESSIONS = 1000
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(?:(\d+)|\*)")


def json_object(body: bytes) -> dict[str, Any]:
    """A request's body as JSON; empty counts as `{}`.

    Raises:
        Refused: 400.
    """
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    if not isinstance(found, dict):
        raise invalid("the body is not a JSON object")
    return found


async def receive_media(body: AsyncIterator[bytes], into: Incoming) -> None:
    """The body is the contents."""
    async for data in body:
        into.write(data)


async def receive_multipart(content_type: str, body: AsyncIterator[bytes], into: Incoming) -> dict[str, Any]:
    """A body of two parts: attributes as JSON, and contents; returns the attributes.

    Raises:
        Refused: 400, the body has another form.
    """
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise invalid("multipart/related without a boundary")
    mark = b"\r\n--" + boundary.encode()
    first = re.compile(
        rb"(?:\r\n)?--%b\r?\n(.*?)\r?\n\r?\n(.*?)\r?\n--%b\r?\n(.*?)\r?\n\r?\n"
        % ((re.escape(boundary.encode()),) * 2),
        re.DOTALL,
    )
    heads, held = None, b""
    async for data in body:
        held += data
        if heads is None:
            heads = first.match(held)
            if heads is None:
                if len(held) > LONGEST_HEAD:
                    raise invalid("multipart/related without two parts")
                continue
            held = held[heads.end() :]
        keep = len(mark) + 8  # the closing delimiter, and a line end or two behind it
        if len(held) > keep:
            into.write(held[:-keep])
            held = held[-keep:]
    contents, found, _ = held.rpartition(mark + b"--")
    if heads is None or not found:
        raise invalid("multipart/related that ends before its last boundary")
    into.write(contents)
    attributes = json_object(heads[2])
    kind = re.search(rb"(?im)^content-type:[ \t]*([^\r\n]+)", heads[3])
    if kind:
        attributes.setdefault("contentType", kind[1].decode("latin-1").strip())
    return attributes


@dataclass(frozen=True, kw_only=True)
class Session:
    """A resumable upload in progress."""

    bucket: str
    name: str
    attributes: dict[str, Any]
    when: Conditions
    incoming: Incoming


class Sessions:
    """Resumable uploads by their ids, which are secrets. They do not outlive the server."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, Session] = OrderedDict()

    def begin(self, session: Session) -> str:
        """Keep the upload, and return its id. With very many, the oldest is dropped."""
        while len(self._all) >= MOST_SESSIONS:
            self._all.popitem(last=False)[1].incoming.discard()
        name = secrets.token_urlsafe(32)
        self._all[name] = session
        return name

    def __contains__(self, upload_id: object) -> bool:
        return upload_id in self._all

    def find(self, upload_id: str) -> Session:
        """The upload.

        Raises:
            Refused: 404, after which Google's clients begin again.
        """
        if upload_id not in self._all:
            raise Refused(404, "notFound", "no such upload: begin it again")
        return self._all[upload_id]

    def end(self, upload_id: str) -> None:
        """End the upload: its object is made, or it was cancelled."""
        ended = self._all.pop(upload_id, None)
        if ended is not None:
            ended.incoming.discard()


async def receive_part(session: Session, content_range: str, body: AsyncIterator[bytes]) -> bool:
    """Receive the next bytes of a resumable upload; returns whether these were the last.

    Raises:
        Refused: 400, they begin after the end of those before.
    """
    if not content_range:
        await receive_media(body, session.incoming)
        return True
    match = _RANGE.fullmatch(content_range.strip())
    if match is None:
        raise invalid(f"Content-Range is not understood: {content_range[:100]}")
    start, total = match[1], match[3]
    if start is not None:
        skip = session.incoming.size - int(start)
        if skip < 0:
            raise invalid(f"the upload has {session.incoming.size} bytes, and these begin at {int(start)}")
        async for data in body:
            fresh = data[skip:]
            skip = max(0, skip - len(data))
            if fresh:
                session.incoming.write(fresh)
    return total is not None and session.incoming.size >= int(total)
