"""`ckpt-ops top`, and series of numbers as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from rich.console import Console

from ckpt_ops.cli.top import table
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held, SliceAccepted, SliceRef
from ckpt_ops.views import StoreViews

OTHER = SliceRef(key="2013-01-06", revision="06ab", rows=6)


def test_a_table_is_shown_once_where_the_output_is_no_terminal(ckpt_ops, store):
    ModelLog(store, "zz").append(SliceAccepted(slice=OTHER), after=ModelLog(store, "zz").state())
    done = ckpt_ops("top")
    assert done.exit_code == 0
    assert done.stdout.index("flight_delay") < done.stdout.index("zz"), "it needs a person"
    assert "2 models, 1 need a person" in done.stdout


def test_json_is_the_fleet_of_the_pages_and_nothing_is_written(ckpt_ops, store):
    before = [entry.name for entry in store.list("")]
    found = json.loads(ckpt_ops("top", "--json").stdout)
    (model,) = found["models"]
    assert (model["model"], model["head"], model["quarantined"]) == ("flight_delay", 2, ["2013-01-20"])
    assert model["metrics"] == [["auc", 0.68]]
    assert [entry.name for entry in store.list("")] == before


def test_age_metric_and_the_first_thing_to_look_at_stand_in_a_row(store):
    log = ModelLog(store, "flight_delay")
    log.append(Held(reason="refused [red]three[/red] times"), after=log.state())
    console = Console(width=200, record=True, file=None)
    with console.capture() as shown:
        console.print(table(StoreViews(store).fleet(), datetime.now(UTC) + timedelta(days=3)))
    row = next(line for line in shown.get().splitlines() if "flight_delay" in line)
    assert "3 days" in row
    assert "auc 0.6800" in row
    assert "Nothing trains: refused [red]three[/red] times (+2)" in row, "what people wrote is no markup"


def test_a_log_that_cannot_be_read_is_a_row_and_status_fails_after_the_others(ckpt_ops, store):
    log = ModelLog(store, "broken")
    for _ in range(3):
        log.append(SliceAccepted(slice=OTHER), after=log.state())
    store.delete("models/broken/log/000000000002.json")
    assert "broken" in ckpt_ops("top").stdout
    done = ckpt_ops("status")
    assert done.exit_code == 1
    assert "UNREADABLE: the log of broken" in done.stdout
    assert "flight_delay" in done.stdout
    assert ckpt_ops("status", "flight_delay").exit_code == 0
