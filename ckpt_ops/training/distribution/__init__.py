"""Data-parallel training: several devices or processes, each with its share of every batch."""

from ckpt_ops.training.distribution.settings import Distribution, Mirrored, Workers, check_distribution

__all__ = ["Distribution", "Mirrored", "Workers", "check_distribution"]
