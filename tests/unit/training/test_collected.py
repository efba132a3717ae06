"""Parts that are put together: what comes out is what went in, as codes, and in files where it is large."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckpt_ops import scratch
from ckpt_ops.errors import ModelCodeError, ScratchFull
from ckpt_ops.lists import ListColumn
from ckpt_ops.texts import TextColumn, text_column
from ckpt_ops.training import Collected, Examples, Lists

WORDS = st.lists(st.one_of(st.text(max_size=5), st.binary(max_size=3)), max_size=8)


def of(words: list[Any], **beside: Any) -> Examples:
    column = np.empty(len(words), object)
    column[:] = words
    return Examples(inputs={"word": column}, labels=np.zeros(len(words), np.float32), **beside)


def given_lists(*, labels: Any, **inputs: Any) -> Examples:
    return Examples(inputs=inputs, labels=labels)


def together(*parts: Examples) -> Any:
    collected = Collected(0)
    for part in parts:
        collected.add(part)
    return collected.examples()


@given(st.lists(WORDS, min_size=1, max_size=5))
@example([["a"], [b"a"]])
@example([[""], [b""]])
def test_text_comes_back_as_it_went_in(parts: list[list[Any]]) -> None:
    found = together(*map(of, parts)).inputs["word"]
    assert isinstance(found, TextColumn)
    given_words = [word for part in parts for word in part]
    as_bytes = any(isinstance(word, bytes) for word in given_words)
    wanted = [word.encode() if as_bytes and isinstance(word, str) else word for word in given_words]
    assert np.asarray(found).tolist() == wanted
    assert np.asarray(found[::-2]).tolist() == wanted[::-2]
    assert list(found) == wanted
    assert [found[row] for row in range(len(wanted))] == wanted


def test_a_value_is_kept_once_whichever_parts_it_comes_in() -> None:
    found = together(of(["a", "b", "a"]), of([]), of(["b", "c"])).inputs["word"]
    assert found.values.to_pylist() == ["a", "b", "c"]
    assert found.codes.tolist() == [0, 1, 0, 1, 2]
    assert found.codes.dtype == np.int32


def test_of_very_many_values_each_part_has_its_own() -> None:
    many = [str(number) for number in range(70_000)]
    found = together(of(many), of(["5", "x", "5"])).inputs["word"]
    assert np.asarray(found[-3:]).tolist() == ["5", "x", "5"]
    assert len(found.values) == 70_002


def test_some_rows_of_a_large_column_bring_their_values_alone() -> None:
    large = text_column(np.array([str(number) for number in range(1_000)], object))
    few = Examples(inputs={"word": large[[7, 3, 7]]}, labels=np.zeros(3))
    assert sorted(together(few).inputs["word"].values.to_pylist()) == ["3", "7"]


def test_lists_of_text_come_back_as_they_went_in() -> None:
    rows = [["a", "b"], [], ["b"], ["ä", "a", "a"]]
    parts = [
        given_lists(words=Lists(some, pad=""), labels=np.zeros(len(some))) for some in (rows[:2], rows[2:])
    ]
    found = together(*parts).inputs["words"]
    assert isinstance(found, ListColumn)
    assert isinstance(found.values, TextColumn)
    assert [found[row : row + 1].flat().tolist() for row in range(4)] == rows
    assert found.padded().tolist() == [["a", "b", ""], ["", "", ""], ["b", "", ""], ["ä", "a", "a"]]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A scratch folder; columns of more than 64 bytes lie in it."""
    monkeypatch.setenv(scratch.SCRATCH, str(tmp_path))
    monkeypatch.setattr(scratch, "IN_MEMORY", 64)
    return tmp_path


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["int16", "int64", "float32"])), max_size=5))
def test_rows_in_files_are_what_they_are_in_memory(parts: list[tuple[int, str]]) -> None:
    made = [
        Examples(
            inputs={
                "x": np.arange(3 * rows).reshape(rows, 3).astype(kind),
                "word": np.arange(rows).astype(str),
            },
            labels={"a": np.arange(rows).astype(kind), "b": np.ones((rows, 2))},
            weights=np.ones(rows),
        )
        for rows, kind in [(2, "int16"), *parts]
    ]
    in_memory = together(*made)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scratch, "IN_MEMORY", 64)
        in_files = together(*made)
    for name, column in in_memory.inputs.items():
        assert np.asarray(in_files.inputs[name]).tolist() == np.asarray(column).tolist()
        assert in_files.inputs[name].dtype == column.dtype
    assert in_files.labels.dtype == in_memory.labels.dtype
    for name in ("a", "b"):
        assert in_files.labels[name].tolist() == in_memory.labels[name].tolist()
    assert in_files.weights.tolist() == in_memory.weights.tolist()


def test_large_columns_lie_in_files_without_a_name(folder: Path) -> None:
    found = together(Examples(inputs={"x": np.arange(1_000.0)}, labels=np.zeros(1_000, np.int8)))
    assert isinstance(found.inputs["x"], np.memmap)
    assert isinstance(found.labels, np.memmap)
    assert not list(folder.iterdir())
    assert found.take(slice(3, 5)).inputs["x"].tolist() == [3.0, 4.0]
    with pytest.raises(ValueError, match="read-only"):
        found.inputs["x"][0] = 1


def test_what_will_not_fit_is_refused_at_the_first_large_part(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    collected = Collected(10**8)
    part = Examples(inputs={"x": np.zeros((1_000_000, 9))}, labels=np.zeros(1_000_000))
    with pytest.raises(
        ScratchFull, match=r"99,000,000 more rows .* 7,920,000,000 bytes and 1,000,000,000 are"
    ):
        collected.add(part)


def test_a_full_disk_is_a_clear_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(scratch, "open_nameless", lambda folder: Full())
    with pytest.raises(ScratchFull, match="the disk is full") as raised:
        together(Examples(inputs={"x": np.zeros(1_000)}, labels=np.zeros(1_000)))
    assert scratch.SCRATCH in raised.value.next


def test_lists_and_arrays_in_one_column_are_refused() -> None:
    lists = given_lists(x=Lists([[1], [2, 3]]), labels=np.zeros(2))
    arrays = Examples(inputs={"x": np.zeros(2)}, labels=np.zeros(2))
    for first, second, what in ((lists, arrays, "arrays"), (arrays, lists, "lists")):
        with pytest.raises(ModelCodeError, match=f"inputs x of {what} for some rows"):
            together(first, second)


def of_segments(*parts: Any) -> list[Any]:
    made = [
        Examples(inputs={"x": np.zeros(len(part))}, labels=np.zeros(len(part)), segments={"s": part})
        for part in parts
    ]
    return np.asarray(together(*made).segments["s"]).tolist()


def test_segments_may_be_anything() -> None:
    """Gates make text of them: what is missing, numbers, and whatever UTF-8 cannot hold."""
    missing, numbers = np.array(["a", None], object), np.array([1, 2], object)
    assert of_segments(missing, np.array(["b"], object)) == ["a", None, "b"]
    assert of_segments(np.array(["b"], object), missing) == ["b", "a", None]
    assert of_segments(numbers, missing) == [1, 2, "a", None]
    assert of_segments(np.array(["\ud800"], object)) == ["\ud800"]
    assert of_segments(np.array([1.5]), np.array(["a"], object)) == [1.5, "a"]


@pytest.mark.parametrize("nothing", [np.array([]), np.array([], object), np.array([], np.str_)])
def test_a_part_without_rows_has_no_say_in_what_a_column_is(nothing: Any) -> None:
    words = np.array(["a", "b"], object)
    for parts in ([nothing, words], [words, nothing], [words, nothing, words]):
        assert set(of_segments(*parts)) == {"a", "b"}
    empty = Examples(inputs={"w": nothing}, labels=np.zeros(0))
    full = Examples(inputs={"w": words}, labels=np.zeros(2))
    assert isinstance(together(empty, full).inputs["w"], TextColumn)
    assert np.asarray(together(full, empty).inputs["w"]).tolist() == ["a", "b"]
    assert together(empty, empty).rows == 0
