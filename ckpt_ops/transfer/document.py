"""A version's transfer as it is stored beside the version: what came from where, by which settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckpt_ops.documents import DocumentKind
from ckpt_ops.transfer.evolve import Evolve
from ckpt_ops.transfer.moves import AxisMove, Transfer, Variable
from ckpt_ops.values import describe

_DOCUMENT = DocumentKind(what="transfer between two structures of a model", indent=1)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How the model's predictions before its first step compare with those of its parent as it is served.

    Attributes:
        rows: held-out rows that both predicted.
        max_abs_difference: the largest between two predictions; 0 if the transfer kept the predictions of
            these rows bit for bit.
    """

    rows: int
    max_abs_difference: float


@dataclass(frozen=True, kw_only=True)
class AxisRuns:
    """One axis of a variable.

    Attributes:
        before, after: its length in the parent, and today.
        runs: (first position of today, first position in the parent, how many).
    """

    before: int
    after: int
    runs: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, kw_only=True)
class TransferredVariable:
    """One variable; see `moves.Variable`. Shapes and dtypes are [] and "" on the side that lacks it."""

    name: str
    move: str
    source: str
    shape_before: tuple[int, ...]
    dtype_before: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[AxisRuns, ...]
    zero_along: int | None
    like: str
    kept: int


@dataclass(frozen=True, kw_only=True)
class TransferDocument:
    """What is stored.

    Attributes:
        parent: number of the version whose checkpoint was transferred.
        manifest: its object name.
        evolve: the settings, as `values.describe` writes them.
        share_kept: the share of the parent's weights that go on, by number of values.
        changed: what differs of what layers hold beside variables.
        agreement: None if the parent's predictions are not known, or are of another form.
    """

    parent: int
    manifest: str
    evolve: Mapping[str, Any]
    share_kept: float
    variables: tuple[TransferredVariable, ...]
    changed: Mapping[str, str] = field(default_factory=dict)
    agreement: Agreement | None = None

    def encode(self) -> bytes:
        return _DOCUMENT.encode(self)

    @classmethod
    def decode(cls, data: bytes, *, name: str) -> TransferDocument:
        """Raises `Corrupt`, naming the object: `data` is no such document."""
        with _DOCUMENT.reading(name):
            return _DOCUMENT.read(cls, data, name=name)


def document_of(
    transfer: Transfer, evolve: Evolve, *, parent: int, manifest: str, agreement: Agreement | None = None
) -> TransferDocument:
    """The document of a transfer."""
    described = describe(evolve, at="evolve")
    return TransferDocument(
        parent=parent,
        manifest=manifest,
        evolve=described if isinstance(described, dict) else {},
        share_kept=transfer.share_kept,
        variables=tuple(map(_written, transfer.variables)),
        changed=transfer.changed,
        agreement=agreement,
    )


def _written(variable: Variable) -> TransferredVariable:
    before, after = variable.before, variable.after
    return TransferredVariable(
        name=variable.name,
        move=variable.move.value,
        source=variable.source,
        shape_before=before.shape if before else (),
        dtype_before=before.dtype if before else "",
        shape=after.shape if after else (),
        dtype=after.dtype if after else "",
        axes=tuple(
            AxisRuns(before=axis.before, after=axis.after, runs=tuple(_runs(axis))) for axis in variable.axes
        ),
        zero_along=variable.zero_along,
        like=variable.like,
        kept=variable.kept,
    )


def _runs(axis: AxisMove) -> Sequence[tuple[int, int, int]]:
    if axis.at is None:
        return [(0, 0, axis.kept)]
    runs: list[list[int]] = []
    for today, there in enumerate(axis.at):
        if there < 0:
            continue
        if runs and (today, there) == (runs[-1][0] + runs[-1][2], runs[-1][1] + runs[-1][2]):
            runs[-1][2] += 1
        else:
            runs.append([today, there, 1])
    return [(first, there, count) for first, there, count in runs]
