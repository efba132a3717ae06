"""A training that is gone after a step, in the process of the test: nothing that catches errors sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ckpt_ops.checkpoints import Checkpointer


class Killed(BaseException):
    """What a process that is gone would not have lived to see."""


@contextmanager
def killed_after(step: int) -> Iterator[None]:
    """Raises `Killed` at the first step behind this one."""
    told = Checkpointer.after_step

    def after_step(self: Checkpointer, at: int, **said: Any) -> None:
        if at > step:
            raise Killed
        told(self, at, **said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpointer, "after_step", after_step)
        yield
