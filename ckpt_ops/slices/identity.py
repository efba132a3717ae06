"""What a slice is called: (source, key), and the revision that stands for its content.

A revision is a hash of *rows in order*, not of file bytes. The same rows in the same order are the
same revision however the source packed them: other row groups, another compression, dictionary
encoding or not, another version of the writer. Only which of a key's several files holds a row
counts, as files are pulled side by side. The same rows in another order are a different revision:
training reads a slice in its order, so an order that changed would change what a resumed run sees.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from blake3 import blake3

from ckpt_ops.errors import BadInput

if TYPE_CHECKING:
    from ckpt_ops.slices.manifest import Column, DataFile

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_REVISION = re.compile(r"[0-9a-f]{16}")


def check_key(key: str, *, field: str = "slice key") -> str:
    """The key itself when it can be one; `BadInput` otherwise.

    Keys of one source order in time as they order as strings, so pick a form that sorts:
    `2013-01-06`, `2013-W01`, `batch-000042`.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key) or ".." in key:
        raise BadInput(
            field,
            key,
            "1 to 64 letters, digits, '-', '_' or '.', not beginning with '.', without '..', "
            "such as '2013-01-06'",
        )
    return key


def check_revision(revision: str) -> str:
    """The revision itself when it can be one; `BadInput` otherwise."""
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        raise BadInput("slice revision", revision, "16 hexadecimal digits, such as '9f86d081884c7d65'")
    return revision


def revision_of(columns: Iterable[Column], files: Iterable[DataFile], *, mark: str = "") -> str:
    """The first 16 hex digits of blake3 over the sorted content manifest.

    Args:
        columns: in order; names, types and nullability count.
        files: in row order; their rows and how many each holds count, their bytes and names do not.
        mark: sets a revision apart from another of the same content.
    """
    lines = [f"column {column.name!r} {column.type} {column.nullable}" for column in columns]
    lines += [f"file data-{at:05d}.parquet {file.content} {file.rows}" for at, file in enumerate(files)]
    lines += [mark] if mark else []
    return blake3("\n".join(lines).encode()).hexdigest()[:16]


def digest(*texts: str) -> str:
    """16 hex digits that stand for texts in order."""
    return blake3(json.dumps(texts).encode()).hexdigest()[:16]
