"""Which models a fleet's name or a pattern means."""

from __future__ import annotations

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.fleets.choosing import beginning, several

NAMES = ["alone", "shops.a", "shops.b", "shopsy", "zoo"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("shops", ["shops.a", "shops.b"]),
        ("shops.*", ["shops.a", "shops.b"]),
        ("shops*", ["shops.a", "shops.b", "shopsy"]),
        ("*.[ab]", ["shops.a", "shops.b"]),
        ("shops.a", None),
        ("alone", None),
        ("nobody", None),
        ("shops.", None),
        ("", None),
    ],
)
def test_names_in_their_order_and_none_for_a_single_model(asked: str, found: list[str] | None) -> None:
    assert several(asked, NAMES) == found


@pytest.mark.parametrize(
    ("asked", "begins"), [("shops", "shops."), ("shops.*", "shops."), ("s?[ab]*", "s"), ("*", "")]
)
def test_names_of_other_models_need_not_be_listed(asked: str, begins: str) -> None:
    assert beginning(asked) == begins
    assert all(name.startswith(begins) for name in several(asked, [*NAMES, "sha"]) or ())


def test_a_model_of_a_fleets_name_is_that_model() -> None:
    assert several("shops", [*NAMES, "shops"]) is None


@pytest.mark.parametrize("names", [NAMES, []])
def test_a_pattern_that_nothing_fits_is_refused(names: list[str]) -> None:
    with pytest.raises(BadInput, match=r"a pattern that a model's name fits: (alone|there is none yet)"):
        several("depots.*", names)
