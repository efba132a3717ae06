"""A floor is for a first version always, for later ones unless the champion is worse still."""

from __future__ import annotations

import numpy as np
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, AtMost, EvaluatedRows, Floor, evaluate_all


@pytest.fixture(scope="module")
def storm() -> dict[str, np.ndarray]:
    """A hard slice: the champion hardly knows anything of it, the candidate a little more."""
    random = np.random.default_rng(0)
    label = (random.random(6_000) < 0.4).astype(float)
    champion = random.normal(size=6_000) + 0.24 * label
    candidate = champion + 0.1 * label
    return {"label": label, "champion": champion, "candidate": candidate}


def evaluated(rows: dict[str, np.ndarray], **changes: object) -> EvaluatedRows:
    return EvaluatedRows(
        **{**rows, "slice_key": "2013-02-10", "rows": "holdout of slice 2013-02-10", **changes}
    )


def test_the_better_of_two_passes_though_both_miss_the_floor(storm):
    verdict = AtLeast("auc", 0.60).evaluate(evaluated(storm), seed=0)
    assert verdict.numbers["champion"] < verdict.numbers["candidate"] < 0.60
    assert verdict.passed is True
    assert "is below 0.600 on 6,000 rows, but the champion has" in verdict.message
    assert "there, surely worse (95 % interval of the difference +" in verdict.message


def test_that_both_miss_it_is_said(storm):
    evaluation = evaluate_all([AtLeast("auc", 0.60)], evaluated(storm))
    assert evaluation.below_floor.keys() == {"candidate", "champion"}
    assert evaluation.below_floor["champion"].startswith("auc 0.5")


def test_a_floor_may_hold_always(storm):
    assert AtLeast("auc", 0.60, floor=Floor.ALWAYS).evaluate(evaluated(storm), seed=0).passed is False


def test_a_first_version_has_to_meet_it(storm):
    verdict = AtLeast("auc", 0.60).evaluate(evaluated(storm, champion=None), seed=0)
    assert verdict.passed is False
    assert verdict.below_floor.keys() == {"candidate"}


def test_a_champion_above_the_floor_excuses_nobody(storm):
    good = storm["champion"] + 3 * storm["label"]
    assert AtLeast("auc", 0.60).evaluate(evaluated(storm, champion=good), seed=0).passed is False


def test_as_bad_as_the_champion_is_not_better(storm):
    verdict = AtLeast("auc", 0.60).evaluate(evaluated(storm, candidate=storm["champion"]), seed=0)
    assert verdict.passed is False
    assert "not surely better" in verdict.message


def test_a_ceiling_is_a_floor_of_the_other_direction(storm):
    p = {name: 1 / (1 + np.exp(-values)) for name, values in storm.items() if name != "label"}
    worse = {**p, "label": storm["label"], "champion": np.clip(p["champion"], 0.6, 1)}
    verdict = AtMost("log_loss", 0.1).evaluate(evaluated(worse), seed=0)
    assert verdict.passed is True
    assert "is above 0.100" in verdict.message


def test_where_the_candidate_meets_it_production_below_it_is_still_said(storm):
    verdict = AtLeast("auc", 0.58).evaluate(evaluated(storm), seed=0)
    assert verdict.passed is True
    assert verdict.below_floor.keys() == {"champion"}


def test_a_floor_is_one_of_two():
    with pytest.raises(BadInput, match=r"AtLeast\.floor"):
        AtLeast("auc", 0.6, floor="always")
