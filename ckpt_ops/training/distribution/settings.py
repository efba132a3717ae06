"""On how many devices, or in how many processes, a candidate is trained, each with its share of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.values import as_code
from ckpt_ops.wire_names import wire


@wire("Mirrored")
@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """All devices of one machine, in one process: TensorFlow's `MirroredStrategy`.

    Attributes:
        devices: such as `("GPU:0", "GPU:1")`; None: every GPU, or without any the CPU. Several of the CPU,
            `("CPU:0", "CPU:1")`, are made of it: to try on a machine without GPUs.
    """

    devices: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.devices is None:
            return
        given = tuple(self.devices) if isinstance(self.devices, tuple | list) else ()
        named = all(
            isinstance(one, str) and one[:4] in ("CPU:", "GPU:") and one[4:].isdigit() for one in given
        )
        if not given or not named or len(set(given)) < len(given):
            raise BadInput(
                "Mirrored.devices",
                self.devices,
                'names of devices, each once: ("GPU:0", "GPU:1"), or None: all',
            )
        object.__setattr__(self, "devices", given)

    @property
    def count(self) -> int | None:
        """How many share a batch; None: as many as the machine has."""
        return None if self.devices is None else len(self.devices)


@wire("Workers")
@dataclass(frozen=True, kw_only=True)
class Workers:
    """So many processes, on one machine or several: TensorFlow's `MultiWorkerMirroredStrategy`.

    All have to run at the same time; each is a process of its own, wherever trainings run.

    Attributes:
        count: how many; 2 at least.
        meet_within: how long those that are there wait for the others, before they give their slots back.
    """

    count: int
    meet_within: timedelta = field(default=timedelta(minutes=5), compare=False)

    __repr__ = as_code

    def __post_init__(self) -> None:
        allowed = "a whole number of at least 2; distribution=None for one process"
        checks.whole("Workers.count", self.count, at_least=2, allowed=allowed)
        checks.duration(
            "Workers.meet_within", self.meet_within, allowed="more than no time: timedelta(minutes=5)"
        )


Distribution = Mirrored | Workers


def check_distribution(distribution: object, *, batch_size: int) -> None:
    """Refuse, with `BadInput`, what is no distribution, or a batch that it cannot share out evenly."""
    if distribution is None:
        return
    if not isinstance(distribution, Mirrored | Workers):
        raise BadInput("distribution", distribution, "Workers(count=2), Mirrored(), or None: one device")
    if distribution.count is not None:
        check_batch_size(batch_size, distribution.count)


def check_batch_size(batch_size: int, count: int) -> None:
    """Refuse, with `BadInput`, a batch whose rows cannot be shared out evenly among so many."""
    if batch_size % count:
        near = [one for one in (batch_size // count * count, -(-batch_size // count) * count) if one]
        raise BadInput(
            "batch_size",
            batch_size,
            f"a multiple of {count}: that many share each batch evenly",
            next=f"set batch_size={' or '.join(map(str, near))}; it is the batch of all of them together",
        )
