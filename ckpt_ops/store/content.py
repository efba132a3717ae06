"""What a name says about the object under it.

A chunk, and the code kept for a model, are named by the hash of their bytes, so whoever reads them can
tell whether they are whole. The entries of a log are numbered from 1 without a gap, so whoever lists them
can tell whether one is missing. Nothing else is known about other names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import blake3

_HASHED = re.compile(r"(?:chunks|models/[^/]+/code)/([0-9a-f]{2})/(\1[0-9a-f]{62})(?:\.tar)?")
_LOG_ENTRY = re.compile(r"((?:.*/)?log)/([0-9]+)\.json")


def chunk_name(digest: str) -> str:
    """The name of the chunk whose bytes have the blake3 hash `digest`."""
    return f"chunks/{digest[:2]}/{digest}"


def code_name(model: str, digest: str) -> str:
    """The name of the archive of code of `model` whose bytes have the blake3 hash `digest`."""
    return f"models/{model}/code/{digest[:2]}/{digest}.tar"


def digest_in(name: str) -> str | None:
    """The blake3 hash that `name` promises, or None when it promises none."""
    match = _HASHED.fullmatch(name)
    return match[2] if match else None


def is_intact(name: str, data: bytes) -> bool:
    """False only for bytes that do not have the hash in their name."""
    digest = digest_in(name)
    return digest is None or blake3.blake3(data).hexdigest() == digest


def is_log_entry(name: str) -> bool:
    """Whether `name` is a numbered entry of a log: `.../log/000012.json`."""
    return _LOG_ENTRY.fullmatch(name) is not None


def entry_before(name: str) -> str | None:
    """The log entry before `name`; None for the first, and for other names."""
    match = _LOG_ENTRY.fullmatch(name)
    if match is None or int(match[2]) <= 1:
        return None
    return f"{match[1]}/{int(match[2]) - 1:0{len(match[2])}d}.json"


def logs_in(names: Iterable[str]) -> dict[str, dict[int, str]]:
    """The log entries among `names`: by log, then by number."""
    logs: dict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        match = _LOG_ENTRY.fullmatch(name)
        if match:
            logs[match[1]][int(match[2])] = name
    return dict(logs)


def first_gap(names: Iterable[str], *, start: str = "") -> str | None:
    """The first log entry that must exist, because a later one does, and is not among `names`.

    Args:
        start: where the listing of `names` began: entries before it do not count as missing.
    """
    for log, entries in sorted(logs_in(names).items()):
        last, gap = max(entries), None
        digits = len(entries[last].removeprefix(f"{log}/").removesuffix(".json"))
        for number in range(last - 1, 0, -1):  # from the end: a long log is listed from there
            name = f"{log}/{number:0{digits}d}.json"
            if name < start:
                break
            if number not in entries:
                gap = name
        if gap:
            return gap
    return None
