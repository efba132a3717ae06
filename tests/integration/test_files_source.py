"""A source of files on the real GCS API: names that are none, and names that only look strange."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import BadInput, SliceMissing
from ckpt_ops.slices import Files, pull, read_slice
from ckpt_ops.store import Store, open_store

SCHEMA = pa.schema([("n", pa.int64())])
KEY, NEXT = "2013-01-06", "2013-01-13"
YEAR = (datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))


@pytest.fixture
def landing(gcs_server: GcsServer, request: pytest.FixtureRequest) -> Store:
    return open_store(f"gs://ckpt-ops-landing/{request.node.name[:40]}")


def csv(*numbers: int) -> bytes:
    return b"n\n" + b"".join(b"%d\n" % number for number in numbers)


def test_strange_names_are_read_and_names_that_are_none_are_passed_over(landing: Store) -> None:
    source = Files(name="odd", url=landing.url, template="days/{key}/*.csv", schema=SCHEMA)
    odd = ["a b.csv", "ключ.csv", "100%.csv", "q?a=b#c.csv", "..csv.csv"]
    for at, name in enumerate(sorted(odd)):
        landing.put(f"days/{KEY}/{name}", csv(at))
    for name in (f"{KEY}/deep/x.csv", "2013-1-6/x.csv", "notes/x.csv", f"{KEY} /x.csv", f"{KEY}/x.txt"):
        landing.put(f"days/{name}", csv(9))
    assert source.keys(*YEAR) == [KEY]
    assert [name.rpartition("/")[2] for name in source.parts(KEY)] == sorted(odd)
    numbers = pa.Table.from_batches(source.read(KEY))["n"].to_pylist()
    assert numbers == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "key", ["..", "../up", "2013-01-06\n", "2013-01-06/../x", "2013 01 06", "ключ", "\x00"]
)
def test_keys_that_could_leave_the_folder_are_refused(landing: Store, key: str) -> None:
    source = Files(name="odd", url=landing.url, template="days/{key}.csv", schema=SCHEMA)
    for ask in (source.fingerprint, source.parts, source.read):
        with pytest.raises(BadInput, match="slice key"):
            ask(key)


def test_from_landing_to_the_store_and_the_next_slice_unharmed(landing: Store) -> None:
    store = open_store(f"{landing.url}/store")
    source = Files(name="days", url=landing.url, template="days/{key}-*.csv", schema=SCHEMA)
    landing.put(f"days/{KEY}-1.csv", csv(1, 2))
    landing.put(f"days/{KEY}-2.csv", csv(3))
    first = pull(store, source, KEY)
    assert read_slice(store, first)["n"].to_pylist() == [1, 2, 3]

    landing.put(f"days/{KEY}-2.csv", csv(4))
    corrected = pull(store, source, KEY)
    assert read_slice(store, corrected)["n"].to_pylist() == [1, 2, 4]
    assert first.files[0] == corrected.files[0], "what did not change is not written again"

    with pytest.raises(SliceMissing, match=r"no object gs://.*2013-01-13-\*\.csv"):
        pull(store, source, NEXT)
