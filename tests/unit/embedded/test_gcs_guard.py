"""Who reaches the objects of the server on this machine, and how little it can do if somebody does."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ckpt_ops.embedded import procfs
from ckpt_ops.embedded.gcs.guard import Guard
from ckpt_ops.embedded.gcs.refusals import Refused
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import StoreForbidden, TransientError
from ckpt_ops.store import GcsStore, open_store
from ckpt_ops.store.endpoint import SECRETS_VARIABLE, Endpoint

SECRET = "a-secret-of-some-length"


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


GOOD = {"host": "127.0.0.1:4443", "authorization": basic("ckpt-ops", SECRET)}


class TestGuard:
    guard = Guard(SECRET, hosts=("127.0.0.1", "localhost", "[::1]", "gcs"))

    @pytest.mark.parametrize(
        "other",
        [
            {},
            {"host": "GCS:4443"},
            {"host": "[::1]:80"},
            {"authorization": f"Bearer {SECRET}"},
            {"sec-fetch-site": "none"},
        ],
        ids=str,
    )
    def test_who_knows_the_secret_comes_in(self, other: Mapping[str, str]) -> None:
        self.guard.check({**GOOD, **other})

    @pytest.mark.parametrize(
        ("other", "status"),
        [
            ({"host": "attacker.example"}, 403),
            ({"host": "127.0.0.1.attacker.example:4443"}, 403),
            ({"host": ""}, 403),
            ({"origin": "https://attacker.example"}, 403),
            ({"origin": "null"}, 403),
            ({"origin": "http://127.0.0.1:4443"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"sec-fetch-site": "same-origin"}, 403),
            ({"authorization": ""}, 401),
            ({"authorization": "Basic"}, 401),
            ({"authorization": "Basic !!!"}, 401),
            ({"authorization": basic("ckpt-ops", "")}, 401),
            ({"authorization": basic("ckpt-ops", SECRET[:-1])}, 401),
            ({"authorization": basic("admin", SECRET)}, 401),
            ({"authorization": "Bearer"}, 401),
            ({"authorization": f"Digest {SECRET}"}, 401),
        ],
        ids=str,
    )
    def test_nobody_else(self, other: Mapping[str, str], status: int) -> None:
        with pytest.raises(Refused) as refused:
            self.guard.check({**GOOD, **other})
        assert refused.value.status == status
        assert SECRET not in refused.value.message

    def test_a_short_secret_is_none(self) -> None:
        with pytest.raises(ValueError, match="16 characters"):
            Guard("short", hosts=())


def ask(
    server: GcsServer, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body, dict(headers))
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def server(gcs_server: GcsServer) -> GcsServer:
    return gcs_server


@pytest.fixture
def known(server: GcsServer) -> dict[str, str]:
    return Endpoint.parse(server.endpoint).headers


UPLOADS = "/upload/storage/v1/b/ckpt-ops/o?uploadType="
ATTACKS = [
    ("POST", f"{UPLOADS}media&name=guard/x"),
    ("POST", f"{UPLOADS}media&name=..%2F..%2Fx"),
    ("POST", f"{UPLOADS}multipart"),
    ("POST", f"{UPLOADS}resumable&name=guard/x"),
    ("PUT", f"{UPLOADS}resumable&upload_id=guess"),
    ("POST", "/storage/v1/b"),
    ("GET", "/storage/v1/b"),
    ("GET", "/storage/v1/b/ckpt-ops/o"),
    ("GET", "/storage/v1/b/ckpt-ops/o/guard%2Fthere?alt=media"),
    ("GET", "/download/storage/v1/b/ckpt-ops/o/guard%2Fthere?alt=media"),
    ("PATCH", "/storage/v1/b/ckpt-ops/o/guard%2Fthere"),
    ("DELETE", "/storage/v1/b/ckpt-ops/o/guard%2Fthere"),
    ("POST", "/storage/v1/b/ckpt-ops/o/guard%2Fthere/copyTo/b/ckpt-ops/o/guard%2Fx"),
    ("OPTIONS", "/storage/v1/b/ckpt-ops/o"),
    ("GET", "/"),
]


@pytest.mark.parametrize(("method", "path"), ATTACKS, ids=lambda each: each)
class TestOverHttp:
    def test_without_the_secret_nothing_is_read_or_written(
        self, server: GcsServer, known: dict[str, str], method: str, path: str
    ) -> None:
        there = f"{UPLOADS}media&name=guard/there"
        assert ask(server, "POST", there, known, b"private")[0] == 200
        status, headers, body = ask(server, method, path, {}, b"" if method == "GET" else b"attack")
        assert status == 401
        assert b"private" not in body
        assert not {"www-authenticate", "access-control-allow-origin"} & headers.keys()
        assert [entry.name for entry in GcsStore(bucket="ckpt-ops", prefix="guard").list("")] == ["there"]

    def test_no_page_comes_in_even_with_it(
        self, server: GcsServer, known: dict[str, str], method: str, path: str
    ) -> None:
        for foreign in ({"Origin": "https://attacker.example"}, {"Host": "attacker.example"}):
            status, headers, _ = ask(server, method, path, {**known, **foreign}, b"attack")
            assert status == 403
            assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("name", ["../../x", "..", ".", "a/../b", "a/./b", "a/..", "x\ny", "", "x" * 1025])
def test_names_that_are_no_objects_are_refused_by_every_way_in(
    server: GcsServer, known: dict[str, str], name: str
) -> None:
    from urllib.parse import quote

    quoted, described = quote(name, safe=""), json.dumps({"name": name}).encode()
    multipart = (
        b"--b\r\nContent-Type: application/json\r\n\r\n%b\r\n--b\r\nContent-Type: x/y\r\n\r\n1\r\n--b--"
        % described
    )
    ask(server, "POST", f"{UPLOADS}media&name=guard/there", known, b"1")
    before = sorted((server.home / "gcs").rglob("*"))
    for method, path, headers, body in (
        ("POST", f"{UPLOADS}media&name={quoted}", {}, b"1"),
        ("POST", f"{UPLOADS}multipart", {"Content-Type": "multipart/related; boundary=b"}, multipart),
        ("POST", f"{UPLOADS}resumable", {}, described),
        ("POST", f"/storage/v1/b/ckpt-ops/o/guard%2Fthere/copyTo/b/ckpt-ops/o/{quoted or '..'}", {}, b""),
    ):
        status, _, reply = ask(server, method, path, {**known, **headers}, body)
        assert (status, json.loads(reply)["error"]["errors"][0]["reason"]) == (400, "invalid"), path
    assert sorted((server.home / "gcs").rglob("*")) == before


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "A", "ab", "-ab", "a" * 223, "a..b", None, 7, ["x"]])
def test_names_that_are_no_buckets_are_refused(
    server: GcsServer, known: dict[str, str], name: object
) -> None:
    status, _, _ = ask(server, "POST", "/storage/v1/b", known, json.dumps({"name": name}).encode())
    assert status == 400


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"{", b"[]", b"7", b'{"name": 1e999}', b"\xff\xfe", b'{"name":"' + b"x" * 2_000_000],
    ids=len,
)
def test_a_hostile_body_is_refused_and_the_server_serves_on(
    server: GcsServer, known: dict[str, str], body: bytes
) -> None:
    status, _, _ = ask(server, "POST", "/storage/v1/b", known, body)
    assert status in (400, 413)
    assert ask(server, "GET", "/healthz", {})[0] == 200


def test_the_server_is_not_root_and_its_files_are_its_own(server: GcsServer) -> None:
    assert server.child is not None
    status = Path(f"/proc/{server.child.pid}/status").read_text()
    users = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in users
    assert {str(path.stat().st_uid) for path in (server.home / "gcs").rglob("*")} == {users[0]}
    modes = {path.stat().st_mode & 0o077 for path in (server.home / "gcs" / "v2").iterdir() if path.is_dir()}
    assert modes == {0}


def test_the_secret_is_private_and_on_no_command_line(server: GcsServer) -> None:
    secret = server.home / "gcs-secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert server.child is not None
    assert server.child.pid is not None
    line = Path(f"/proc/{server.child.pid}/cmdline").read_bytes()
    assert secret.read_text().strip().encode() not in line
    assert procfs.identify(server.child.pid) is not None


def test_a_store_says_no_secret_and_which_command_gives_it(
    server: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRETS_VARIABLE, raising=False)  # of a store that an earlier test opened
    secret = (server.home / "gcs-secret").read_text().strip()
    without = GcsStore(
        bucket="ckpt-ops", prefix="guard", endpoint=Endpoint.parse(server.endpoint).url, deadline=5
    )
    for verb in (
        lambda: without.get("x"),
        lambda: without.put("x", b"1"),
        lambda: without.put_if_absent("x", b"1"),
        lambda: list(without.list("")),
        lambda: without.delete("x"),
    ):
        with pytest.raises(StoreForbidden, match=r"ckpt_ops\.embedded env"):
            verb()
    parts = urlsplit(server.endpoint)
    gone = GcsStore(
        bucket="ckpt-ops",
        endpoint=f"http://ckpt-ops:{secret}@127.0.0.1:{_closed_port()}",
        prefix="x",
        deadline=0.3,
    )
    assert parts.password == secret
    for verb in (lambda: gone.get("x"), lambda: list(gone.list("")), lambda: gone.put_if_absent("x", b"")):
        with pytest.raises(TransientError, match=r"127\.0\.0\.1") as caught:
            verb()
        shown: BaseException | None = caught.value
        while shown is not None:
            assert secret not in str(shown)
            shown = shown.__cause__
    assert secret not in gone.url
    assert open_store(gone.url)._endpoint.headers == Endpoint.parse(server.endpoint).headers


def _closed_port() -> int:
    from ckpt_ops.embedded.ports import free_port

    return free_port()


CONFINED = """
import os, socket, sys
from pathlib import Path
from ckpt_ops.embedded.gcs.confinement import confine
folder = Path(sys.argv[1])
if not confine(folder):
    sys.exit(77)
(folder / "own").write_text("1")
(folder / "own").rename(folder / "renamed")
for attempt in (
    lambda: open("/etc/passwd"),
    lambda: os.listdir("/"),
    lambda: open(folder.parent / "beside", "w"),
    lambda: os.rename(folder / "renamed", folder.parent / "beside"),
    lambda: os.link(folder / "renamed", folder.parent / "beside"),
    lambda: os.unlink(folder.parent / "victim"),
    lambda: os.execv("/bin/true", ["true"]),
):
    try:
        attempt()
    except OSError:
        continue
    print("was not refused")
    sys.exit(1)
"""


def test_a_confined_process_has_its_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "victim").write_text("1")
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this kernel has no Landlock")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "victim").exists()
    assert not (tmp_path / "beside").exists()
