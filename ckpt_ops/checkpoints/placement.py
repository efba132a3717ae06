"""Where a checkpoint was trained, and with which numbers: devices, precision, determinism of operations.

It is part of the manifest, as a version's numbers are explained by it: the same candidate trained on other
devices is equal within rounding, not to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ckpt_ops.checkpoints.capture import copies_of, tensorflow_variable


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Devices are named as TensorFlow counts them on their host, `CPU:0` or `GPU:1`, a GPU with its model.

    Attributes:
        seen: every device that TensorFlow could have used.
        used: those that hold the model's variables, and so make its steps; by number alone.
        precision: Keras' name of the model's dtype policy, such as `mixed_bfloat16`; "" of a `tf.Module`,
            whose own code decides.
        deterministic: whether TensorFlow's op determinism was on.
        strategy: TensorFlow's name of how several copies of the model trained together; "": there was one.
        replicas: how many copies.
    """

    seen: tuple[str, ...]
    used: tuple[str, ...]
    precision: str = ""
    deterministic: bool = True
    strategy: str = ""
    replicas: int = 1

    @property
    def message(self) -> str:
        """All of it, in a sentence without a verb."""
        models = {one.partition(" ")[0]: one.partition(" ")[2] for one in self.seen}
        used = [f"{one} ({models[one]})" if models.get(one) else one for one in self.used]
        idle = [one for one in models if one not in self.used and not one.startswith("CPU")]
        return ", ".join(
            [
                f"on {', '.join(used) or 'no device'}",
                *([f"with {', '.join(idle)} idle"] if idle else []),
                *([f"{self.replicas} replicas by {self.strategy}"] if self.strategy else []),
                *([self.precision] if self.precision else []),
                f"operations {'deterministic' if self.deterministic else 'not deterministic'}",
            ]
        )


def placement_of(
    model: Any, variables: Iterable[Any], *, deterministic: bool, strategy: str = "", replicas: int = 1
) -> Placement:
    """Where `model` stands in this process.

    Args:
        variables: of the model, `tf.Variable`s or Keras ones.
        deterministic: whether this process turned op determinism on.
        strategy, replicas: as in `Placement`.
    """
    import tensorflow as tf

    # of several workers, TensorFlow lists the devices of all, by the same names
    seen = list(dict.fromkeys(_device(one.name) for one in tf.config.list_logical_devices()))
    models = {
        _device(one.name.replace("physical_device:", "")): _model_of(one)
        for one in tf.config.list_physical_devices("GPU")
    }
    inner = (copy for one in variables for copy in copies_of(tensorflow_variable(one)))
    used = {_device(str(getattr(one, "device", ""))) for one in inner}
    policy = getattr(model, "dtype_policy", None)
    return Placement(
        seen=tuple(f"{one} {models.get(one, '')}".rstrip() for one in seen),
        used=tuple(one for one in seen if one in used),
        precision=getattr(policy, "name", ""),
        deterministic=deterministic,
        strategy=strategy,
        replicas=replicas,
    )


def _device(name: str) -> str:
    """`GPU:0` of `/job:localhost/replica:0/task:0/device:GPU:0`."""
    return name.rpartition("device:")[2].lstrip("/")


def _model_of(physical: Any) -> str:
    import tensorflow as tf

    return str(tf.config.experimental.get_device_details(physical).get("device_name", ""))
