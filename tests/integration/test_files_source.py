"""A source of files, in a directory and on the real GCS API: several a slice, and strange names."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from ckpt_ops.errors import BadInput, SliceMissing, SliceUnreadable
from ckpt_ops.slices import Files, pull, read_slice
from ckpt_ops.slices.formats import raw
from ckpt_ops.store import GcsStore, LocalStore, Store

SCHEMA = pa.schema([("n", pa.int64())])
KEY, NEXT = "2013-01-06", "2013-01-13"
YEAR = (datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))


@pytest.fixture(params=["local", "gcs"])
def landing(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        (tmp_path / "landing").mkdir()
        return LocalStore(tmp_path / "landing")
    request.getfixturevalue("gcs_server")
    return GcsStore(bucket="ckpt-ops-landing", prefix=uuid.uuid4().hex, deadline=20)


@pytest.fixture
def source_of(landing: Store) -> Callable[..., Files]:
    """Makes a source of integers in the landing place."""

    def make(template: str, **options: Any) -> Files:
        return Files(name="days", url=landing.url, template=template, schema=SCHEMA, **options)

    return make


def csv(*numbers: int) -> bytes:
    return b"n\n" + b"".join(b"%d\n" % number for number in numbers)


def numbers(source: Files, key: str = KEY) -> list[int]:
    found: list[int] = pa.Table.from_batches(source.read(key))["n"].to_pylist()
    return found


# --- several files a slice -------------------------------------------------------------------------


def test_files_are_read_in_name_order_together_or_one_by_one(
    landing: Store, source_of: Callable[..., Files]
) -> None:
    source = source_of("days/{key}/part-*.csv")
    for at in (10, 9, 2):
        landing.put(f"days/{KEY}/part-{at:03d}.csv", csv(at))
    landing.put(f"days/{KEY}/notes.csv", csv(0))
    landing.put(f"days/{NEXT}/part-001.csv", csv(1))
    assert numbers(source) == [2, 9, 10]
    parts = list(source.parts(KEY))
    assert parts == [f"days/{KEY}/part-{at}.csv" for at in ("002", "009", "010")]
    by_part = [batch for part in parts for batch in source.read_part(KEY, part)]
    assert pa.Table.from_batches(by_part)["n"].to_pylist() == [2, 9, 10]
    assert source.keys(*YEAR) == [KEY, NEXT]


def test_a_fingerprint_changes_when_a_file_comes_goes_or_changes(
    landing: Store, source_of: Callable[..., Files]
) -> None:
    source = source_of("days/{key}-*.csv")
    with pytest.raises(SliceMissing, match=r"no object .*days/2013-01-06-\*\.csv"):
        source.fingerprint(KEY)
    seen = []
    landing.put(f"days/{KEY}-1.csv", csv(1))
    seen.append(source.fingerprint(KEY))
    assert source.fingerprint(KEY) == seen[0]
    landing.put(f"days/{KEY}-2.csv", csv(2))
    seen.append(source.fingerprint(KEY))
    landing.put(f"days/{KEY}-2.csv", csv(3))
    seen.append(source.fingerprint(KEY))
    landing.put(f"days/{NEXT}-1.csv", csv(3))
    assert source.fingerprint(KEY) == seen[-1], "another slice's file is none of its business"
    landing.delete(f"days/{KEY}-1.csv")
    seen.append(source.fingerprint(KEY))
    assert len(set(seen)) == len(seen)


def test_files_of_one_slice_have_the_same_columns(landing: Store, source_of: Callable[..., Files]) -> None:
    source = source_of("days/{key}-*.csv")
    landing.put(f"days/{KEY}-1.csv", csv(1))
    landing.put(f"days/{KEY}-2.csv", b"n,more\n2,x\n")
    with pytest.raises(SliceUnreadable, match=r"different columns: .*-2\.csv' alone has more"):
        numbers(source)


def test_a_file_that_is_not_the_slices_is_no_part_of_it(
    landing: Store, source_of: Callable[..., Files]
) -> None:
    source = source_of("days/{key}/*.csv")
    landing.put(f"days/{KEY}/1.csv", csv(1))
    landing.put(f"days/{NEXT}/1.csv", csv(1))
    landing.put("secret.csv", csv(42))
    for part in (f"days/{NEXT}/1.csv", "secret.csv", f"days/{KEY}/../../secret.csv", "/etc/passwd", ""):
        with pytest.raises(SliceMissing):
            source.read_part(KEY, part)


def test_a_large_file_comes_by_ranges(
    landing: Store, source_of: Callable[..., Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "ONE_REQUEST", 2**20)
    monkeypatch.setattr(type(landing), "get", lambda self, name: pytest.fail("it was asked for whole"))
    landing.put(f"days/{KEY}.csv", csv(*range(1_500_000)))
    assert numbers(source_of("days/{key}.csv")) == list(range(1_500_000))


def test_from_landing_to_the_store_and_the_next_slice_unharmed(
    landing: Store, source_of: Callable[..., Files], tmp_path: Path
) -> None:
    store, source = LocalStore(tmp_path), source_of("days/{key}-*.csv")
    landing.put(f"days/{KEY}-1.csv", csv(1, 2))
    landing.put(f"days/{KEY}-2.csv", csv(3))
    first = pull(store, source, KEY)
    assert read_slice(store, first)["n"].to_pylist() == [1, 2, 3]

    landing.put(f"days/{KEY}-2.csv", b"n\nmany\n4\nfew\n")
    with pytest.raises(SliceUnreadable, match=r"-2\.csv has 2 rows that do not parse, and 1 that do: line 2"):
        pull(store, source, KEY)
    landing.put(f"days/{NEXT}-1.csv", csv(5))
    assert read_slice(store, pull(store, source, NEXT))["n"].to_pylist() == [5]

    landing.put(f"days/{KEY}-2.csv", csv(4))
    corrected = pull(store, source, KEY)
    assert read_slice(store, corrected)["n"].to_pylist() == [1, 2, 4]
    assert first.files[0] == corrected.files[0], "what did not change is not written again"


# --- names -----------------------------------------------------------------------------------------


def test_strange_names_are_read_and_names_that_are_none_are_passed_over(
    landing: Store, source_of: Callable[..., Files]
) -> None:
    source = source_of("days/{key}/*.csv")
    odd = ["a b.csv", "ключ.csv", "100%.csv", "%2e%2e%2fx.csv", "q?a=b#c.csv", "..csv.csv", "'\"&\\.csv"]
    for at, name in enumerate(sorted(odd)):
        landing.put(f"days/{KEY}/{name}", csv(at))
    for name in (f"{KEY}/deep/x.csv", "2013-1-6/x.csv", "notes/x.csv", f"{KEY} /x.csv", f"{KEY}/x.txt"):
        landing.put(f"days/{name}", csv(9))
    assert source.keys(*YEAR) == [KEY]
    assert [name.rpartition("/")[2] for name in source.parts(KEY)] == sorted(odd)
    assert numbers(source) == list(range(len(odd)))


@pytest.mark.parametrize(
    "key",
    [
        "..",
        "../up",
        "2013-01-06\n",
        "2013-01-06/../x",
        "2013 01 06",
        "ключ",
        "\x00",
        "2013-01-06?x",
        "#",
        "%2e",
    ],
)
def test_keys_that_could_leave_the_folder_are_refused(source_of: Callable[..., Files], key: str) -> None:
    for source in (source_of("days/{key}.csv"), source_of("days/{key}/*.csv")):
        for ask in (source.fingerprint, source.parts, source.read):
            with pytest.raises(BadInput, match="slice key"):
                ask(key)
        with pytest.raises(BadInput, match="slice key"):
            source.read_part(key, "x.csv")


@pytest.mark.parametrize("name", ["a\nb.csv", "a\tb.csv", "\x1b[31m.csv"])
def test_a_file_whose_name_has_control_characters_is_not_left_out_unsaid(
    landing: Store, source_of: Callable[..., Files], name: str
) -> None:
    source = source_of("days/{key}/*.csv")
    landing.put(f"days/{KEY}/a.csv", csv(1))
    landing.put(f"days/{NEXT}/a.csv", csv(2))
    if isinstance(landing, GcsStore) and "\n" in name:
        with pytest.raises(requests.HTTPError, match="400"):  # by Google's rules as well
            land_as_it_is(landing, f"days/{KEY}/{name}", csv(9))
        return
    land_as_it_is(landing, f"days/{KEY}/{name}", csv(9))
    assert source.keys(*YEAR) == [KEY, NEXT]
    for ask in (source.fingerprint, source.parts, source.read):
        with pytest.raises(SliceUnreadable, match="has a name that no store takes") as caught:
            ask(KEY)
        assert repr(f"days/{KEY}/{name}") in str(caught.value)
    assert numbers(source, NEXT) == [2]


def test_a_file_whose_name_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY).mkdir()
    (tmp_path / KEY / b"caf\xe9.csv".decode("utf-8", "surrogateescape")).write_bytes(csv(1))
    source = Files(name="days", url=tmp_path.as_uri(), template="{key}/*.csv", schema=SCHEMA)
    assert source.keys(*YEAR) == [KEY]
    with pytest.raises(SliceUnreadable, match=r"(?s)'2013-01-06/caf\\udce9\.csv'.*rename it"):
        source.read(KEY)


def land_as_it_is(landing: Store, name: str, data: bytes) -> None:
    """Past our own store, which writes no such names: others do."""
    if isinstance(landing, LocalStore):
        (landing.root / name).write_bytes(data)
        return
    assert isinstance(landing, GcsStore)
    reply = requests.post(
        f"{landing._endpoint.url}/upload/storage/v1/b/{landing.bucket}/o",
        params={"uploadType": "media", "name": f"{landing.prefix}/{name}"},
        data=data,
        headers=landing._endpoint.headers,
        timeout=20,
    )
    reply.raise_for_status()
