"""The reference page has every metric, and the dashboard none that does not exist."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.telemetry import METRICS
from ckpt_ops.telemetry.table import PREFIX, as_markdown
from docs.site.api import Code
from docs.site.staging import fill

DOCS = Path(__file__).parents[3] / "docs"
PAGES = (DOCS / "reference" / "metrics.md", DOCS / "how-to" / "metrics.md", DOCS / "how-to" / "alerts.md")
DASHBOARD: dict[str, Any] = json.loads((DOCS / "reference" / "grafana.json").read_text())
_NAMED = re.compile(rf"\b{PREFIX}_([a-z_]+)(?:\{{([^}}]*)\}})?")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")


def used(text: str) -> Iterator[tuple[str, set[str]]]:
    """Metrics in an expression, with the labels that it asks them for."""
    for name, labels in _NAMED.findall(text):
        yield name, set(_LABEL.findall(labels))


def expressions() -> list[str]:
    queries = [one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + queries


def test_the_reference_page_has_a_row_for_each_and_no_other() -> None:
    page = fill(PAGES[0].read_text(), Code([], front_door=()), {})
    assert as_markdown() in page
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", page, re.MULTILINE)
    assert rows == [(one.name, one.kind.value) for one in METRICS.values()]


@pytest.mark.parametrize("text", expressions())
def test_the_dashboard_asks_for_what_the_command_prints(text: str) -> None:
    found = list(used(text))
    assert found, "an expression without a metric of ours shows nothing"
    for name, labels in found:
        assert METRICS[name].of_state, f"{name} is of runs: the command does not print it"
        assert labels <= {"model", *METRICS[name].labels}


def test_legends_and_sums_name_labels_that_there_are() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            (name, _), *_ = used(target["expr"])
            labels = {"model", *METRICS[name].labels}
            named = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            for by in re.findall(r"by \(([^)]*)\)", target["expr"]):
                named += [one.strip() for one in by.split(",")]
            assert set(named) <= labels


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= DASHBOARD.keys()
    panels = DASHBOARD["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    for one in panels:
        place = one["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        assert len({target["refId"] for target in one["targets"]}) == len(one["targets"])
        assert one["datasource"]["uid"] == "${datasource}"
    for one, other in itertools.combinations((each["gridPos"] for each in panels), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, "two panels lie on each other"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_pages_name_no_metric_that_there_is_not(page: Path) -> None:
    text = re.sub(r"ckpt_ops_airflow|ckpt_ops_alerts|ckpt_ops\.(prom|tmp)", "", page.read_text())
    for name, labels in used(text):
        assert labels <= {"model", *METRICS[name].labels}
