"""The manifest of a checkpoint: what it is, where its bytes are, what it was trained on.

A manifest is a pure function of the training state and of the devices it is on: it holds no time and no
host's name, so that an attempt which repeats a step writes the same bytes. Timing is in the commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ckpt_ops.checkpoints.placement import Placement
from ckpt_ops.checkpoints.sound import check
from ckpt_ops.documents import DocumentKind
from ckpt_ops.wire_names import as_stored

SCHEMA = 2  # schema 1 had no row deltas; it is read as chains without any


@dataclass(frozen=True, kw_only=True)
class TensorEntry:
    """A tensor inside a segment.

    Attributes:
        dtype: numpy's name of it.
        offset: where its bytes begin in the segment (row-major, little-endian).
        nbytes: how many there are.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int


@dataclass(frozen=True, kw_only=True)
class RowDelta:
    """Rows of a table that changed between two saves.

    Attributes:
        chunks: as a segment's; together they are the row numbers (uint32, little-endian), then
            the rows' bytes in that order.
        rows: how many.
    """

    chunks: tuple[str, ...]
    rows: int


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Bytes in chunks: one large tensor, or several small ones packed together.

    Attributes:
        chunks: blake3 of each chunk, in order; a chunk is the object `chunks/{first two}/{hash}`.
        deltas: applied in order to what `chunks` holds; only a segment of one tensor has any.
    """

    chunks: tuple[str, ...]
    tensors: tuple[TensorEntry, ...]
    deltas: tuple[RowDelta, ...] = ()

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def all_chunks(self) -> tuple[str, ...]:
        return self.chunks + tuple(chunk for delta in self.deltas for chunk in delta.chunks)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A checkpoint.

    Attributes:
        step: optimizer steps since the parent.
        parent: object name of the checkpoint that training resumed from, or None.
        cursor: the training's position in its data: enough to draw the very next batch.
        slices: (key, revision) of every slice revision that this candidate trains on.
        structure: the model's configuration, as its framework describes it.
        code_digest, lock_digest: of the model's code and of the libraries it runs on.
        libraries: those, `name==version` each; none in what older code wrote.
        placement: the devices that trained it; None where nobody said, and then it is not written.
    """

    model: str
    version: int
    step: int
    parent: str | None
    cursor: Mapping[str, int]
    slices: tuple[tuple[str, str], ...]
    segments: tuple[Segment, ...]
    code_digest: str = ""
    lock_digest: str = ""
    libraries: tuple[str, ...] = ()
    structure: Mapping[str, Any] = field(default_factory=dict)
    placement: Placement | None = None

    @property
    def nbytes(self) -> int:
        return sum(segment.nbytes for segment in self.segments)

    @property
    def chunks(self) -> tuple[str, ...]:
        """The digest of every chunk that is needed to restore, in order, each once."""
        return tuple(dict.fromkeys(chunk for segment in self.segments for chunk in segment.all_chunks))

    @property
    def tensors(self) -> dict[str, TensorEntry]:
        return {tensor.name: tensor for segment in self.segments for tensor in segment.tensors}

    def only(self, names: Collection[str]) -> Manifest:
        """With those segments alone whose tensors are all among `names`."""
        segments = tuple(one for one in self.segments if all(entry.name in names for entry in one.tensors))
        return replace(self, segments=segments)

    def encode(self) -> bytes:
        fields = as_stored(self)
        if self.placement is None:
            fields.pop("placement")
        elif not self.placement.strategy:  # later fields are left out at their default
            del fields["placement"]["strategy"], fields["placement"]["replicas"]
        return _DOCUMENT.encode(fields)

    @classmethod
    def decode(cls, data: bytes, *, name: str) -> Manifest:
        """A sound manifest: its sizes, offsets and chains can be relied on.

        Raises:
            Corrupt: naming the object: `data` is no sound manifest, or this code cannot read it.
        """
        with _DOCUMENT.reading(name):
            manifest = _DOCUMENT.read(cls, data, name=name)
            check(manifest)
            return manifest


_DOCUMENT = DocumentKind(
    what="manifest",
    schema=SCHEMA,
    upgrades={1: lambda fields: fields},
    indent=None,
    safe="no other checkpoint was touched; nothing was restored",
    next="restore that object from a replica, or resume from an earlier checkpoint",
)
