"""A description of settings: equal settings give equal text, and what has no stable text is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, NotWorseThan, Servable
from ckpt_ops.policies import AnyOf, MetricDrop, Rows
from ckpt_ops.values import describe


class Mode(Enum):
    FULL = 1


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Box:
    inside: object
    note: str = field(default="", compare=False)


@dataclass
class Thawed:
    inside: int = 1


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.sampled_from([*Mode, *Colour]),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.builds(Box, inner)
    ),
    max_leaves=8,
)


def text(value: object) -> str:
    return json.dumps(describe(value), allow_nan=False)


def test_a_pipelines_settings_read_as_they_were_written():
    assert describe(Rows(at_least=5_000)) == {"Rows": {"at_least": 5_000}}
    assert describe(AnyOf(Rows(at_least=5_000), MetricDrop("auc", by=0.01))) == {
        "AnyOf": {"policies": [{"Rows": {"at_least": 5_000}}, {"MetricDrop": {"metric": "auc", "by": 0.01}}]}
    }
    assert describe((AtLeast("auc", 0.6), NotWorseThan(), Servable())) == [
        {"AtLeast": {"metric": "auc", "threshold": 0.6, "floor": {"Floor": "OR_BETTER"}}},
        {
            "NotWorseThan": {
                "champion": "production",
                "metric": "auc",
                "margin": 0.005,
                "confidence": 0.95,
                "past_margin": None,
                "slices": 8,
                "min_rows": 200,
                "unclear": {"Unclear": "PASS"},
            }
        },
        {"Servable": {"tolerance": None}},
    ]


@given(plain)
def test_it_is_what_strict_json_gives_back(value):
    assert json.loads(text(value)) == describe(value)


@given(plain)
def test_a_description_describes_itself(value):
    assert describe(describe(value)) == describe(value)


@given(st.dictionaries(st.text(), st.integers(), max_size=5), st.randoms())
def test_the_order_in_which_a_mapping_was_filled_does_not_matter(mapping, random):
    items = list(mapping.items())
    random.shuffle(items)
    assert text(Box(dict(items))) == text(Box(mapping))


@given(st.sets(st.integers() | st.text(), max_size=5))
def test_sets_are_sorted(values):
    assert text(values) == text(frozenset(reversed(list(values))))


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0.0, -0.0), ((1, 2), [1, 2])])
def test_equal_settings_are_one_text(one, other):
    assert text(Box(one)) == text(Box(other))


def test_true_and_one_are_two_settings():
    assert text(True) != text(1)


def test_dates_durations_and_enums():
    assert describe(date(2013, 1, 6)) == "2013-01-06"
    assert describe(datetime(2013, 1, 6, 4)) == "2013-01-06T04:00:00"
    assert describe(timedelta(hours=1)) == {"timedelta": 3600}
    assert describe((Mode.FULL, Colour.RED)) == [{"Mode": "FULL"}, {"Colour": "RED"}]


def test_a_field_that_is_not_compared_is_no_setting():
    assert describe(Box(1, note="for people")) == {"Box": {"inside": 1}}


def keyed(key: object) -> Mapping[object, object]:
    return {key: 1}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda: 1, "a frozen dataclass, enum, text"),
        (np.zeros(2), "a frozen dataclass, enum, text"),
        (Rows, "a frozen dataclass, enum, text"),
        (object(), "a frozen dataclass, enum, text"),
        (b"bytes", "a frozen dataclass, enum, text"),
        (Thawed(), "frozen=True"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (keyed(1), "keys that are text"),
        (keyed(Colour.RED), "keys that are text"),
    ],
)
def test_what_has_no_stable_description_is_refused_with_the_way_to_it(value, said):
    with pytest.raises(BadInput, match=said) as raised:
        describe(Box((0, Box(value))), at="pipeline")
    assert raised.value.field == "pipeline.inside[1].inside"
