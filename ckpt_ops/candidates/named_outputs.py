"""Which outputs a pipeline looks at, and whether its model has them: asked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from ckpt_ops.candidates.champion import labels_of
from ckpt_ops.outputs import OfOutput, check_output
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.policies import Policy
from ckpt_ops.training import Examples

_ENOUGH = 64
"""So many rows tell how many labels a row has, or a position: some may have no position at all."""


def check_named(pipeline: Pipeline, examples: Examples) -> None:
    """Refuse, with `BadInput`, a gate, a policy or `stop_early` that names an output that is not there.

    So is one that names none where there are several, and one that takes no k labels together and gets k.

    Args:
        examples: of any rows; their labels say which outputs the model has.
    """
    labels = labels_of(examples.take(slice(0, _ENOUGH)))
    for one in _that_look(pipeline):
        check_output(
            labels,
            one.output,
            field=f"{type(one).__name__}.output",
            one_label=getattr(one, "one_label", False),
        )


def _that_look(pipeline: Pipeline) -> Iterator[OfOutput]:
    settings = (*pipeline.gates, *_leaves(pipeline.update_when), pipeline.stop_early)
    return (one for one in settings if isinstance(one, OfOutput))


def _leaves(policy: Policy) -> Iterator[object]:
    """The policies that a policy is made of, however deep."""
    members = getattr(policy, "policies", None)
    if members is None:
        yield policy
    else:
        for one in members:
            yield from _leaves(one)
