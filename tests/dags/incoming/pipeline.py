"""Takes numbers in; nothing trains on them."""

from __future__ import annotations

from ckpt_ops.pipeline import Intake
from incoming.source import Hours

incoming = Intake(name="incoming", source=Hours(), expectations="expectations.json")
