"""`alerts`: what stands, and who was told, to people and to scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import Result

from ckpt_ops.alerts import standing, tell
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held
from ckpt_ops.store import LocalStore
from ckpt_ops.views import StoreViews

Command = Callable[..., Result]


@pytest.fixture
def on_hold(store: LocalStore) -> LocalStore:
    log = ModelLog(store, "flight_delay")
    log.append(Held(reason="refused three times"), after=log.state())
    return store


def test_it_lists_what_stands_with_the_next_command_and_writes_nothing(
    ckpt_ops: Command, on_hold: LocalStore
) -> None:
    before = [one.name for one in on_hold.list("")]
    shown = ckpt_ops("alerts").stdout
    assert "Nothing trains: refused three times" in shown
    assert "ckpt-ops release flight_delay" in shown
    assert "nobody yet" in shown
    assert [one.name for one in on_hold.list("")] == before


def test_scripts_see_who_was_told(
    ckpt_ops: Command, on_hold: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(alert: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    stands = standing(StoreViews(on_hold).summary("flight_delay"))
    now = datetime(2026, 1, 2, tzinfo=UTC)
    ways = {"Mail": lambda alert: None, "Hook": refuses}
    tell(on_hold, "flight_delay", stands, ways, clock=lambda: now)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example")
    found = json.loads(ckpt_ops("alerts", "flight_delay", "--json").stdout)
    held = next(one for one in found if one["what"] == "on hold")
    assert held["link"] == "https://airflow.example/dags/flight_delay/plugin/model"
    assert {one["notifier"]: (one["told"], one["problem"]) for one in held["told"]} == {
        "Mail": (True, ""),
        "Hook": (False, "ConnectionRefusedError: Connection refused"),
    }
    assert "not Hook" in ckpt_ops("alerts").stdout


def test_a_name_that_no_model_has_is_refused(ckpt_ops: Command, store: LocalStore) -> None:
    done = ckpt_ops("alerts", "nobody")
    assert done.exit_code == 2
    assert "flight_delay" in done.output


def test_an_empty_store_wants_nobody(ckpt_ops: Command, tmp_path: object) -> None:
    (tmp_path / "empty").mkdir()  # type: ignore[operator]
    done = ckpt_ops("alerts", "--store", (tmp_path / "empty").as_uri())  # type: ignore[operator]
    assert (done.exit_code, done.stdout) == (0, "Nothing: no model wants a person.\n")
