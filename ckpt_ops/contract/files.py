"""Files: none that belongs to a slice is left unread."""

from __future__ import annotations

from ckpt_ops.contract.check import Broken
from ckpt_ops.contract.keys import ever
from ckpt_ops.printable import first_few
from ckpt_ops.slices import Files

_SHOWN = 3


def none_overlooked(source: Files) -> str:
    """Over all slices, by one listing: the newest may be complete and an older one not."""
    found = source.overlooked(*ever())
    parts = [one.name for one in found if one.part]
    if parts:
        raise Broken(
            f"the template {source.template!r} misses {first_few(parts, _SHOWN)}: their rows are lost. "
            "Put '*' where names vary, or name in leave_out= what is no part of a slice"
        )
    others = [one.name for one in found]
    beside = f"; other files beside them are not read: {first_few(others, _SHOWN)}" if others else ""
    return f"no file differs from a slice's only by a number{beside}"
