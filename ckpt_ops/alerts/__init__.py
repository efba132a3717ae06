"""What people are told of a model: each thing once, by every way that they asked for.

What a model wants a person for is in its view (`views`, `Summary.attention`). Here that becomes alerts, and
the store keeps which of them were told. Who hands them on (the plugin, to Airflow's notifiers) only
sends.
"""

from ckpt_ops.alerts.alert import Alert, link_to
from ckpt_ops.alerts.board import Board, Posted
from ckpt_ops.alerts.looking import look_at
from ckpt_ops.alerts.standing import missing_slice, standing
from ckpt_ops.alerts.telling import Told, tell

__all__ = ["Alert", "Board", "Posted", "Told", "link_to", "look_at", "missing_slice", "standing", "tell"]
