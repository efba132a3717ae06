"""Which processes train together, as TensorFlow has to know before it begins."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.distribution.settings import check_batch_size
from ckpt_ops.training.light_import import light_import


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Processes that train together, and which of them this is.

    Attributes:
        addresses: `host:port` of each, at which TensorFlow of that process listens.
        worker: this one's place among them; 0 is the one that writes.
        candidate: id of what all of them agreed to train.
    """

    addresses: tuple[str, ...]
    worker: int
    candidate: str = ""

    def tell_tensorflow(self) -> None:
        """Before TensorFlow is imported."""
        task = {"type": "worker", "index": self.worker}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})

    def connect(self, *, batch_size: int) -> Replicas:
        """Connect to the others; returns when all have. Before any operation of TensorFlow.

        Raises:
            BadInput: the batch cannot be shared out among the devices of all.
        """
        with light_import():
            import tensorflow as tf

        strategy: Any = tf.distribute.MultiWorkerMirroredStrategy()
        found = Replicas(strategy=strategy, worker=self.worker, workers=len(self.addresses))
        check_batch_size(batch_size, found.count)
        return found
