"""Files that are larger than they look, or that never end, are refused after a few megabytes."""

from __future__ import annotations

import gzip
import resource
from pathlib import Path

import pytest
from landed import GOOD, KEY, Landed, written

from ckpt_ops.errors import SliceChanging
from ckpt_ops.slices.formats import raw
from ckpt_ops.slices.formats.lines import MAX_LINE
from ckpt_ops.store import LocalStore


def peak_megabytes() -> float:
    """Of this process so far, Arrow's buffers included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_ten_gigabytes_of_one_line_are_refused_after_a_few_megabytes(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    class Counting(LocalStore):
        def get_range(self, name: str, start: int, length: int) -> bytes:
            nonlocal read
            read += length
            return super().get_range(name, start, length)

    landed = Landed(tmp_path, ending, b"")
    with landed.path.open("wb") as file:
        file.write(b"n\n" if ending == ".csv" else b'{"word": "')
        file.truncate(10 * 2**30)  # a sparse file: the bytes are there to be read, the disk is not filled
    monkeypatch.setattr("ckpt_ops.slices.sources.files.open_store", lambda url: Counting(tmp_path))
    before = peak_megabytes()
    landed.refused(f"has a line of more than {MAX_LINE:,} bytes", "line 2" if ending == ".csv" else "line 1")
    assert read <= 16 * 2**20
    assert peak_megabytes() - before < 150


@pytest.mark.parametrize(
    ("ending", "head"), [(".csv.gz", b"n\n"), (".jsonl.gz", b'{"word": "')], ids=["csv", "jsonl"]
)
def test_one_endless_line_in_a_small_gzip(tmp_path: Path, ending: str, head: bytes) -> None:
    zipped = gzip.compress(head + b"7" * 60_000_000)
    assert len(zipped) < 100_000
    Landed(tmp_path, ending, zipped).refused("has a line of more than")


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet.gz"])
def test_a_zip_bomb_of_several_members_stops_at_its_bound(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "ALWAYS_ALLOWED", 2**20)
    head, line = (b"", b'{"n": 1}\n') if "json" in ending else (b"n\n", b"1\n")
    bomb = gzip.compress(head) + gzip.compress(line * 400_000) * 40
    Landed(tmp_path, ending, bomb).refused(
        "unzips to more than", "200 times", "or max_expansion of the source"
    )


def test_how_far_a_gzip_may_expand_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "ALWAYS_ALLOWED", 0)
    zipped = gzip.compress(b"n\n" + b"1\n" * 400_000)
    Landed(tmp_path, ".csv.gz", zipped, max_expansion=500).refused("500 times its own")
    assert Landed(tmp_path, ".csv.gz", zipped, max_expansion=2_000).table().num_rows == 400_000


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet.gz"])
def test_members_one_after_the_other_are_one_file(tmp_path: Path, ending: str) -> None:
    plain = written(ending.removesuffix(".gz"), GOOD)
    members = b"".join(gzip.compress(plain[at : at + 1000]) for at in range(0, len(plain), 1000))
    assert Landed(tmp_path, ending, members).table().equals(GOOD)


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet.gz"])
def test_a_gzip_that_is_cut_off_damaged_or_none(tmp_path: Path, ending: str) -> None:
    data = written(ending, GOOD)
    Landed(tmp_path, ending, data[:-9]).refused("is cut off: its gzip ends in the middle")
    Landed(tmp_path, ending, data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]).refused(
        "is not a whole gzip: CRC check failed"
    )
    Landed(tmp_path, ending, data + b"more").refused("is not a whole gzip: Not a gzipped file (b'mo')")
    Landed(tmp_path, ending, b"n,word\n1,a\n").refused("is not a whole gzip: Not a gzipped file")


def test_a_large_file_is_read_by_ranges_and_never_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "ONE_REQUEST", 0)
    monkeypatch.setattr(raw, "READ_AHEAD", 64)
    monkeypatch.setattr(LocalStore, "get", lambda self, name: pytest.fail("the whole object was asked for"))
    for at, ending in enumerate((".csv", ".jsonl.gz", ".parquet", ".parquet.gz")):
        landed = Landed(tmp_path / f"{at}", ending, written(ending, GOOD))
        assert landed.table().equals(GOOD), KEY


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_large_file_that_becomes_shorter_is_tried_again(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "ONE_REQUEST", 0)
    landed = Landed(tmp_path, ending, written(ending, GOOD))
    batches = landed.source.read(KEY)
    landed.path.write_bytes(written(ending, GOOD)[:1000])
    with pytest.raises(SliceChanging, match="became shorter while it was read"):
        list(batches)
