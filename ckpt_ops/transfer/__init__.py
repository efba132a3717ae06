"""From a parent of one structure to a model of another: what is carried over, planned before it is done."""

from ckpt_ops.transfer.evolve import Evolve, Placed
from ckpt_ops.transfer.history import History

__all__ = ["Evolve", "History", "Placed"]
