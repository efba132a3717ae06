"""Which candidate the one model of a back-test holds, and those that it can return to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.candidates.session import TrainingSession


class VariableCache:
    """Keeps the variables of candidates in files of `folder`, the bytes of one variable after the other.

    Not in memory: there is a candidate for each policy, and models may be large.
    """

    def __init__(self, session: TrainingSession, folder: Path) -> None:
        self._session, self._folder = session, folder
        self._layout = {name: (value.dtype, value.shape) for name, value in session.copy_values().items()}
        self._at: str | None = None

    def keep(self, candidate: str) -> None:
        """The model holds this candidate now, and can return to it."""
        with self._file(candidate).open("wb") as file:
            for value in self._session.copy_values().values():
                file.write(value.tobytes())
        self._at = candidate

    def restore_at(self, candidate: str) -> None:
        """Return the model to a kept candidate, with today's learning rate, as from a checkpoint."""
        if candidate == self._at:
            return
        self._session.assign({**self._values(candidate), **self._session.rates})
        self._at = candidate

    def leave(self) -> None:
        """The model trains on from here, and holds no candidate until the next `keep`."""
        self._at = None

    def only(self, candidates: Iterable[str]) -> None:
        """Drop every other candidate."""
        kept = {self._file(candidate) for candidate in candidates}
        for file in set(self._folder.iterdir()) - kept:
            file.unlink()

    def _values(self, candidate: str) -> dict[str, Any]:
        values = {}
        with self._file(candidate).open("rb") as file:
            for name, (dtype, shape) in self._layout.items():
                size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
                values[name] = np.frombuffer(file.read(size), dtype).reshape(shape)
        return values

    def _file(self, candidate: str) -> Path:
        return self._folder / candidate
