"""Which variables of a model are what `build_model` says now, and which are what training made of them."""

from __future__ import annotations

import pytest

from ckpt_ops.candidates.parent import is_rate


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("optimizer/adam/learning_rate", True),
        ("optimizer/learning_rate", True),
        ("untracked/gan/critic_optimizer/learning_rate", True),
        ("parts/0/optimizer/learning_rate", True),
        ("learning_rate", False),
        ("schedule/learning_rate", False),
        ("optimizer/adam/iteration", False),
        ("model/dense/kernel", False),
    ],
)
def test_a_learning_rate_is_that_of_an_optimizer(name: str, rate: bool) -> None:
    assert is_rate(name) is rate
