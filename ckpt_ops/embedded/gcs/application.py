"""The server as an ASGI application: guard, then API, then bytes back."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from ckpt_ops.embedded.gcs.api import Answer, Api, Asked
from ckpt_ops.embedded.gcs.guard import Guard
from ckpt_ops.embedded.gcs.refusals import Refused

HEALTH = "/healthz"
_BLOCK = 1024 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    """Answers HTTP.

    Args:
        api: gets the requests that pass the guard.
        guard: decides who may ask. Everybody may ask whether the server is there.
    """

    def __init__(self, api: Api, guard: Guard) -> None:
        self._api, self._guard = api, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        try:
            if path == HEALTH and scope["method"] in ("GET", "HEAD"):
                answer = Answer(json={"status": "ok"})
            else:
                query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
                self._guard.check(headers, known=self._api.uploads(path, query))
                base = f"{scope['scheme']}://{headers['host']}"

                def asked(parts: tuple[str, ...]) -> Asked:
                    return Asked(parts=parts, query=query, headers=headers, body=_body(receive), base=base)

                answer = await self._api.answer(scope["method"], path, asked)
            await self._send(answer, send)
        except Refused as refused:
            await _reply(send, refused.status, {"Content-Type": "application/json"}, refused.body())
        except _Gone:
            return
        except Exception as error:  # noqa: BLE001 - of the disk, or a bug: the client may try again, and the log has it
            traceback.print_exc(file=sys.stderr)
            failed = Refused(503, "backendError", f"{type(error).__name__}: see the server's log")
            await _reply(send, failed.status, {"Content-Type": "application/json"}, failed.body())

    async def _send(self, answer: Answer, send: Send) -> None:
        if answer.contents is None:
            body = b"" if answer.json is None else json.dumps(answer.json).encode()
            await _reply(send, answer.status, {"Content-Type": "application/json", **answer.headers}, body)
            return
        with self._api.objects.open(answer.contents) as file:
            file.seek(answer.start)
            await send(_start(answer.status, dict(answer.headers)))
            left = answer.length
            while left > 0:
                data = file.read(min(left, _BLOCK))
                left -= len(data)
                if not data:
                    raise _Gone  # the file is shorter than the index says: it must not look complete
                await send({"type": "http.response.body", "body": data, "more_body": left > 0})
                await asyncio.sleep(0)
            if answer.length == 0:
                await send({"type": "http.response.body", "body": b""})


class _Gone(Exception):
    """The client went away, or must not take this for the end."""


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


def _start(status: int, headers: dict[str, str]) -> dict[str, Any]:
    safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    pairs = [(name.lower().encode(), _one_line(value)) for name, value in {**safe, **headers}.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def _one_line(value: str) -> bytes:
    return "".join(character for character in value if character.isprintable()).encode("latin-1", "replace")


async def _reply(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    await send(_start(status, {**headers, "Content-Length": str(len(body))}))
    await send({"type": "http.response.body", "body": body})
