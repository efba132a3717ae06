"""What kind of thing a label is follows from its values; what no model could learn is refused by name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.model.label import Task, as_numbers, target_of

ROWS = 240


def rows(values: list[Any], kind: pa.DataType | None = None, **more: list[Any]) -> pa.Table:
    repeated = (values * ROWS)[:ROWS]
    others = {name: (each * ROWS)[:ROWS] for name, each in more.items()}
    return pa.table({"label": pa.array(repeated, kind), "n": list(range(ROWS)), **others})


@pytest.mark.parametrize(
    ("values", "kind", "task", "classes"),
    [
        ([True, False], pa.bool_(), Task.BINARY, (False, True)),
        ([0, 1, 1], pa.int8(), Task.BINARY, (0, 1)),
        ([-1, 1], pa.int64(), Task.BINARY, (-1, 1)),
        ([0.0, 1.0, None], pa.float64(), Task.BINARY, (0.0, 1.0)),
        (["yes", "no", "no"], pa.string(), Task.BINARY, ("no", "yes")),
        (["a", "z", "z"], pa.string(), Task.BINARY, ("z", "a")),
        (["a", "b", "ü"], pa.large_string(), Task.CLASSES, ("a", "b", "ü")),
        ([0, 1, 2], pa.int64(), Task.CLASSES, (0, 1, 2)),
        ([1, 2, 3, 4, 5], pa.int64(), Task.NUMBER, ()),
        ([0, 2, 3], pa.int64(), Task.NUMBER, ()),
        (list(range(30)), pa.int64(), Task.NUMBER, ()),
        ([0.5, 1.0, 1.5], pa.float32(), Task.NUMBER, ()),
        ([float("nan"), 1.0, 2.5, 3.0], pa.float64(), Task.NUMBER, ()),
        ([Decimal("1.50"), Decimal("2.00")], pa.decimal128(6, 2), Task.NUMBER, ()),
    ],
)
def test_a_task_follows_from_the_values(
    values: list[Any], kind: pa.DataType, task: Task, classes: tuple[Any, ...]
) -> None:
    found = target_of(rows(values, kind), "label")
    assert (found.task, found.classes) == (task, classes)
    assert found.why


def test_a_person_knows_better() -> None:
    assert target_of(rows([0, 1, 2]), "label", task=Task.NUMBER).task is Task.NUMBER
    assert target_of(rows([1, 2, 5]), "label", task=Task.CLASSES).classes == (1, 2, 5)
    assert "--task" in target_of(rows([1, 2, 5]), "label", task=Task.CLASSES).why


def test_gains_beside_a_query_are_a_ranking() -> None:
    found = target_of(
        pa.table({"relevance": [0, 1, 2, 0] * 60, "query_id": [n // 6 for n in range(240)]}), "relevance"
    )
    assert (found.task, found.group) == (Task.RANKING, "query_id")
    given = target_of(rows([0, 1, 2.5], shop=["a", "b"]), "label", group="shop")
    assert (given.task, given.group) == (Task.RANKING, "shop")


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (rows([None], pa.int64()), {}, "values: all that were looked at are null"),
        (rows([float("nan")]), {}, "values: all that were looked at are null"),
        (rows([7]), {}, "all 240 rows have 7"),
        (rows([f"id-{n}" for n in range(ROWS)]), {}, "it tells rows apart"),
        (rows([date(2024, 1, 1), date(2024, 1, 2)]), {}, "not date32"),
        (rows([[1], [2]]), {}, "not list"),
        (rows([{"a": 1}, {"a": 2}]), {}, "not struct"),
        (rows([b"a", b"b"]), {}, "not binary"),
        (rows(["a", "b"]), {"task": Task.NUMBER}, "numbers for --task number"),
        (rows([1, 2, 3]), {"task": Task.BINARY}, "two values for --task binary; it has 3"),
        (rows([Decimal("1.5"), Decimal("2.5")]), {"task": Task.CLASSES}, "--task number"),
        (rows([1, 2]), {"task": Task.RANKING}, "--group"),
        (rows([-1, 2]), {"group": "n"}, "numbers of 0 or more"),
        (rows([1, 2]), {"group": "n"}, "whose values rows share"),
        (rows([1, 2]), {"group": "label"}, "another column than the label"),
        (rows([1, 2]), {"group": "m"}, "a column of the data: label, n"),
        (rows([1, 2]), {"group": "n", "task": Task.NUMBER}, "nothing beside --task number"),
        (rows([0, 1]), {"first_rows": 40}, "at least 100 rows with a label in the first slice"),
    ],
)
def test_a_label_that_no_model_could_learn_is_refused(
    table: pa.Table, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        target_of(table, "label", **options)
    assert message in str(caught.value)


def test_many_texts_that_recur_are_too_many_classes() -> None:
    many = pa.table({"label": [f"c{n % 300}" for n in range(3_000)]})
    with pytest.raises(BadInput, match="at most 200 classes; it has 300"):
        target_of(many, "label")


def test_a_column_that_is_not_there_is_asked_back_with_the_nearest() -> None:
    table = pa.table({"Bought": [1, 2], "basket": [1, 2]})
    with pytest.raises(BadInput, match="basket") as caught:
        target_of(table, "bougth")
    assert caught.value.next == "--label Bought"


def test_labels_as_numbers_are_nan_where_there_is_none() -> None:
    table = pa.table({"label": ["no", "yes", None, "no"] * 60})
    numbers = as_numbers(target_of(table, "label"), table)
    assert numbers[:2].tolist() == [0.0, 1.0]
    assert np.isnan(numbers[2])
