"""From a parent of one structure to a model of another: plans what is carried over, then carries it over."""

from ckpt_ops.transfer.evolve import Evolve, Placed
from ckpt_ops.transfer.history import History

__all__ = ["Evolve", "History", "Placed"]
