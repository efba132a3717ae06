"""Vocabularies that grow with the slices: a value has a row of its own in an embedding while it is seen."""

from ckpt_ops.vocabularies.settings import Vocabulary

__all__ = ["Vocabulary"]
