"""Slices without a model."""

from __future__ import annotations

from ckpt_ops.pipeline import Intake
from days.source import Days

days = Intake(name="days", source=Days(), expectations="expectations.json")
