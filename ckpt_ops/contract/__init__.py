"""What a source of slices promises, checked: each promise of `SliceSource` is a check with a verdict."""

from ckpt_ops.contract.check import Check
from ckpt_ops.contract.contract import check_source
from ckpt_ops.contract.samples import drop_last_row

__all__ = ["Check", "check_source", "drop_last_row"]
