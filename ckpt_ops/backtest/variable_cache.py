"""Which candidate the one model of a back-test holds, and those that it can return to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.candidates.one_model import OneModel
from ckpt_ops.pipeline.given import Given


@dataclass(frozen=True, kw_only=True, eq=False)
class _Kept:
    """What a candidate was given, and dtype and shape of each of its variables."""

    given: Given
    layout: dict[str, tuple[Any, tuple[int, ...]]]


class VariableCache:
    """Keeps the variables of candidates in files of `folder`, the bytes of one variable after the other.

    Not in memory: there is a candidate for each policy, and models may be large.
    """

    def __init__(self, model: OneModel, folder: Path) -> None:
        self._model, self._folder = model, folder
        self._kept: dict[str, _Kept] = {}
        self._at: str | None = None

    def given(self, candidate: str) -> Given:
        """What a kept candidate was given."""
        return self._kept[candidate].given

    def keep(self, candidate: str, given: Given) -> None:
        """The model holds this candidate now, and can return to it."""
        values = self._model.session.copy_values()
        with self._file(candidate).open("wb") as file:
            for value in values.values():
                file.write(value.tobytes())
        layout = {name: (value.dtype, value.shape) for name, value in values.items()}
        self._kept[candidate] = _Kept(given=given, layout=layout)
        self._at = candidate

    def restore_at(self, candidate: str) -> None:
        """Return the model to a kept candidate, with today's learning rate, as from a checkpoint."""
        if candidate == self._at:
            return
        session = self._model.built_for(self.given(candidate))
        session.assign({**self._values(candidate), **session.rates})
        self._at = candidate

    def leave(self) -> None:
        """The model trains on from here, and holds no candidate until the next `keep`."""
        self._at = None

    def only(self, candidates: Iterable[str]) -> None:
        """Drop every other candidate."""
        self._kept = {name: self._kept[name] for name in candidates if name in self._kept}
        kept = {self._file(candidate) for candidate in self._kept}
        for file in set(self._folder.iterdir()) - kept:
            file.unlink()

    def _values(self, candidate: str) -> dict[str, Any]:
        values = {}
        with self._file(candidate).open("rb") as file:
            for name, (dtype, shape) in self._kept[candidate].layout.items():
                size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
                values[name] = np.frombuffer(file.read(size), dtype).reshape(shape)
        return values

    def _file(self, candidate: str) -> Path:
        return self._folder / candidate
