"""A manifest that lies is refused before anything is made of it: it is bytes in a store like any other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.checkpoints import BackgroundWriter, Manifest, Snapshot, load_manifest, read_tensors
from ckpt_ops.checkpoints.chunks import CHUNK_BYTES, digest_of
from ckpt_ops.checkpoints.manifest import RowDelta
from ckpt_ops.checkpoints.segments import apply_delta
from ckpt_ops.checkpoints.sound import ROW_NUMBER
from ckpt_ops.errors import CkptOpsError, Corrupt, ModelCodeError
from ckpt_ops.store import LocalStore
from ckpt_ops.store.content import chunk_name

Said = dict[str, Any]
TABLE, PACKED = 0, 1  # segments of what is saved here


def tensors(step: int) -> dict[str, Any]:
    table = np.arange(64 * 4, dtype="float32").reshape(64, 4)
    table[[step, 40]] = -step
    return {
        "table": table,
        "bias": np.arange(3, dtype="int64"),
        "rate": np.float32(step),
        "flag": np.array([True]),
    }


def save(store: LocalStore, *steps: Snapshot, large: int = 512) -> None:
    with BackgroundWriter(
        store,
        describe=lambda at, segments: Manifest(
            model="m", version=1, step=at.step, parent=None, cursor={"epoch": 0}, slices=(("w1", "r1"),),
            segments=segments,
        ),
        name=lambda step: f"{step}.json",
        commit=lambda saved: None,
        large=large,
    ) as writer:  # fmt: skip
        for snapshot in steps:
            writer.submit(snapshot)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Two checkpoints; the second has a table with a row delta, and small tensors packed together."""
    store = LocalStore(tmp_path_factory.mktemp("store"))
    save(store, *(Snapshot(step=step, tensors=tensors(step)) for step in (1, 2)))
    return store


@pytest.fixture(scope="module")
def said(store: LocalStore) -> Said:
    """What the second one's manifest says."""
    found: Said = json.loads(store.get("2.json"))
    assert len(found["segments"][TABLE]["deltas"]) == 1
    assert len(found["segments"][PACKED]["tensors"]) == 3
    return found


def lie(said: Said, path: str, value: object) -> bytes:
    """The manifest with another value at `path`, such as `segments.0.chunks`; None takes it away."""
    told = copy.deepcopy(said)
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    at: Any = told
    for part in way:
        at = at[part]
    if value is None and isinstance(at, dict):
        del at[last]
    else:
        at[last] = value
    return json.dumps(told).encode()


def test_what_was_saved_is_sound(store: LocalStore) -> None:
    read = read_tensors(store, load_manifest(store, "2.json"))
    assert {name: array.tobytes() for name, array in read.items()} == {
        name: np.asarray(array).tobytes() for name, array in tensors(2).items()
    }


D = "ab" * 32
LIES: list[tuple[str, object, str]] = [
    ("segments.0.tensors.0.nbytes", 8 * CHUNK_BYTES, r"'table' has 33554432 bytes; .* has 1024"),
    ("segments.0.tensors.0.nbytes", 10**18, "'table' has 1000000000000000000 bytes"),
    ("segments.0.tensors.0.nbytes", 2**64, "a number of more than 64 bits"),
    ("segments.0.tensors.0.nbytes", 1024.0, "nbytes is 1024.0, not a whole number"),
    ("segments.0.tensors.0.nbytes", True, "nbytes is True"),
    ("segments.0.tensors.0.shape", [-1], "sizes of at least 0"),
    ("segments.0.tensors.0.shape", [-64, -4], "sizes of at least 0"),
    ("segments.0.tensors.0.shape", [64, 4.0], r"shape\[1\] is 4.0"),
    ("segments.0.tensors.0.shape", [64] * 65, "up to 64 sizes"),
    ("segments.0.tensors.0.shape", "64", "a list"),
    ("segments.0.tensors.0.shape", [0, 2**62, 2**62], "no memory could hold"),
    ("segments.0.tensors.0.dtype", "float64", "float64 of shape"),
    ("segments.0.tensors.0.dtype", "object", "dtype 'object', which is not a type of numbers"),
    ("segments.0.tensors.0.dtype", "<f4", "which is not a type of numbers"),
    ("segments.0.tensors.0.dtype", "U256", "which is not a type of numbers"),
    ("segments.0.tensors.0.offset", 4, "begins at 4, not at 0"),
    ("segments.1.tensors.1.offset", 0, "begins at 0, not at 24"),
    ("segments.1.tensors.1.offset", -8, "begins at -8"),
    ("segments.1.tensors.1.name", "bias", "'bias' a second time"),
    ("segments.1.tensors.1.name", "table", "'table' a second time"),
    ("segments.0.tensors", [], "holds no tensor"),
    ("segments.0.chunks", [], "has 0 chunks; 1024 bytes need 1"),
    ("segments.0.chunks", [D, D], "has 2 chunks"),
    ("segments.0.chunks", [5], r"chunks\[0\] is 5, not text"),
    ("segments.0.chunks", ["../../secret"], "not a blake3 hash of 64 hex digits"),
    ("segments.0.chunks", ["AB" * 32], "not a blake3 hash"),
    ("segments.0.deltas.0.rows", 0, "changes 0 rows of 'table', which has 64"),
    ("segments.0.deltas.0.rows", 65, "changes 65 rows"),
    ("segments.0.deltas.0.rows", -1, "changes -1 rows"),
    ("segments.0.deltas.0.chunks", [], "has 0 chunks"),
    ("segments.0.deltas.0.chunks", ["x"], "not a blake3 hash"),
    ("segments.1.deltas", [{"chunks": [D], "rows": 1}], "has row deltas and 3 tensors"),
    ("segments.0.deltas.0.rows", None, "lacks 'rows'"),
    ("segments", {}, "segments is a JSON object, not a list"),
    ("segments.0", None, r"segments\[0\] is None"),
    ("step", "x", "step is 'x', not a whole number"),
    ("step", -1, "step is -1"),
    ("step", 2**70, "step is a number of more than 64 bits"),
    ("version", 1.5, "version is 1.5"),
    ("model", 3, "model is 3, not text"),
    ("parent", 3, "parent is 3, not text"),
    ("cursor", [], "cursor is a list of 0"),
    ("cursor", {"epoch": [1]}, "cursor.epoch is not a single value"),
    ("slices", [["w1"]], "a list of 2"),
    ("structure", "deep", "structure is 'deep'"),
    ("schema", "2", "schema is '2'"),
    ("schema", None, "schema is None"),
    ("unheard", 1, "a field 'unheard'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "message"), LIES, ids=[f"{path}={value!r:.30}" for path, value, _ in LIES]
)
def test_a_lie_is_named_with_the_object(said: Said, path: str, value: object, message: str) -> None:
    with pytest.raises(Corrupt, match=rf"it\.json is not a valid manifest: .*{message}"):
        Manifest.decode(lie(said, path, value), name="it.json")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b'{"schema": 2, "step": ' + b"9" * 5000 + b"}",
        b'{"schema": 1e999}',
        b'{"schema": NaN}',
        b'{"schema": 2, "structure": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001,
    ],
    ids=["nested too deep", "5,000 digits", "1e999", "NaN", "a structure nested too deep"],
)
def test_json_that_no_reader_bears_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Corrupt, match=r"it\.json is not a valid manifest"):
        Manifest.decode(data, name="it.json")


def test_a_chunk_of_another_size_than_its_place_is_refused(store: LocalStore, said: Said) -> None:
    short = b"short"
    store.put(chunk_name(digest_of(short)), short)
    told = Manifest.decode(lie(said, "segments.0.chunks", [digest_of(short)]), name="it.json")
    with pytest.raises(Corrupt, match="has 5 bytes instead of 1024"):
        read_tensors(store, told)


def delta(numbers: list[int], width: int = 16) -> bytes:
    return np.array(numbers, ROW_NUMBER).tobytes() + b"\1" * (width * len(numbers))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (delta([3, 64]), "not ascending, or exceed the table's 64 rows"),
        (delta([3, 2**32 - 1]), "exceed the table"),
        (delta([3, 3]), "not ascending"),
        (delta([5, 3]), "not ascending"),
        (delta([3]), "20 bytes do not hold 2 rows"),
        (delta([3, 5])[:-1], "39 bytes do not hold 2 rows"),
        (delta([3, 5]) + b"x", "41 bytes do not hold 2 rows"),
    ],
)
def test_a_row_delta_changes_rows_that_are_there_each_once(
    store: LocalStore, said: Said, payload: bytes, message: str
) -> None:
    store.put(chunk_name(digest_of(payload)), payload)
    told = lie(said, "segments.0.deltas", [{"chunks": [digest_of(payload)], "rows": 2}])
    with pytest.raises(Corrupt, match=message):
        read_tensors(store, Manifest.decode(told, name="it.json"))


def test_the_rows_of_a_delta_are_set() -> None:
    table = np.zeros((64, 4), "float32")
    ones = np.ones((2, 4), "float32")
    apply_delta(table, RowDelta(chunks=(), rows=2), np.array([3, 63], ROW_NUMBER).tobytes() + ones.tobytes())
    assert np.flatnonzero(table.any(axis=1)).tolist() == [3, 63]


def test_text_is_refused_when_it_is_saved_and_not_when_it_is_needed(tmp_path: Path) -> None:
    text = Snapshot(step=1, tensors={"words": np.array(["a", "b"], object)})
    with pytest.raises(ModelCodeError, match="words has dtype object"):
        save(LocalStore(tmp_path), text)
    assert list(LocalStore(tmp_path).list("1.json")) == []


# --- any other lie --------------------------------------------------------------------------------


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a document."""
    if way:
        yield way
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield from places(inside, (*way, key))


near = st.sampled_from(
    [-1, 0, 1, 2, 3, 4, 63, 64, 65, 1024, CHUNK_BYTES, 2**31, 2**32, 2**62, 2**63, 2**64, 10**30]
)
dtypes = st.sampled_from(
    ["float32", "float64", "bfloat16", "int8", "bool", "int4", "object", "void8", "", "S8"]
)
other = (
    near
    | dtypes
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.none()
    | st.booleans()
    | st.lists(near, max_size=3)
    | st.dictionaries(st.text(max_size=3), near, max_size=2)
)


def mutate(draw: Callable[[st.SearchStrategy[Any]], Any], told: Said) -> None:
    """One value becomes another, goes away, or is there twice."""
    *way, last = draw(st.sampled_from(sorted(places(told), key=str)))
    at: Any = told
    for part in way:
        at = at[part]
    how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "again"]))
    if how == "replace" or not isinstance(at, list):
        at[last] = draw(other)
    elif how == "remove":
        del at[last]
    else:
        at.append(copy.deepcopy(at[last]))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_a_manifest_says_it_is_corrupt_or_can_be_read(
    store: LocalStore, said: Said, data: st.DataObject
) -> None:
    told = copy.deepcopy(said)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(data.draw, told)
        if not any(places(told)):
            break
    try:
        manifest = Manifest.decode(json.dumps(told).encode(), name="it.json")
    except Corrupt:
        return
    try:
        read = read_tensors(store, manifest)
    except CkptOpsError:
        return  # a chunk that is not there, or of another size
    assert {name: (array.dtype.name, array.shape) for name, array in read.items()} == {
        name: (entry.dtype, entry.shape) for name, entry in manifest.tensors.items()
    }
