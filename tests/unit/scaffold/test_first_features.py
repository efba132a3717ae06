"""What each column becomes, by its type and its values; and what is left out, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.model.features import Becomes, Feature, features_of, output_name
from ckpt_ops.scaffold.model.label import as_numbers, target_of
from ckpt_ops.scaffold.model.leaks import Leaks
from ckpt_ops.scaffold.profile import Looked, columns_of

RNG = np.random.default_rng(5)
ROWS = 400
LABEL = RNG.integers(0, 2, 2 * ROWS)
EMPTY: list[Any] = [None] * (2 * ROWS)


def found(
    columns: dict[str, Any], *, slice_times: Sequence[str] = (), without: Sequence[str] = ()
) -> list[Feature]:
    """Of two slices, the first and the second half of the rows."""
    table = pa.table({"label": LABEL, "noise": RNG.normal(size=2 * ROWS), **columns})
    slices = [
        Looked(key=f"2024-01-0{at + 1}", table=table.slice(at * ROWS, ROWS).combine_chunks())
        for at in range(2)
    ]
    target = target_of(table, "label")
    leaks = Leaks(as_numbers(target, table), 2)
    return features_of(
        table, columns_of(table.schema, slices), target, leaks, slice_times=slice_times, without=without
    )


def of(values: Any, **options: Any) -> Feature:
    return next(each for each in found({"c": values}, **options) if each.column == "c")


def drawn(values: Sequence[Any]) -> list[Any]:
    return [values[at] for at in RNG.integers(0, len(values), 2 * ROWS)]


MOMENTS = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=3 * n) for n in range(2 * ROWS)]


@pytest.mark.parametrize(
    ("values", "becomes"),
    [
        (RNG.normal(size=2 * ROWS), Becomes.NUMBER),
        (RNG.normal(size=2 * ROWS).astype(np.float32), Becomes.NUMBER),
        (RNG.integers(20_000, 90_000, 2 * ROWS), Becomes.NUMBER),  # nearly all differ, and measure
        (drawn([True, False, None]), Becomes.NUMBER),
        (RNG.normal(size=2 * ROWS).astype(np.float16), Becomes.NUMBER),
        (drawn([0, 1]), Becomes.NUMBER),
        (drawn([1, 2, 3, 7]), Becomes.CODE),
        (drawn(["a", "b", None]), Becomes.CATEGORY),
        (drawn([f"v{n}" for n in range(60)]), Becomes.CATEGORY),
        (pa.array(drawn(["a", "b"]), pa.large_string()), Becomes.CATEGORY),
    ],
)
def test_a_column_becomes_what_its_values_are(values: Any, becomes: Becomes) -> None:
    feature = of(values)
    assert (feature.becomes, feature.input) == (becomes, "c"), feature
    assert feature.why


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (pa.array(EMPTY, pa.float64()), "no value was seen"),
        ([1] * (2 * ROWS), "the same value"),
        ([*range(10), *EMPTY[10:]], "null in 98.8%"),
        ([f"id-{n}" for n in range(2 * ROWS)], "an identifier"),
        (range(10_000, 10_000 + 2 * ROWS), "an identifier"),
        ([0.5] * ROWS + [1.5] * ROWS, "it follows the slices"),
        ([2023] * ROWS + [2024] * ROWS, "it follows the slices"),
        (
            [f"w{n}" for n in RNG.integers(0, 20, ROWS)] + [f"v{n}" for n in RNG.integers(0, 20, ROWS)],
            "come again",
        ),
        (drawn([f"{n} " + "a long text of somebody " * 4 for n in range(40)]), "free text"),
        ([[1, 2]] * (2 * ROWS), "layers of their own"),
        ([{"a": 1}] * (2 * ROWS), "layers of their own"),
        (drawn([b"a", b"b"]), "no layer takes binary"),
        (RNG.normal(size=2 * ROWS) * 1e300, "cannot be scaled in float32"),
        (drawn([float("inf"), -float("inf")]), "no finite number was seen"),
        (pa.array(drawn([1, 2, 3]), pa.duration("s")), "no layer takes duration"),
        (LABEL, "it knows the label"),
        (LABEL * 3.5 + 1, "it knows the label"),
        (["yes" if one else "no" for one in LABEL], "it knows the label"),
        ([f"{one}{n % 9}" for n, one in enumerate(LABEL)], "it knows the label"),
        (LABEL + RNG.normal(size=2 * ROWS) * 0.05, "it knows the label: alone it predicts it by 1.000"),
        (drawn([date(2024, 1, 1), date(2023, 5, 5)]), "no column has the slice's time"),
    ],
)
def test_a_column_is_left_out_for_a_reason(values: Any, why: str) -> None:
    feature = of(values)
    assert feature.becomes is Becomes.NOTHING
    assert why in feature.why


def test_a_name_tells_a_code_from_a_measure() -> None:
    shops = RNG.integers(0, 300, 2 * ROWS)
    features = {each.column: each for each in found({"shop_id": shops, "amount": shops, "ZIP": shops})}
    assert features["shop_id"].becomes is features["ZIP"].becomes is Becomes.CODE
    assert features["amount"].becomes is Becomes.NUMBER
    assert features["shop_id"].usual == -1


def test_a_time_of_its_slice_becomes_its_parts_and_another_one_the_days_between() -> None:
    columns = {"at": MOMENTS, "born": drawn([date(1980, 1, 1), date(1999, 9, 9), None])}
    features = {each.column: each for each in found(columns, slice_times=["at"])}
    assert features["at"].becomes is Becomes.HOUR
    assert features["born"].becomes is Becomes.DAYS
    assert features["born"].usual > 8_000
    days = [each.date() for each in MOMENTS]
    assert of(days, slice_times=["c"]).becomes is Becomes.WEEKDAY


def test_what_a_person_leaves_out_is_left_out_and_has_to_be_there() -> None:
    feature = of(RNG.normal(size=2 * ROWS), without=["c"])
    assert (feature.becomes, feature.why) == (Becomes.NOTHING, "--without says so")
    with pytest.raises(BadInput, match="--without"):
        of(RNG.normal(size=2 * ROWS), without=["d"])


def test_without_any_feature_there_is_no_model() -> None:
    with pytest.raises(BadInput, match="c: it knows the label"):
        found({"c": LABEL}, without=["noise"])


def test_inputs_have_names_that_layers_may_have_and_each_its_own() -> None:
    numbers = RNG.normal(size=2 * ROWS)
    odd = ["Départ prévu", "a/b", "a b", "日本", "1st", "features", "x", "x_column", "_y", '"q"', "{k}"]
    features = found(dict.fromkeys(odd, numbers))
    names = [each.input for each in features if each.becomes is Becomes.NUMBER]
    assert len(names) == len(set(names)) == len(odd) + 1
    assert names[1:6] == ["depart_prevu", "a_b", "a_b_2", "column", "column_1st"]
    assert all(name.isascii() and name.replace("_", "a").isalnum() and name[0].isalpha() for name in names)
    target = target_of(pa.table({"label": LABEL}), "label")
    assert output_name(target, features) == "label"


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8, unique=True))
def test_any_names_make_inputs_that_differ_also_in_their_layers(names: list[str]) -> None:
    numbers = np.arange(2 * ROWS) % 7 / 3
    columns = {name: numbers for name in names if name not in ("label", "noise")}
    inputs = [each.input for each in found(columns)]
    layers = [f"{one}{end}" for one in inputs for end in ("", "_column", "_scaled")]
    assert len(layers) == len(set(layers))
    assert all(one.isascii() for one in layers)
