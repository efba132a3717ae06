"""Columns that were renamed at the source: what kept code of an older version sees of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from stand_in import ADA, BOB, W1, W2, W3, Place

from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.column_times import Since, Until, absent, columns_at
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, EvaluatedRows, evaluate_all
from ckpt_ops.evaluation.verdicts import Evaluation
from ckpt_ops.former_columns import former_names_in, table_as_then
from ckpt_ops.transfer import Evolve

TODAY = pa.schema([("n", pa.int64()), ("late", pa.float64())])
BOTH = pa.schema([*TODAY, ("delay", pa.float64())])
TIMES = {"delay": Until(W2, default=None), "late": Since(W2, default=None)}


def seen(table: pa.Table, names: dict[str, str], times: dict[str, Any], key: str) -> dict[str, list[Any]]:
    columns = columns_at(BOTH, times, key)
    return table_as_then(table, former_names_in(table.schema, names, columns)).to_pydict()


def test_the_former_name_is_added_and_todays_stays() -> None:
    table = pa.table({"n": [1, 2], "late": [0.5, None]})
    assert seen(table, {"delay": "late"}, {}, W1) == {
        "n": [1, 2],
        "late": [0.5, None],
        "delay": [0.5, None],
    }
    twice = {"delay": "late", "dep_delay": "late"}
    assert seen(table, twice, {}, W1) == {
        "n": [1, 2],
        "late": [0.5, None],
        "delay": [0.5, None],
        "dep_delay": [0.5, None],
    }


def test_a_slice_that_has_the_former_name_keeps_it() -> None:
    older = pa.table({"n": [1], "delay": [7.0]})
    assert seen(older, {"delay": "late"}, {}, W1) == {"n": [1], "delay": [7.0]}
    while_both_came = pa.table({"delay": [7.0], "late": [8.0]})
    assert seen(while_both_came, {"delay": "late"}, {}, W1) == {"delay": [7.0], "late": [8.0]}


def test_where_times_are_declared_they_decide() -> None:
    """A slice is filled in before: what is not there is its default, which is nobody's former value."""
    older = pa.table({"delay": [7.0], "late": pa.nulls(1, pa.float64())})
    newer = pa.table({"delay": pa.nulls(1, pa.float64()), "late": [8.0]})
    assert seen(older, {"delay": "late"}, TIMES, W1) == {"delay": [7.0], "late": [None]}
    assert seen(newer, {"delay": "late"}, TIMES, W2) == {"delay": [8.0], "late": [8.0]}
    late_start = {**TIMES, "late": Since(W3, default=None)}
    neither = pa.table({"delay": pa.nulls(1, pa.float64()), "late": pa.nulls(1, pa.float64())})
    assert seen(neither, {"delay": "late"}, late_start, W2) == {"delay": [None], "late": [None]}


@pytest.mark.parametrize("columns", [None, ["was"], ["n", "was"], ["was", "person", "n"]])
def test_stored_rows_are_read_by_the_former_name(place: Place, columns: list[str] | None) -> None:
    ref = place.take_in(W1, (ADA, 1), (BOB, 2))
    rows = StoredRows(place.pipeline, place.store, former={"was": "n", "gone": "no column"})
    ((table, start),) = rows.groups(ref.key, ref.revision, columns)
    assert (table.column_names, start) == (columns or ["person", "n", "was"], 0)
    assert table["was"].to_pylist() == [1, 2]
    assert table.schema.field("was").type == pa.int64()
    assert rows.renamed == {"was": "n"}


def test_stored_rows_of_a_column_that_went_by_todays_declaration(place: Place) -> None:
    """As `predict` reads them for an old version: its own pipeline knows neither time nor the new name."""
    times = {"delay": Until(W2, default=-1.0), "n": Since(W2, default=0)}
    ref = place.take_in(W2, (ADA, 1))
    schema = pa.schema([("delay", pa.int64()), ("n", pa.int64())])
    today = absent(columns_at(schema, times, W2))
    rows = StoredRows(place.pipeline, place.store, besides=today, former={"delay": "n"})
    ((table, _),) = rows.groups(ref.key, ref.revision)
    assert table.to_pydict() == {"person": [ADA], "n": [1], "delay": [1]}
    ((alone, _),) = rows.groups(ref.key, ref.revision, ["delay"])
    assert alone.to_pydict() == {"delay": [1]}


@pytest.mark.parametrize(
    "columns",
    [["n"], {"n": "n"}, {"": "n"}, {"was": ""}, {"was": 3}, {3: "n"}],
)
def test_what_is_no_mapping_of_names_is_refused(columns: Any) -> None:
    with pytest.raises(BadInput, match=r"Evolve\.columns=") as refused:
        Evolve(columns=columns)
    assert 'Evolve(columns={"the name that its code reads": "today\'s name"})' in str(refused.value)


def test_names_that_no_slice_of_today_fits_are_refused_at_the_door(place: Place) -> None:
    source = place.pipeline.source

    def described(columns: dict[str, str], **times: Since | Until) -> None:
        timed = replace(source, column_times=times) if times else source
        replace(place.pipeline, source=timed, evolve=Evolve(columns=columns))

    described({"was": "n", "once": "n"})
    described({"person": "n"}, person=Until(W2, default="nobody"))
    described({"person": "n"}, person=Since(W1, until=W2, default="nobody"))
    described({"was": "n"}, n=Since(W2, default=0))
    for columns, times, said, then in (
        ({"was": "m"}, {}, "have today: person, n", "the name that the version's code reads, then today's"),
        ({"n": "was"}, {}, "have today: person", "then today's"),
        ({"was": "n"}, {"n": Until(W2, default=0)}, "have today: person", "then today's"),
        ({"n": "person"}, {}, "n is one they have", "column_times={'n': Until(KEY, default=None)}"),
        (
            {"n": "person"},
            {"n": Since(W2, default=0)},
            f"n is one they have (since slice {W2})",
            "leave n out of Evolve.columns",
        ),
    ):
        with pytest.raises(BadInput) as refused:
            described(columns, **times)
        assert refused.value.field == "Evolve.columns"
        assert refused.value.value == columns
        assert said in refused.value.allowed
        assert then in refused.value.next


def test_a_candidates_id_does_not_hold_them(place: Place) -> None:
    plain = place.pipeline
    named = replace(plain, evolve=Evolve(columns={"was": "n"}))
    assert named.training_config() == plain.training_config()
    dropping = replace(plain, evolve=Evolve(drop=("side/*",)))
    both = replace(plain, evolve=Evolve(drop=("side/*",), columns={"was": "n"}))
    assert both.training_config() == dropping.training_config() != plain.training_config()


def test_the_evaluation_says_who_read_what() -> None:
    label = np.tile([0.0, 1.0], 50)
    rows = EvaluatedRows(
        label=label,
        candidate=label * 0.5 + np.linspace(0, 0.4, 100),
        champion=label * 0.4 + np.linspace(0, 0.5, 100),
        slice_key=W1,
        rows="holdout",
        former={"champion": {"dep_delay": "departure_delay"}, "candidate": {}},
    )
    assert rows.former == {"champion": {"dep_delay": "departure_delay"}}
    again = EvaluatedRows.from_table(rows.to_table())
    assert again.former == rows.former
    evaluation = evaluate_all([AtLeast("auc", 0.6)], again)
    assert evaluation.message.endswith(
        "The champion's own code was given column departure_delay as dep_delay"
    )
    assert Evaluation.from_json(evaluation.to_json()) == evaluation
    older = evaluation.to_json()
    del older["former"]
    assert Evaluation.from_json(older).former == {}
