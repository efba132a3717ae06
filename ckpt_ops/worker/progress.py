"""How work reports its progress: a line for people in its log, and the same as a record for programs.

`tell` does both; outside of a worker it only prints. A record in a form that this version does not know is
skipped: its line is in the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ckpt_ops.documents import BadDocument, parse
from ckpt_ops.worker import codec


@dataclass(frozen=True, kw_only=True)
class Note:
    """How far the work has come, as text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class StepsDone:
    """A training has made `step` of at most `last` optimizer steps.

    Attributes:
        metrics: the model's metrics over them, by name.
    """

    step: int
    last: int
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        numbers = " ".join(f"{name} {value:.4f}" for name, value in self.metrics.items())
        return f"step {self.step}/{self.last} {numbers}"


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved:
    """A checkpoint is committed: `uploaded` of its `nbytes` bytes were not in the store before."""

    step: int
    nbytes: int
    uploaded: int

    @property
    def text(self) -> str:
        return f"checkpoint at step {self.step}: {self.nbytes:,} bytes, {self.uploaded:,} new"


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """A training was measured on rows that are set apart from those it trains on.

    Attributes:
        best: whether this is its best value so far.
    """

    step: int
    metric: str
    value: float
    best: bool

    @property
    def text(self) -> str:
        best = ", the best" if self.best else ""
        return f"step {self.step}: {self.metric} {self.value:.4f} on the rows set apart{best}"


Progress = Note | StepsDone | LookedAt | CheckpointSaved

_KINDS: Mapping[str, type[Progress]] = {
    "note": Note,
    "steps_done": StepsDone,
    "looked_at": LookedAt,
    "checkpoint_saved": CheckpointSaved,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_file: list[Path] = []  # where this process keeps its records; none outside of a worker


def tell(progress: Progress) -> None:
    """Print it, and keep it as a record for whoever waits for this process."""
    print(progress.text, flush=True)
    for path in _file:
        with path.open("a", encoding="utf-8") as file:  # opened each time: seconds pass between records
            file.write(json.dumps({"kind": _NAMES[type(progress)], **codec.written(progress)}) + "\n")


def keep_in(path: Path) -> None:
    """From now on, `tell` also writes records to this file."""
    _file[:] = [path]


def kept_in(path: Path) -> list[Progress]:
    """The records in the file; none if there is no file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return list(records(lines[:-1]))


def records(lines: list[bytes]) -> Iterator[Progress]:
    """The records in whole lines of such a file."""
    for line in lines:
        try:
            record: dict[str, Any] = parse(line)
            kind = _KINDS.get(str(record.pop("kind", None)))
            if kind is not None:
                yield codec.read(kind, record)
        except BadDocument:
            continue
