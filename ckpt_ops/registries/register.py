"""Make a registry match the log: what is missing is added, and production is moved to the head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckpt_ops.lineage import ModelLog
from ckpt_ops.registries.entry import Entry, entries
from ckpt_ops.registries.registry import Found, Registry
from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What was done to a registry, or would be.

    Attributes:
        added: numbers of the versions that it did not have.
        production: the version that is in production; None: none is, or it has no export.
        moved: production there was a different one, or none.
    """

    model: str
    registry: str
    added: tuple[int, ...]
    production: int | None
    moved: bool


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a registry lacks."""

    add: tuple[Entry, ...]
    production: int | None
    moved: bool


def changes(wanted: dict[int, Entry], head: int | None, found: Found) -> Changes:
    """What has to be done, in order: versions first, so that production is one that is there."""
    production = head if head in wanted else None
    if production is None:
        moved = found.production is not None
    else:
        moved = production not in found.ids or found.ids[production] != found.production
    add = tuple(one for number, one in wanted.items() if number not in found.ids)
    return Changes(add=add, production=production, moved=moved)


def register(
    store: Store,
    model: str,
    registry: Registry,
    *,
    dry_run: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> Registration:
    """Tell the registry what the model's log says; does nothing when it knows.

    An interruption loses nothing: the next call adds what is missing then.

    Raises:
        RegistryUnavailable, RegistryRefused: what was added before stays.
        BadInput: the store is a folder of one machine.
    """
    state = ModelLog(store, model).state()
    found = registry.read(model)
    todo = changes(entries(state, model, store.url), state.head, found)
    ids = dict(found.ids)
    if not dry_run:
        for entry in todo.add:
            ids[entry.version] = registry.add(entry)
            report(f"added version {entry.version} of {model} to {registry}")
        if todo.moved:
            registry.set_production(model, None if todo.production is None else ids[todo.production])
            now = "no version" if todo.production is None else f"version {todo.production}"
            report(f"production of {model} in {registry} is {now}")
    return Registration(
        model=model,
        registry=str(registry),
        added=tuple(one.version for one in todo.add),
        production=todo.production,
        moved=todo.moved,
    )
