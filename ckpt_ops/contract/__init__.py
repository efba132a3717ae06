"""Checks of a source of slices: one for each promise of `SliceSource`, with a verdict."""

from ckpt_ops.contract.check import Check
from ckpt_ops.contract.contract import check_source
from ckpt_ops.contract.samples import drop_last_row

__all__ = ["Check", "check_source", "drop_last_row"]
