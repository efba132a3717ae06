"""Finds the DAG files whose code was edited, so that only these are parsed again.

Airflow sees by itself that a file changed which makes DAGs. What such a file imports it does not see: to
notice an edit of `pipeline.py` it would have to parse every DAG every few seconds, for nothing, a quarter
of a core. Looking at the times of the files costs next to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CODE = (".py", ".json")
_MARKS = (b"dag", b"airflow")  # Airflow looks at a file that has both

Times = dict[str, tuple[int, int]]


class EditedDags:
    """Remembers the files below a folder of DAGs as they were at the last look.

    Args:
        dags: the folder.
    """

    def __init__(self, dags: Path) -> None:
        self._dags = dags
        self._seen = self._times()

    def look(self) -> list[str]:
        """The files that make DAGs, relative to the folder, beside which code changed since the last look.

        A change right in the folder, or in one that makes no DAG, may matter to all of them: all are listed.
        """
        now = self._times()
        changed = {path for path, _ in now.items() ^ self._seen.items()}
        self._seen = now
        if not changed:
            return []
        folders = {path.partition(os.sep)[0] if os.sep in path else "" for path in changed}
        make_dags = sorted(path for path in now if path.endswith(".py") and self._makes_dags(path))
        of = {path.partition(os.sep)[0] for path in make_dags if os.sep in path}
        shared = folders - of
        return [path for path in make_dags if shared or path.partition(os.sep)[0] in folders]

    def _times(self) -> Times:
        return dict(self._below(self._dags))

    def _below(self, folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
        for path, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
            for name in files:
                if name.endswith(_CODE):
                    file = Path(path, name)
                    with suppress(OSError):  # gone meanwhile
                        found = file.stat()
                        yield str(file.relative_to(folder)), (found.st_mtime_ns, found.st_size)

    def _makes_dags(self, path: str) -> bool:
        with suppress(OSError):
            text = (self._dags / path).read_bytes().lower()
            return all(mark in text for mark in _MARKS)
        return False
