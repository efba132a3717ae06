"""What changed in a pipeline's code between two versions, by the copies that were kept with them."""

from __future__ import annotations

import difflib
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.code.kept import Kept, read_code
from ckpt_ops.store import Store


def code_diff(store: Store, state: LineageState, a: int, b: int) -> dict[str, Any]:
    """Every file that is not the same in both copies, by its name below the dags folder.

    Returns:
        `files`: name to a unified diff's lines; one line for a file that is not text. `functions`: what is
        called of the code, then and later, where that is different.

    Raises:
        BadInput: there is no such version, or no copy of its code was kept.
        ObjectNotFound, Corrupt: a copy is gone, or damaged.
    """
    of_a, of_b = _kept(store, state, a), _kept(store, state, b)
    names = sorted(of_a.files.keys() | of_b.files.keys())
    files = {name: _lines(name, of_a.files.get(name), of_b.files.get(name), a, b) for name in names}
    called = [(one.model, one.examples, one.inputs) for one in (of_a.functions, of_b.functions)]
    return {
        "model": state.model,
        "a": a,
        "b": b,
        "files": {name: lines for name, lines in files.items() if lines},
        "functions": None if called[0] == called[1] else {"a": list(called[0]), "b": list(called[1])},
    }


def _kept(store: Store, state: LineageState, number: int) -> Kept:
    version = state.version(number)
    name = version.trained.artifacts.get("code") if version.trained else None
    if name is None:
        raise BadInput(
            "version",
            number,
            f"a version of {state.model} with a copy of its code; this one is {version.status.value}, or was "
            "trained before copies were kept",
            next=f"ckpt-ops diff {state.model} without --code compares the digests",
        )
    return read_code(store, name)


def _lines(name: str, old: bytes | None, new: bytes | None, a: int, b: int) -> list[str]:
    """None of a file that is the same."""
    if old == new:
        return []
    before, after = (None if one is None else _text(one) for one in (old, new))
    if (old is not None and before is None) or (new is not None and after is None):
        sizes = " and ".join("none" if one is None else f"{len(one):,} bytes" for one in (old, new))
        return [f"not text: {sizes}"]
    return list(
        difflib.unified_diff(
            (before or "").splitlines(),
            (after or "").splitlines(),
            f"v{a}/{name}" if old is not None else "/dev/null",
            f"v{b}/{name}" if new is not None else "/dev/null",
            lineterm="",
        )
    ) or ["the same but for how its lines end"]


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
