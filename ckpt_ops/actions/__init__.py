"""What a person may do with a model from a page: each action says beforehand what it will do.

`preview` is pure: it reads a state and writes nothing. `carry_out` calls the function that the command of
`ckpt-ops` calls. Neither runs code of a pipeline, and none loads TensorFlow.
"""

from ckpt_ops.actions.asked import Asked, Done, Preview
from ckpt_ops.actions.registry import ACTIONS, Action, carry_out, find_action, preview

__all__ = ["ACTIONS", "Action", "Asked", "Done", "Preview", "carry_out", "find_action", "preview"]
