"""What has to be the same at all workers of a gang, and how a worker that differs is told what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops.documents import read_as


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a worker is about to do, and with what.

    Attributes:
        candidate: id of the work; the same code, libraries, settings and history give the same.
        code: digest of the model's code.
        libraries: `name==version` each, Python's among them.
        settings: those that shape weights, by name, each as text.
    """

    candidate: str
    code: str
    libraries: tuple[str, ...]
    settings: Mapping[str, str]

    @classmethod
    def of(cls, *, candidate: str, code: str, libraries: list[str], config: Mapping[str, Any]) -> Facts:
        settings = {name: json.dumps(value, sort_keys=True) for name, value in config.items()}
        return cls(candidate=candidate, code=code, libraries=tuple(libraries), settings=settings)

    @classmethod
    def read(cls, document: object) -> Facts:
        """Raises `BadDocument`."""
        return read_as(cls, document)

    def written(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate,
            "code": self.code,
            "libraries": list(self.libraries),
            "settings": dict(self.settings),
        }


def differences(first: Facts, other: Facts, *, named: str) -> list[str]:
    """What is not the same, each as text; nothing when the two can work together.

    Args:
        named: who `other` is.
    """
    found = []
    if first.code != other.code:
        found.append(f"the model's code: digest {first.code} at worker 0, {other.code} at {named}")
    ours, theirs = (dict(one.split("==", 1) for one in each.libraries) for each in (first, other))
    found += [
        f"{name}: {ours.get(name, 'absent')} at worker 0, {theirs.get(name, 'absent')} at {named}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
    found += [
        f"setting {name}: {first.settings.get(name, 'not set')} at worker 0, "
        f"{other.settings.get(name, 'not set')} at {named}"
        for name in sorted(first.settings.keys() | other.settings.keys())
        if first.settings.get(name) != other.settings.get(name)
    ]
    if not found and first.candidate != other.candidate:
        found.append(
            f"the candidate: {first.candidate} at worker 0, {other.candidate} at {named}, which read another "
            "state of the log"
        )
    return found
