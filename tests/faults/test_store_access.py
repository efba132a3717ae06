"""Who may do what: Google credentials and permissions, over https, in front of a real GCS API server.

The real service can't be made to revoke a key or to refuse a write at a given moment: `TokenService` grants
the tokens, and a proxy lets in whoever brings one that has not expired.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google.auth.credentials
import numpy as np
import pytest
from identity import ACCOUNT, TokenService, certificate
from proxy import FaultyProxy

from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Commits,
    Keep,
    Manifest,
    Snapshot,
    load_manifest,
    read_tensors,
)
from ckpt_ops.checkpoints.committed import committed
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import StoreForbidden, TerminalError
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import GcsStore

VERBS: dict[str, Callable[[GcsStore], Any]] = {
    "get": lambda store: store.get("a/object"),
    "get_range": lambda store: store.get_range("a/object", 0, 1),
    "put": lambda store: store.put("a/object", b"x"),
    "put_if_absent": lambda store: store.put_if_absent("a/object", b"x"),
    "list": lambda store: list(store.list("a/object")),
    "delete": lambda store: store.delete("a/object"),
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


@pytest.fixture(autouse=True)
def _only_this_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth would look up at Google, in the background, in which regions the account may work."""
    monkeypatch.setattr(
        google.auth.credentials.CredentialsWithRegionalAccessBoundary,
        "_is_regional_access_boundary_lookup_required",
        lambda credentials: False,
    )


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenService]:
    with TokenService(tmp_path) as running:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(running.key_file))
        yield running


@pytest.fixture
def proxy(
    gcs_server: GcsServer, tokens: TokenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultyProxy]:
    trusted, tls = certificate(tmp_path)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with FaultyProxy(gcs_server.endpoint, tls=tls, admits=tokens.admits) as running:
        yield running


@pytest.fixture
def store(proxy: FaultyProxy) -> GcsStore:
    prefix = f"access/{uuid.uuid4().hex}"
    return GcsStore(bucket="ckpt-ops", prefix=prefix, endpoint=proxy.endpoint, deadline=20)


# --- credentials --------------------------------------------------------------------------------


def test_application_default_credentials_are_asked_for_a_token_and_it_is_sent(
    store: GcsStore, tokens: TokenService, proxy: FaultyProxy
) -> None:
    store.put("a", b"x")
    assert store.get("a") == b"x"
    assert store.put_if_absent("b", b"y") is True
    assert [entry.name for entry in store.list("")] == ["a", "b"]
    store.delete("a")
    assert {done for _, _, done in proxy.seen} == {"forwarded"}, "a request came without the token"
    assert tokens.granted == ["token-1"], "one token is enough for an hour"
    (assertion,) = tokens.assertions
    assert assertion["iss"] == ACCOUNT
    assert assertion["scope"] == "https://www.googleapis.com/auth/devstorage.read_write"


@every_verb
def test_a_token_that_is_no_good_any_more_is_renewed(
    store: GcsStore, tokens: TokenService, proxy: FaultyProxy, verb: Callable[[GcsStore], Any]
) -> None:
    store.put("a/object", b"x")
    tokens.expire()
    proxy.seen.clear()
    verb(store)
    done = [done for _, _, done in proxy.seen]
    assert (done[0], done[-1]) == ("401", "forwarded")
    assert len(tokens.granted) > 1


@every_verb
@pytest.mark.parametrize("before", [False, True], ids=["from the start", "in the middle"])
def test_a_revoked_key_is_refused_at_once_and_says_what_to_do(
    store: GcsStore, tokens: TokenService, verb: Callable[[GcsStore], Any], before: bool
) -> None:
    if before:
        store.put("a/object", b"before")
        list(store.list(""))
    tokens.revoke()
    began = time.monotonic()
    with pytest.raises(StoreForbidden) as caught:
        verb(store)
    assert f"access to {store.url}/a/object was refused" in caught.value.what
    assert "invalid_grant" in caught.value.what
    assert caught.value.safe == "no object was changed"
    assert "renew the credentials" in caught.value.next
    assert isinstance(caught.value, TerminalError)
    assert time.monotonic() - began < 5, "asking again cannot help"


@pytest.mark.parametrize("verb", ["put", "list"])  # one of each client
def test_an_outage_of_the_token_service_is_ridden_through(
    store: GcsStore, tokens: TokenService, verb: str
) -> None:
    store.put("a/object", b"x")
    tokens.expire()
    tokens.unavailable(4)  # one more than google-auth tries by itself
    VERBS[verb](store)
    assert len(tokens.granted) > 1


# --- permissions --------------------------------------------------------------------------------


def read_only(proxy: FaultyProxy) -> None:
    proxy.unavailable(600, status=403, method="POST", path="/upload/")


@pytest.mark.parametrize("verb", ["put", "put_if_absent"])
def test_a_write_to_a_bucket_that_one_may_only_read_names_the_object_and_the_role(
    store: GcsStore, proxy: FaultyProxy, verb: str
) -> None:
    store.put("a", b"x")
    read_only(proxy)
    with pytest.raises(StoreForbidden) as caught:
        VERBS[verb](store)
    assert f"access to {store.url}/a/object was refused" in caught.value.what
    assert "403" in caught.value.what
    assert caught.value.safe == "no object was changed"
    assert "grant roles/storage.objectUser on gs://ckpt-ops" in caught.value.next
    assert [entry.name for entry in store.list("")] == ["a"]
    assert store.get("a") == b"x"


def test_a_save_to_a_bucket_that_became_read_only_is_raised_and_the_checkpoint_before_stands(
    store: GcsStore, proxy: FaultyProxy
) -> None:
    committing = Commits(store, CandidateLog(store, "m", 1).start_attempt(), Keep(last=1))
    with BackgroundWriter(
        store,
        describe=lambda at, segments: Manifest(
            model="m", version=1, step=at.step, parent=None, cursor={}, slices=(), segments=segments
        ),
        name=lambda step: f"models/m/v1/iter_num={step}/manifest-000001.json",
        commit=committing.commit,
    ) as writer:
        saved = {"weights": np.arange(1000, dtype="float32")}
        writer.submit(Snapshot(step=1, tensors=saved))
        writer.wait()
        read_only(proxy)
        writer.submit(Snapshot(step=2, tensors={"weights": saved["weights"] + 1}))
        with pytest.raises(StoreForbidden, match=r"chunks/[0-9a-f/]+ was refused"):
            writer.submit(Snapshot(step=3, tensors=saved))
    (commit,) = committed(store, "m", 1)
    assert commit.step == 1
    assert [entry.name for entry in store.list("models/") if "manifest" in entry.name] == [commit.manifest]
    restored = read_tensors(store, load_manifest(store, commit.manifest))
    assert restored["weights"].tobytes() == saved["weights"].tobytes()
