"""Examples in a folder: a file for each column, mapped into memory when it is read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

from ckpt_ops.errors import Corrupt
from ckpt_ops.lists import ListColumn
from ckpt_ops.scratch import IN_MEMORY, filling, raw
from ckpt_ops.texts import TextColumn
from ckpt_ops.training.examples import Examples, checked

_LISTING = "columns.json"


def can_be_written(examples: Examples) -> bool:
    """Whether every column is numbers, text, or lists of them; labels of positions are objects."""
    return all(_can_be_written(column) for _, column in _columns(examples))


def _can_be_written(column: Any) -> bool:
    if isinstance(column, ListColumn):
        pad = isinstance(column.pad, str | bool | int | float | np.number)
        return pad and _can_be_written(column.values)
    return isinstance(column, TextColumn) or not column.dtype.hasobject


def write_examples(examples: Examples, folder: Path) -> int:
    """Write the columns into `folder`, which is new; returns how many bytes.

    Raises:
        ScratchFull: the disk is full.
    """
    with filling(folder):
        folder.mkdir()
        written = _Written(folder)
        columns = [
            {"kind": kind, "name": name, **written.column(column)}
            for (kind, name), column in _columns(examples)
        ]
        listing = {
            "columns": columns,
            "files": written.digests,
            "missing": sorted(examples.missing),
            "label_lengths": dict(examples.label_lengths),
        }
        (folder / _LISTING).write_text(json.dumps(listing))
    return written.bytes


def read_examples(folder: Path) -> Examples:
    """What `write_examples` wrote. Large columns are maps of the files, not to be written to.

    Raises:
        FileNotFoundError: a file is not there.
        Corrupt: a file is not as it was written.
    """
    listing = json.loads((folder / _LISTING).read_bytes())
    for name, digest in listing["files"].items():
        if blake3(max_threads=blake3.AUTO).update_mmap(folder / name).hexdigest() != digest:
            raise Corrupt(f"{folder / name} is not as it was written")
    columns: dict[str, dict[str, Any]] = {
        "inputs": {},
        "labels": {},
        "segments": {},
        "weights": {},
        "groups": {},
    }
    for one in listing["columns"]:
        columns[one["kind"]][one["name"]] = _read(folder, one)
    return checked(
        inputs=columns["inputs"],
        labels=columns["labels"][""],
        segments=columns["segments"],
        weights=columns["weights"].get(""),
        groups=columns["groups"].get(""),
        missing=frozenset(listing["missing"]),
        label_lengths=listing["label_lengths"],
    )


def _columns(examples: Examples) -> Iterator[tuple[tuple[str, str], Any]]:
    for name, column in examples.inputs.items():
        yield ("inputs", name), column
    yield ("labels", ""), examples.labels
    for name, segment in examples.segments.items():
        yield ("segments", name), segment
    for kind, optional in (("weights", examples.weights), ("groups", examples.groups)):
        if optional is not None:
            yield (kind, ""), optional


class _Written:
    """The files that were written so far, with the digests of their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.digests: dict[str, str] = {}
        self.bytes = 0

    def column(self, column: Any) -> dict[str, Any]:
        if isinstance(column, ListColumn):
            return {
                "form": "lists",
                "values": self.column(column.values),
                "starts": self._array(column.starts),
                "lengths": self._array(column.lengths),
                "pad": column.pad.item() if isinstance(column.pad, np.generic) else column.pad,
                "length": column.length,
            }
        if isinstance(column, TextColumn):
            values = column.values
            _, offsets, data = values.buffers()
            ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
            text = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] if data else np.empty(0, np.uint8)
            return {
                "form": "text",
                "bytes": pa.types.is_large_binary(values.type),
                "codes": self._array(column.codes),
                "ends": self._array(ends - ends[0]),
                "text": self._array(text),
            }
        return {"form": "array", "array": self._array(column)}

    def _array(self, array: Any) -> str:
        name = f"{len(self.digests)}.npy"
        path = self._folder / name
        with path.open("wb") as file:
            plain = np.ascontiguousarray(array)
            header = np.lib.format.header_data_from_array_1_0(plain)
            np.lib.format.write_array_header_2_0(file, header)
            file.write(raw(plain))
        self.digests[name] = blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
        self.bytes += path.stat().st_size
        return name


def _read(folder: Path, one: dict[str, Any]) -> Any:
    if one["form"] == "lists":
        return ListColumn(
            values=_read(folder, one["values"]),
            starts=_mapped(folder / one["starts"]),
            lengths=_mapped(folder / one["lengths"]),
            pad=one["pad"],
            length=one["length"],
        )
    if one["form"] == "text":
        ends, text = _mapped(folder / one["ends"]), _mapped(folder / one["text"])
        kind = pa.large_binary() if one["bytes"] else pa.large_string()
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(text)]
        values = pa.Array.from_buffers(kind, len(ends) - 1, buffers)
        return TextColumn(codes=_mapped(folder / one["codes"]), values=values)
    return _mapped(folder / one["array"])


def _mapped(path: Path) -> Any:
    """Small ones are read: a map takes a descriptor each."""
    small = path.stat().st_size <= IN_MEMORY
    return np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
