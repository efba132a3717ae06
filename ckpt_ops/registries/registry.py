"""What a registry has to be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ckpt_ops.registries.entry import Entry


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a registry has of a model.

    Attributes:
        ids: by our version, the registry's own name of it.
        production: the registry's name of what it calls production; None: nothing.
    """

    ids: Mapping[int, str] = field(default_factory=dict)
    production: str | None = None


@runtime_checkable
class Registry(Protocol):
    """A registry of models. Each method may be called again after it failed or was interrupted.

    Raises, each of them:
        RegistryUnavailable: it does not answer; later it may.
        RegistryRefused: it refuses for good: a login, a permission, a name.
    """

    def __str__(self) -> str:
        """What and where it is, without a secret."""
        ...

    def read(self, model: str) -> Found:
        """What it has of the model; nothing of one that it does not know."""
        ...

    def add(self, entry: Entry) -> str:
        """Add a version, and the model if it is the first; returns the registry's own name of it."""
        ...

    def set_production(self, model: str, id: str | None) -> None:
        """Let production be the version that it knows as `id`; None: no version is."""
        ...
