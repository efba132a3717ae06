"""Expectations that retraining needs and Great Expectations lacks, written in a suite like any other.

`kinds.py` lists them, `docs/reference/expectations.md` says when to use which. They compare a slice with the
rows that the champion was trained on (`Reference`), and with the moment at which it was pulled.

Only the modules that `registered.py` gathers import Great Expectations.
"""

from ckpt_ops.validation.custom.kinds import COLUMN_KEYWORDS, KINDS, CustomKind
from ckpt_ops.validation.custom.reference import MemoryReference, Reference, with_reference

__all__ = ["COLUMN_KEYWORDS", "KINDS", "CustomKind", "MemoryReference", "Reference", "with_reference"]
