"""Matches the parent's variables with today's: by name, an optimizer's by the variable that they follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ckpt_ops.transfer.evolve import Evolve
from ckpt_ops.transfer.structure import MODEL, OPTIMIZER, Structure, shown

_FAMILIES = {"adamw": "adam", "adam_w": "adam"}
"""Optimizers whose variables mean the same: AdamW differs from Adam only in how it decays weights."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What an optimizer keeps for a variable, or (with `follows` "") for itself.

    Attributes:
        optimizer: its class; those of one family have one name.
        follows: the name of the variable, as people read it.
        name: what is kept, such as "momentum".
    """

    optimizer: str
    follows: str
    name: str


Key = str | Slot


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The names of two structures, matched.

    Attributes:
        pairs: the parent's name by today's; None for a new variable.
        gone: the parent's names that match nothing of today.
        slots: the slot of each of today's variables that an optimizer keeps.
    """

    pairs: Mapping[str, str | None]
    gone: tuple[str, ...]
    slots: Mapping[str, Slot]


def is_seed(name: str) -> bool:
    """Whether a variable is the state of a random generator, which is not learned."""
    return name.endswith("seed_generator_state")


def is_weight(name: str) -> bool:
    """Whether a variable belongs to neither an optimizer nor a generator."""
    return not is_optimizers(name) and not is_seed(name)


def is_optimizers(name: str) -> bool:
    """Whether a variable belongs to an optimizer; in a `tf.Module`, by the attribute that leads to it."""
    *path, _ = name.split("/")
    return not name.startswith(MODEL) and any(part.endswith("optimizer") for part in path)


def match(before: Structure, after: Structure, evolve: Evolve) -> Matched:
    """Match each of today's variables with the parent's, renamed as `evolve` says."""
    olds = _keys(before.variables, lambda name: evolve.name_today(shown(name)))
    news = _keys(after.variables, shown)
    if _family(before.optimizer) != _family(after.optimizer) and before.optimizer and after.optimizer:
        olds = {name: key for name, key in olds.items() if not isinstance(key, Slot)}
    known = {key: name for name, key in olds.items()}
    pairs = {name: known.get(key) for name, key in news.items()}
    taken = set(pairs.values())
    return Matched(
        pairs=pairs,
        gone=tuple(name for name in before.variables if name not in taken),
        slots={name: key for name, key in news.items() if isinstance(key, Slot)},
    )


def _keys(names: Iterable[str], today: Callable[[str], str]) -> dict[str, Key]:
    """The key that identifies a variable in both structures, by its name in a checkpoint."""
    names = list(names)
    weights = [name for name in names if not name.startswith(OPTIMIZER)]
    joined = {shown(name).replace("/", "_"): name for name in weights if name.startswith(MODEL)}
    found: dict[str, Key] = {name: today(name) for name in weights}
    for name in names:
        if name.startswith(OPTIMIZER):
            found[name] = _slot(name, joined, today)
    return found


def _slot(name: str, joined: Mapping[str, str], today: Callable[[str], str]) -> Slot:
    """Keras names a slot `{path of the variable, joined by _}_{what it is}` below the optimizer's name."""
    owner, _, last = name.removeprefix(OPTIMIZER).rpartition("/")
    end = len(last)
    while (end := last.rfind("_", 0, end)) > 0:
        if last[:end] in joined:
            return Slot(optimizer=_family(owner), follows=today(joined[last[:end]]), name=last[end + 1 :])
    return Slot(optimizer=_family(owner), follows="", name=last)


def _family(optimizer: str) -> str:
    return _FAMILIES.get(optimizer, optimizer)
