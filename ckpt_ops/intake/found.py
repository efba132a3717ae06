"""How what was found in a part of a slice is kept, until a verdict is made of it.

NAME-whole.json      what the parts had to know of the slice (`Beforehand`)
NAME.parquet         the rows of the part that are to be set aside, where there are any
NAME.json            all else; written last: without it, nothing of the part counts
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from ckpt_ops.documents import BadDocument, DocumentKind
from ckpt_ops.errors import Corrupt
from ckpt_ops.store import Store
from ckpt_ops.validation.bad_rows import RowNumbers
from ckpt_ops.validation.in_parts import Beforehand, PartFound
from ckpt_ops.validation.merging import Tally

_SAFE = "the slice and the log are untouched"
_NEXT = "delete the object, then validate the slice again, which evaluates the part again"
_FOUND = DocumentKind(what="evaluation of a part", numbered_by="format", safe=_SAFE, next=_NEXT)
_WHOLE = DocumentKind(what="look at a slice", numbered_by="format", safe=_SAFE, next=_NEXT)
_PLACE, _ROW = "at", "row"
_NO_PLACE = -1
"""For rows of which there are too many to keep what each fails."""


@dataclass(frozen=True, kw_only=True)
class KeptPart:
    """A `PartFound` as its JSON has it; `bad_rows` is the blake3 of the rows beside it, "" without any."""

    rows: int
    tallies: tuple[Tally, ...]
    bad_rows: str


def write_found(store: Store, name: str, found: PartFound) -> None:
    """Keep it under `name`. A repeated call writes the same."""
    failing = found.failing or ({_NO_PLACE: found.bad} if len(found.bad) else {})
    kept = b""
    if failing:
        places = [np.full(len(numbers), at, np.int32) for at, numbers in failing.items()]
        columns = {_PLACE: np.concatenate(places), _ROW: np.concatenate(list(failing.values()))}
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns), sink, compression="zstd")
        kept = sink.getvalue().to_pybytes()
        store.put(f"{name}.parquet", kept)
    document = KeptPart(
        rows=found.rows,
        tallies=found.tallies,
        bad_rows=blake3(kept).hexdigest() if kept else "",
    )
    store.put(f"{name}.json", _FOUND.encode(document))


def read_found(store: Store, name: str) -> PartFound:
    """What `write_found` kept. Raises `ObjectNotFound`, `Corrupt`."""
    url = _url(store, f"{name}.json")
    kept = _FOUND.read(KeptPart, store.get(f"{name}.json"), name=url)
    with _FOUND.reading(url):
        _check_texts(kept.tallies)
    failing = _read_rows(store, f"{name}.parquet", kept) if kept.bad_rows else {}
    bad = np.unique(np.concatenate([np.empty(0, np.int64), *failing.values()]))
    failing.pop(_NO_PLACE, None)
    return PartFound(rows=kept.rows, tallies=kept.tallies, bad=bad, failing=failing)


def write_beforehand(store: Store, name: str, beforehand: Beforehand) -> None:
    """Keep it under `name`."""
    store.put(f"{name}-whole.json", _WHOLE.encode(beforehand))


def read_beforehand(store: Store, name: str) -> Beforehand:
    """What `write_beforehand` kept. Raises `ObjectNotFound`, `Corrupt`."""
    name = f"{name}-whole.json"
    return _WHOLE.read(Beforehand, store.get(name), name=_url(store, name))


def _url(store: Store, name: str) -> str:
    return f"{store.url.rstrip('/')}/{name}"


def _check_texts(tallies: tuple[Tally, ...]) -> None:
    for tally in tallies:
        for text in (*tally.examples, *filter(None, [tally.crash])):
            try:
                json.loads(text)
            except (ValueError, RecursionError) as error:
                raise BadDocument(f"an example of tally {tally.at} is no JSON") from error


def _read_rows(store: Store, name: str, kept: KeptPart) -> dict[int, RowNumbers]:
    data = store.get(name)
    if blake3(data).hexdigest() != kept.bad_rows:
        raise Corrupt(f"{_url(store, name)} is not what was written", safe=_SAFE, next=_NEXT)
    table = pq.read_table(pa.BufferReader(data), use_threads=False)
    places, rows = (table.column(each).to_numpy() for each in (_PLACE, _ROW))
    known = {tally.at for tally in kept.tallies} | {_NO_PLACE}
    found = {int(at): rows[places == at] for at in np.unique(places)}
    if found.keys() - known or (len(rows) and not 0 <= rows.min() <= rows.max() < kept.rows):
        raise Corrupt(f"{_url(store, name)} names rows that are not there", safe=_SAFE, next=_NEXT)
    return found
