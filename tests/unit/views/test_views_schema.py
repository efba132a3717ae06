"""One schema: what Python computes, what the front end expects, what the documentation says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from histories import KEYS
from jsonschema import Draft202012Validator

from ckpt_ops.evaluation import METRICS
from ckpt_ops.lineage import ModelLog
from ckpt_ops.store import LocalStore
from ckpt_ops.views import StoreViews, plain
from ckpt_ops.views.building.numbers import better
from ckpt_ops.views.schema import ROOTS, json_schema, kinds, typescript

PROJECT = Path(__file__).parents[3]


def test_the_front_end_has_the_schema_of_today() -> None:
    again = "run: python -m ckpt_ops.views --typescript > pages/src/schema.ts"
    assert (PROJECT / "pages" / "src" / "schema.ts").read_text() == typescript(), again


@pytest.mark.parametrize("form", ["--typescript", "--schema", "--markdown"])
def test_it_is_printed_in_each_form(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ckpt_ops.views", form],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
    )
    assert all(kind.__name__ in done.stdout for kind in ROOTS)


def test_every_view_fits_the_schema(store: LocalStore, flights: ModelLog) -> None:
    views = StoreViews(store)
    found = {
        "Fleet": views.fleet(),
        "ModelView": views.model("flights"),
        "LineageView": views.lineage("flights"),
        "SlicesView": views.slices("flights"),
        "SliceView": views.slice("flights", KEYS[2]),
        "VersionView": views.version("flights", 3),
        "StatusView": views.status("flights"),
    }
    for name, view in found.items():
        assert fits(json.loads(json.dumps(plain(view), allow_nan=False)), name), name
    assert {kind.__name__ for kind in kinds()} == set(json_schema()["$defs"])


def test_a_value_of_another_type_does_not_fit(store: LocalStore, flights: ModelLog) -> None:
    whole = plain(StoreViews(store).summary("flights"))
    for name, wrong in (("head", "two"), ("pending", [1]), ("counts", [["pending"]]), ("attention", [{}])):
        assert not fits({**whole, name: wrong}, "Summary"), name


def fits(value: object, kind: str) -> bool:
    """Whether it is what the schema has under that name."""
    return Draft202012Validator({**json_schema(), "$ref": f"#/$defs/{kind}"}).is_valid(value)


def test_the_direction_of_every_metric_is_known() -> None:
    assert {name: better(name) for name in METRICS} == {
        name: "higher" if metric.higher_is_better else "lower" for name, metric in METRICS.items()
    }
    assert (better("click:auc"), better("of_my_own")) == ("higher", "")
