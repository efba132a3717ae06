"""A proxy in front of a real server that can be told to fail as a real one can't be made to."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from ckpt_ops.store.endpoint import Endpoint

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the target answered, or what is made of it.

    Attributes:
        length: the Content-Length that is said; when it is more than `body` has, the connection breaks off.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    length: int


class FaultyProxy:
    """Forwards HTTP from a free port of 127.0.0.1 to `target`; its faults apply to matching requests.

    Args:
        tls: speak https with this certificate; otherwise http.
        admits: told each request's Authorization header; False answers 401.

    Attributes:
        seen: (method, path, what was done) of every request, in order: "forwarded", a status, "dropped", or
            "spoilt".
    """

    def __init__(
        self,
        target: str,
        *,
        tls: ssl.SSLContext | None = None,
        admits: Callable[[str], bool] = lambda authorization: True,
    ) -> None:
        self._scheme, self._admits = "https" if tls else "http", admits
        behind = Endpoint.parse(target)
        parts = urlsplit(behind.url)
        self._target, self._entry = (parts.hostname or "", parts.port or 80), behind.headers
        self._lock = threading.Lock()
        self._unavailable_until = 0.0
        self._status = 503
        self._out: Callable[[str, str], bool] = lambda method, path: True
        self._drops: Callable[[str, str], bool] = lambda method, path: False
        self._after_drop: Callable[[], None] = lambda: None
        self._drops_left = 0
        self._spoils: Callable[[str, str], bool] = lambda method, path: False
        self._spoil: Callable[[Reply], Reply] = lambda reply: reply
        self._spoils_left = 0
        self.seen: list[tuple[str, str, str]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy._answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def endpoint(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def unavailable(self, seconds: float, *, status: int = 503, method: str = "", path: str = "") -> None:
        """Answer matching requests with `status` for `seconds` from now on; 0 ends an outage."""
        self._out = lambda asked, asked_path: method in asked and path in asked_path
        self._unavailable_until, self._status = time.monotonic() + seconds, status

    def lose_replies(
        self, *, method: str, path: str, times: int, then: Callable[[], None] | None = None
    ) -> None:
        """Forward the next `times` matching requests, and close the connection instead of answering.

        `then` is called after each, before the caller can notice.
        """
        self._drops = lambda asked, asked_path: asked == method and path in asked_path
        self._after_drop = then or (lambda: None)
        self._drops_left = times

    def spoil(self, how: Callable[[Reply], Reply], *, method: str, path: str, times: int) -> None:
        """Forward the next `times` matching requests, and answer what `how` makes of the reply."""
        self._spoils = lambda asked, asked_path: asked == method and path in asked_path
        self._spoil, self._spoils_left = how, times

    def __enter__(self) -> FaultyProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if not self._admits(request.headers.get("Authorization", "")):
            self._refuse(request, 401)
            return
        if time.monotonic() < self._unavailable_until and self._out(request.command, request.path):
            self._refuse(request, self._status)
            return
        with self._upstream() as upstream:
            asked = {name.title(): value for name, value in request.headers.items()}
            upstream.request(request.command, request.path, body, {**asked, **self._entry})
            reply = upstream.getresponse()
            content, headers = reply.read(), dict(reply.getheaders())
        answer = Reply(status=reply.status, headers=headers, body=content, length=len(content))
        if self._take_drop(request):
            self._note(request, "dropped")
            self._after_drop()
            request.close_connection = True
        elif self._take_spoil(request):
            self._note(request, "spoilt")
            self._reply(request, self._spoil(answer))
        else:
            self._note(request, "forwarded")
            self._reply(request, answer)

    def _refuse(self, request: BaseHTTPRequestHandler, status: int) -> None:
        body = b"injected by the test"
        self._note(request, str(status))
        self._reply(request, Reply(status=status, headers={}, body=body, length=len(body)))

    @contextmanager
    def _upstream(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(*self._target, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def _take_drop(self, request: BaseHTTPRequestHandler) -> bool:
        with self._lock:
            if self._drops_left and self._drops(request.command, request.path):
                self._drops_left -= 1
                return True
        return False

    def _take_spoil(self, request: BaseHTTPRequestHandler) -> bool:
        with self._lock:
            if self._spoils_left and self._spoils(request.command, request.path):
                self._spoils_left -= 1
                return True
        return False

    def _note(self, request: BaseHTTPRequestHandler, done: str) -> None:
        with self._lock:
            self.seen.append((request.command, request.path, done))

    @staticmethod
    def _reply(request: BaseHTTPRequestHandler, reply: Reply) -> None:
        request.send_response(reply.status)
        for name, value in reply.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(reply.length))
        request.end_headers()
        request.wfile.write(reply.body)
        if len(reply.body) < reply.length:
            request.close_connection = True
