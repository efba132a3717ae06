"""A proxy in front of a real server that can be told to fail as a real one can't be made to."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class FaultyProxy:
    """Forwards HTTP from a free port of 127.0.0.1 to `target`; its faults apply to matching requests.

    Attributes:
        seen: (method, path, what was done) of every request, in order: "forwarded", a status, or "dropped".
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._lock = threading.Lock()
        self._unavailable_until = 0.0
        self._status = 503
        self._drops: Callable[[str, str], bool] = lambda method, path: False
        self._after_drop: Callable[[], None] = lambda: None
        self._drops_left = 0
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

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def unavailable(self, seconds: float, *, status: int = 503) -> None:
        """Answer everything with `status` for `seconds` from now on; 0 ends an outage."""
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

    def __enter__(self) -> FaultyProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if time.monotonic() < self._unavailable_until:
            self._note(request, str(self._status))
            self._reply(request, self._status, {}, b"injected by the test")
            return
        with self._upstream() as upstream:
            upstream.request(request.command, request.path, body, dict(request.headers.items()))
            reply = upstream.getresponse()
            content, headers = reply.read(), dict(reply.getheaders())
        if self._take_drop(request):
            self._note(request, "dropped")
            self._after_drop()
            request.close_connection = True
            return
        self._note(request, "forwarded")
        self._reply(request, reply.status, headers, content)

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

    def _note(self, request: BaseHTTPRequestHandler, done: str) -> None:
        with self._lock:
            self.seen.append((request.command, request.path, done))

    @staticmethod
    def _reply(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        request.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
