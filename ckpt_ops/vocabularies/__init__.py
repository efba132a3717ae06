"""Vocabularies that grow with the slices: ids of their own rows in an embedding, as long as they are seen."""

from ckpt_ops.vocabularies.settings import Vocabulary

__all__ = ["Vocabulary"]
