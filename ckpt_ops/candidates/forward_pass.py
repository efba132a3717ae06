"""A model's forward pass over many rows: traced once, with the bits that it has op by op.

A traced function is usually faster because TensorFlow rewrites its graph, and rewritten ops round
differently: a bias that is added inside a product of matrices, constants that are folded together. Here
nothing is rewritten, so the same kernels run on the same numbers. What is saved is Python between the ops,
which is most of the time of a small model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ckpt_ops.candidates.several_batches import Chosen, SeveralBatches
from ckpt_ops.checkpoints.model_inputs import forward

_REWRITING = "disable_meta_optimizer"


class ForwardPass:
    """Predicts with the values that the model's variables have at each call.

    What layers hold beside variables must not change between calls for many rows: it is in the trace.
    """

    def __init__(self, model: Any) -> None:
        import keras

        self._batches = SeveralBatches(
            forward(model),
            traced=False,
            autograph=not isinstance(model, keras.Model),
            around=_not_rewritten,
        )

    def over(self, inputs: Mapping[str, Any], ready: Callable[[slice], Mapping[str, Any]]) -> Chosen:
        """As `SeveralBatches.over`."""
        return self._batches.over(inputs, ready)


@contextmanager
def _not_rewritten() -> Iterator[None]:
    """While a block runs, this thread's graphs run as they were traced."""
    import tensorflow as tf

    options = tf.config.optimizer
    before = options.get_experimental_options().get(_REWRITING, False)
    options.set_experimental_options({_REWRITING: True})
    try:
        yield
    finally:
        options.set_experimental_options({_REWRITING: before})
