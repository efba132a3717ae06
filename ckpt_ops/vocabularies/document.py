"""The vocabularies of a version as they are stored beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ckpt_ops.documents import BadDocument, DocumentKind
from ckpt_ops.vocabularies.growth import Grown, Known, Token, Waiting

_DOCUMENT = DocumentKind(
    what="set of vocabularies", indent=None, safe="nothing was trained or restored by it"
)


@dataclass(frozen=True, kw_only=True)
class StoredVocabulary:
    """The vocabulary of one column.

    `values`, `rows` and `seen` go together, entry by entry; so do `waiting`, `counts` and `waiting_seen`.
    """

    column: str
    buckets: int
    capacity: int
    slices: int
    values: tuple[str | int, ...]
    rows: tuple[int, ...]
    seen: tuple[int, ...]
    waiting: tuple[str | int, ...]
    counts: tuple[int, ...]
    waiting_seen: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class VocabularyDocument:
    """The vocabularies of one version.

    Attributes:
        model: the version's model; a document of another model is refused.
    """

    model: str
    vocabularies: tuple[StoredVocabulary, ...]


def encode(model: str, vocabularies: Mapping[str, Grown]) -> bytes:
    """The document as bytes. The same vocabularies give the same bytes."""
    stored = tuple(_stored(one) for _, one in sorted(vocabularies.items()))
    return _DOCUMENT.encode(VocabularyDocument(model=model, vocabularies=stored))


def decode(data: bytes, *, name: str, model: str) -> dict[str, Grown]:
    """By column. Raises `Corrupt`, naming the object: it is no such document, or another model's."""
    with _DOCUMENT.reading(name):
        found = _DOCUMENT.read(VocabularyDocument, data, name=name)
        if found.model != model:
            raise BadDocument(f"model is {found.model!r}, not {model!r}: it belongs to another model")
        return {one.column: _grown(one) for one in found.vocabularies}


def _stored(one: Grown) -> StoredVocabulary:
    known = sorted(one.known.items(), key=lambda item: item[1].row)
    waiting = sorted(one.waiting.items(), key=lambda item: str(item[0]))
    return StoredVocabulary(
        column=one.column,
        buckets=one.buckets,
        capacity=one.capacity,
        slices=one.slices,
        values=tuple(token for token, _ in known),
        rows=tuple(each.row for _, each in known),
        seen=tuple(each.seen for _, each in known),
        waiting=tuple(token for token, _ in waiting),
        counts=tuple(each.count for _, each in waiting),
        waiting_seen=tuple(each.seen for _, each in waiting),
    )


def _grown(one: StoredVocabulary) -> Grown:
    at = f"vocabulary of {one.column}"
    if not len(one.values) == len(one.rows) == len(one.seen) == len(set(one.values)) == len(set(one.rows)):
        raise BadDocument(f"{at}: values, rows and seen do not go together")
    if not len(one.waiting) == len(one.counts) == len(one.waiting_seen):
        raise BadDocument(f"{at}: waiting, counts and waiting_seen do not go together")
    if (
        one.buckets < 1
        or one.capacity < 1
        or not all(one.buckets <= row < one.buckets + one.capacity for row in one.rows)
    ):
        raise BadDocument(f"{at}: a row is not one of the {one.capacity} after the {one.buckets} shared ones")
    known: dict[Token, Known] = {
        token: Known(row=row, seen=seen)
        for token, row, seen in zip(one.values, one.rows, one.seen, strict=True)
    }
    waiting: dict[Token, Waiting] = {
        token: Waiting(count=count, seen=seen)
        for token, count, seen in zip(one.waiting, one.counts, one.waiting_seen, strict=True)
    }
    return Grown(
        column=one.column,
        buckets=one.buckets,
        capacity=one.capacity,
        slices=one.slices,
        known=known,
        waiting=waiting,
    )
