"""From an address to a store: it is cut at the bucket, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.store import GcsStore, LocalStore, ReplicatedStore, open_store

NONE = ["", "gs://", "gs:///x", "gs://#v2", "gs://a?b/c", "gs://bu cket/x", "gs://a/x\ny"]
ODD = ["exports#v2/daily", "a?b/c", "100%/x", "50%20off", "a#b?c=d&e%", "x?project=7", "sp ace/ü"]
SERVER = "http://127.0.0.1:4443"


@pytest.mark.parametrize("prefix", ["", "plain", "a/b", *ODD])
@pytest.mark.parametrize("endpoint", ["", f"?endpoint={SERVER}"])
def test_a_bucket_s_prefix_may_have_any_character_and_the_url_gives_it_back(
    prefix: str, endpoint: str
) -> None:
    url = f"gs://bucket/{prefix}".rstrip("/") + endpoint
    store = open_store(url)
    assert isinstance(store, GcsStore)
    assert (store.bucket, store.prefix, store.url) == ("bucket", prefix, url)


def test_a_slash_at_the_end_is_none_of_the_prefix() -> None:
    assert open_store("gs://bucket/a/").url == "gs://bucket/a"
    assert open_store(f"gs://bucket/?endpoint={SERVER}").url == f"gs://bucket?endpoint={SERVER}"


@pytest.mark.parametrize("name", ODD)
def test_a_directory_may_have_any_name_as_its_url_says_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    store = open_store((tmp_path / name).as_uri())
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / name
    assert open_store(store.url).url == store.url


@pytest.mark.parametrize("name", ["exports#v2/daily", "a?b/c", "100%/x", "sp ace"])
def test_a_directory_may_be_typed_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    store = open_store(f"file://{tmp_path}/{name}")
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / name


def test_each_of_several_keeps_its_own(tmp_path: Path) -> None:
    url = f"gs://a/x#1,gs://b/y?z?endpoint={SERVER},{tmp_path.as_uri()}"
    store = open_store(url)
    assert isinstance(store, ReplicatedStore)
    assert store.url == url


@pytest.mark.parametrize("url", [*NONE, "s3://a/b", "/data", "file://", "file://host/x", "file:data"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="store="):
        open_store(url)


def test_a_refusal_does_not_show_the_secret_of_an_endpoint() -> None:
    with pytest.raises(BadInput, match="bu cket") as caught:
        open_store("gs://bu cket/x?endpoint=http://me:hunter2@127.0.0.1:4443")
    assert "hunter2" not in str(caught.value)
