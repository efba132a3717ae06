"""What must hold of buckets before the stack starts; asked of a GCS server, and of ones that refuse."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.embedded.ports import free_port
from ckpt_ops.errors import TerminalError
from ckpt_ops.store import GcsStore, open_store
from team import buckets

Serving = Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]]
STORE, LANDING = "CKPT_OPS_STORE", "CKPT_OPS_LANDING"


class Moody(BaseHTTPRequestHandler):
    """A GCS API server that has its own answer to some methods, and asks another server for the rest."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, tuple[int, object]]] = {}
    behind: ClassVar[str] = ""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command in Moody.answers or not Moody.behind:
            status, found = Moody.answers.get(self.command, (404, {}))
            data, headers = json.dumps(found).encode(), {"Content-Type": "application/json"}
        else:
            asked = {name: value for name, value in self.headers.items() if name != "Host"}
            reply = requests.request(
                self.command, Moody.behind + self.path, data=body, headers=asked, timeout=30
            )
            status, data = reply.status_code, reply.content
            kept = ("Content-Type", "X-Goog-Hash")
            headers = {name: reply.headers[name] for name in kept if name in reply.headers}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def moody(serving: Serving) -> Iterator[str]:
    with serving(Moody) as found:
        yield found


@pytest.fixture
def address(moody: str) -> str:
    """Where `Moody` answers; nothing stands behind it yet."""
    Moody.answers, Moody.behind = {}, ""
    return moody


def of(address: str, bucket: str = "ours") -> str:
    return f"gs://{bucket}/prefix?endpoint={address}"


@pytest.fixture
def name() -> str:
    return f"bucket-{uuid.uuid4().hex[:12]}"


class TestCreateLocal:
    def test_makes_each_bucket_once_and_finds_it_again(self, gcs_server: GcsServer, name: str) -> None:
        for _ in range(2):
            buckets.create_local(f"gs://{name}/store, gs://{name}-2/store", f"gs://{name}")
            for each in (name, f"{name}-2"):
                buckets.require_readable(STORE, f"gs://{each}")

    def test_makes_none_of_googles(
        self, gcs_server: GcsServer, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", "")
        buckets.create_local(f"gs://{name}")
        with pytest.raises(TerminalError, match=f"the bucket {name} does not exist"):
            buckets.require_readable(STORE, of(gcs_server.endpoint, name))

    def test_says_that_the_server_refused(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        Moody.answers = {"POST": (500, {})}
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        with pytest.raises(
            TerminalError, match=r"(?s)refused to make the bucket ours \(HTTP 500\).*logs gcs"
        ):
            buckets.create_local("gs://ours/store")

    def test_says_that_there_is_no_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """STORAGE_EMULATOR_HOST was left as it was, and COMPOSE_PROFILES is empty."""
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(TerminalError, match=r"(?s)nothing answers.*COMPOSE_PROFILES=local-gcs"):
            buckets.create_local("gs://ours/store")


class TestRequireWritable:
    def test_a_good_bucket_is_left_as_it_was(self, gcs_server: GcsServer, name: str) -> None:
        gcs_server.create_bucket(name)
        store = GcsStore(bucket=name, prefix="store")
        store.put("model/log/1", b"{}")
        buckets.require_writable(STORE, f"gs://{name}/store")
        assert [entry.name for entry in open_store(f"gs://{name}").list("")] == ["store/model/log/1"]

    def test_a_redundant_store_is_tried_as_one(self, gcs_server: GcsServer, name: str) -> None:
        urls = [f"gs://{name}-{number}/store" for number in (1, 2)]
        buckets.create_local(",".join(urls))
        buckets.require_writable(STORE, ",".join(urls))

    def test_a_bucket_that_is_not_there_is_named_with_its_variable(
        self, gcs_server: GcsServer, name: str
    ) -> None:
        with pytest.raises(
            TerminalError, match=f"{STORE}=gs://{name}/store: the bucket {name} does not exist"
        ):
            buckets.require_writable(STORE, f"gs://{name}/store")

    def test_a_refused_write_says_which_right_is_missing(self, address: str) -> None:
        """Credentials that may read only: the first training would have found out."""
        Moody.answers = {"POST": (403, {"error": {"message": "no storage.objects.create"}})}
        with pytest.raises(TerminalError) as refused:
            buckets.require_writable(STORE, of(address))
        assert refused.value.what.startswith(f"{STORE}=gs://ours")
        assert "roles/storage.objectUser" in refused.value.next

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ((403, {"error": {"message": "under retention"}}), "was refused"),
            ((200, {}), "a deleted object is still there"),
        ],
        ids=["refused", "not done"],
    )
    def test_a_bucket_that_keeps_what_is_deleted_is_refused(
        self, gcs_server: GcsServer, address: str, name: str, answer: tuple[int, object], words: str
    ) -> None:
        gcs_server.create_bucket(name)
        Moody.answers, Moody.behind = {"DELETE": answer}, gcs_server.endpoint
        url = of(address, name)
        with pytest.raises(TerminalError, match=f"{STORE}=gs://{name}.*{words}"):
            buckets.require_writable(STORE, url)

    def test_a_server_that_ignores_conditions_can_hold_no_log(self, address: str) -> None:
        """Two writers would both believe that they have won."""
        Moody.answers = {"POST": (200, {"name": "x", "bucket": "ours", "generation": "1"})}
        with pytest.raises(TerminalError, match="a conditional write was not honoured"):
            buckets.require_writable(STORE, of(address))

    @pytest.mark.parametrize("url", ["", "ckpt-ops", "s3://ours/store", "gs:///store"])
    def test_an_address_that_is_none_is_refused(self, url: str) -> None:
        with pytest.raises(TerminalError, match=f"{STORE}={url}: "):
            buckets.require_writable(STORE, url)


class TestRequireCredentials:
    def test_a_file_that_this_user_can_read_is_good_and_so_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "google.json").write_text("{}")
        buckets.require_credentials("GOOGLE_CREDENTIALS_FILE", str(tmp_path / "google.json"))
        buckets.require_credentials("GOOGLE_CREDENTIALS_FILE", "")

    def test_anything_else_is_refused_with_the_rights_that_it_needs(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "google.json"):  # a directory; nothing
            with pytest.raises(
                TerminalError, match=r"(?s)GOOGLE_CREDENTIALS_FILE.*chgrp 0 FILE && chmod 640"
            ):
                buckets.require_credentials("GOOGLE_CREDENTIALS_FILE", str(path))


class TestRequireReadable:
    def test_an_empty_bucket_is_good(self, gcs_server: GcsServer, name: str) -> None:
        gcs_server.create_bucket(name)
        buckets.require_readable(LANDING, f"gs://{name}")

    def test_nothing_is_written_to_it(self, gcs_server: GcsServer, name: str) -> None:
        gcs_server.create_bucket(name)
        buckets.require_readable(LANDING, f"gs://{name}")
        assert [*open_store(f"gs://{name}").list("")] == []

    def test_a_refused_list_names_the_variable(self, address: str) -> None:
        Moody.answers = {"GET": (403, {"error": {"message": "no storage.objects.list"}})}
        with pytest.raises(TerminalError, match=f"{LANDING}=gs://ours"):
            buckets.require_readable(LANDING, of(address))
