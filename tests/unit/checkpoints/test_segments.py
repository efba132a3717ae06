"""What a save writes, given the save before: all of it, the rows that changed, or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.checkpoints import Snapshot
from ckpt_ops.checkpoints.chunks import CHUNK_BYTES, digest_of, split
from ckpt_ops.checkpoints.segments import CHAIN, Encoded, apply_delta, changed_rows, encode

Array = npt.NDArray[Any]


class Kept:
    """Takes chunks as a store would, and counts their bytes."""

    def __init__(self) -> None:
        self.chunks: dict[str, bytes] = {}
        self.written = 0

    def put(self, data: memoryview) -> tuple[str, ...]:
        digests = tuple(digest_of(piece) for piece in split(data))
        for digest, piece in zip(digests, split(data), strict=True):
            self.chunks[digest] = bytes(piece)
            self.written += len(piece)
        return digests

    def read(self, encoded: Encoded) -> dict[str, Array]:
        """What a restore would make of it."""
        found: dict[str, Array] = {}
        for segment in encoded.segments:
            data = bytearray(b"".join(self.chunks[chunk] for chunk in segment.chunks))
            for entry in segment.tensors:
                flat = np.frombuffer(data, entry.dtype, offset=entry.offset, count=int(np.prod(entry.shape)))
                found[entry.name] = flat.reshape(entry.shape)
            for delta in segment.deltas:
                payload = b"".join(self.chunks[chunk] for chunk in delta.chunks)
                apply_delta(found[segment.tensors[0].name], delta, payload)
        return found


def snapshot(step: int, **tensors: Array) -> Snapshot:
    return Snapshot(step=step, tensors=tensors)


def table(rows: int = 4000, columns: int = 8, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype("float32")


def moved(array: Array, rows: list[int]) -> Array:
    changed = array.copy()
    changed[rows] += 1
    return changed


LARGE = 1024  # so that small tables of tests count as large


def test_a_first_save_writes_everything() -> None:
    kept, one = Kept(), table()
    encoded = encode(snapshot(1, table=one, bias=np.float32(3)), Encoded(), kept.put, large=LARGE)
    assert kept.written == one.nbytes + 4
    assert kept.read(encoded)["table"].tobytes() == one.tobytes()
    assert kept.read(encoded)["bias"] == 3


def test_a_second_save_writes_the_rows_that_changed() -> None:
    kept, one = Kept(), table()
    before = encode(snapshot(1, table=one), Encoded(), kept.put, large=LARGE)
    kept.written = 0
    other = moved(one, [3, 17, 3999])
    after = encode(snapshot(2, table=other), before, kept.put, large=LARGE)
    assert kept.written == 3 * (4 + one.itemsize * one.shape[1])
    assert kept.read(after)["table"].tobytes() == other.tobytes()
    assert kept.read(before)["table"].tobytes() == one.tobytes(), "the save before is what it was"


def test_an_unchanged_table_writes_nothing_whether_or_not_it_is_the_same_buffer() -> None:
    kept, one = Kept(), table()
    before = encode(snapshot(1, table=one), Encoded(), kept.put, large=LARGE)
    kept.written = 0
    assert encode(snapshot(2, table=one), before, kept.put, large=LARGE).segments == before.segments
    assert encode(snapshot(2, table=one.copy()), before, kept.put, large=LARGE).segments == before.segments
    assert kept.written == 0


def test_past_half_changed_a_table_is_written_whole_and_not_compared_again() -> None:
    kept, one = Kept(), table()
    before = encode(snapshot(1, table=one), Encoded(), kept.put, large=LARGE)
    after = encode(snapshot(2, table=one + 1), before, kept.put, large=LARGE)
    assert after.segments[0].deltas == ()
    assert after.dense == {"table"}
    assert after.tables == {}, "a table that changes densely is not held"
    again = encode(snapshot(3, table=one + 2), after, kept.put, large=LARGE)
    assert again.tables == {}
    assert kept.read(again)["table"].tobytes() == (one + 2).tobytes()


def test_a_chain_ends_after_its_cap_and_when_it_weighs_half_the_table() -> None:
    kept, values = Kept(), table()
    encoded = encode(snapshot(0, table=values), Encoded(), kept.put, large=LARGE)
    lengths = []
    for step in range(1, CHAIN + 3):
        values = moved(values, [step])
        encoded = encode(snapshot(step, table=values), encoded, kept.put, large=LARGE)
        lengths.append(len(encoded.segments[0].deltas))
    assert lengths == [*range(1, CHAIN + 1), 0, 1]
    half = list(range(0, 4000, 3))
    heavy = encode(snapshot(20, table=moved(values, half)), encoded, kept.put, large=LARGE)
    heavier = encode(snapshot(21, table=moved(moved(values, half), half)), heavy, kept.put, large=LARGE)
    assert len(heavy.segments[0].deltas) == 2
    assert heavier.segments[0].deltas == ()


def test_a_table_of_another_shape_or_dtype_is_written_whole() -> None:
    kept, one = Kept(), table()
    before = encode(snapshot(1, table=one), Encoded(), kept.put, large=LARGE)
    for other in (table(rows=4001), one.astype("float64")):
        after = encode(snapshot(2, table=other), before, kept.put, large=LARGE)
        assert after.segments[0].deltas == ()
        assert kept.read(after)["table"].tobytes() == other.tobytes()


def test_a_large_tensor_is_cut_into_chunks_and_one_that_did_not_change_is_found_again() -> None:
    kept = Kept()
    flat = np.arange(3 * CHUNK_BYTES // 8 + 5, dtype="int64")  # one dimension: no rows to compare
    before = encode(snapshot(1, flat=flat), Encoded(), kept.put)
    changed = flat.copy()
    changed[-1] = -1
    after = encode(snapshot(2, flat=changed), before, kept.put)
    assert len(before.segments[0].chunks) == 4
    assert before.segments[0].chunks[:3] == after.segments[0].chunks[:3]
    assert before.segments[0].chunks[3] != after.segments[0].chunks[3]


DTYPES = ["float32", "float64", "float16", "int8", "int64", "bool", "uint16"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_series_of_saves_is_read_back_to_the_bit(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    rows, columns = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 9))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    values = draw.integers(0, 2, (rows, columns)).astype(dtype)
    kept, encoded, series = Kept(), Encoded(), []
    for step in range(data.draw(st.integers(1, 12))):
        count = data.draw(st.integers(0, rows))
        values = values.copy()
        values[draw.choice(rows, count, replace=False)] = draw.integers(0, 2, (count, columns)).astype(dtype)
        encoded = encode(snapshot(step, table=values), encoded, kept.put, large=1)
        series.append((encoded, values))
    for saved, expected in series:
        assert kept.read(saved)["table"].tobytes() == expected.tobytes()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 5000),
    columns=st.integers(1, 7),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["uint8", "float32", "float64"]),
)
def test_changed_rows_are_exactly_those_whose_bytes_differ(
    rows: int, columns: int, share: float, seed: int, dtype: str
) -> None:
    draw = np.random.default_rng(seed)
    old = draw.integers(0, 100, (rows, columns)).astype(dtype)
    new = old.copy()
    expected = np.sort(draw.choice(rows, int(share * rows), replace=False))
    new[expected, draw.integers(0, columns, len(expected))] += 1
    found = changed_rows(old, new)
    if found is None:
        assert len(expected) > rows // 2 or share > 0.4, "only a table that is about half changed may be None"
    else:
        assert found.tolist() == expected.tolist()


def test_bytes_count_not_values() -> None:
    old = np.zeros((100, 2), "float32")
    new = old.copy()
    new[5] = -0.0
    old[7], new[7] = np.nan, np.nan
    rows = changed_rows(old, new)
    assert rows is not None
    assert rows.tolist() == [5]


@pytest.mark.parametrize("columns", [1, 3, 4, 5])
def test_rows_of_any_width_are_compared(columns: int) -> None:
    old = np.zeros((200, columns), "uint8")
    new = old.copy()
    new[[0, 150], -1] = 1
    rows = changed_rows(old, new)
    assert rows is not None
    assert rows.tolist() == [0, 150]
