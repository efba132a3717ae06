"""A page of another site, in a real browser on this machine, tries to reach the objects."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.store import GcsStore

pytestmark = pytest.mark.slow

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# every way in which a page can send something without asking first, and reading what it may
PAGE = Path(__file__).with_name("attack.html").read_text()


class Attacker(BaseHTTPRequestHandler):
    """Serves the page, and takes what it has to tell."""

    page: ClassVar[str] = ""
    said: ClassVar[dict[str, str]] = {}
    done: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self.reply(Attacker.page.encode())

    def do_POST(self) -> None:
        Attacker.said = dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.reply(b"")
        Attacker.done.set()

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Opens an address in a browser until the page has told how it went."""
    if BROWSER is None:
        pytest.skip("no chromium here")
    found: list[subprocess.Popen[bytes]] = []

    def open_it(address: str) -> None:
        Attacker.done.clear()
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]
        # the attacker's site has names of its own, and one of them was made to point at this machine
        hosts = "MAP attacker.example 127.0.0.1, MAP rebound.attacker.example 127.0.0.1"
        arguments += [f"--user-data-dir={tmp_path / 'profile'}", f"--host-resolver-rules={hosts}"]
        # a page of a public site may not even ask; what may ask is tried
        arguments += ["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"]
        found.append(
            subprocess.Popen(
                [str(BROWSER), *arguments, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
        assert Attacker.done.wait(60), "the page did not tell how it went"

    yield open_it
    for process in found:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "rebound.attacker.example"])
def test_nothing_is_read_or_written(
    gcs_server: GcsServer,
    browse: Callable[[str], None],
    serving: Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]],
    host: str,
) -> None:
    store = GcsStore(bucket="ckpt-ops", prefix="browser")
    store.put("there", b"private")
    Attacker.page = PAGE.replace("HOST", host).replace("PORT", str(gcs_server.port))
    with serving(Attacker) as address:
        browse(address.replace("127.0.0.1", "attacker.example"))
    # a request that a page may send without asking comes back opaque, whatever the answer was
    opaque = {"simple", "dots", "cookies"}
    sent = {**dict.fromkeys(opaque, "opaque"), "beacon": "true", "form": "sent"}
    assert Attacker.said == {
        **sent,
        **dict.fromkeys(("cors", "read", "list", "delete", "image", "script"), "failed"),
    }
    assert [(entry.name, store.get(entry.name)) for entry in store.list("")] == [("there", b"private")]
    assert not (gcs_server.home / "x").exists()
    assert not (gcs_server.home.parent / "x").exists()
