"""From a model's log to what is sent: once by each way, whatever fails, and whoever else looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from histories import KEYS, accepted, evaluated, promoted, ref, rejected, started, trained
from mortal import Killed, Mortal

from ckpt_ops.alerts import Alert, Board, look_at, missing_slice, standing, tell
from ckpt_ops.alerts.board import MOST, RETRY
from ckpt_ops.alerts.kept_board import BOARD, change_board, read_board
from ckpt_ops.errors import Corrupt, StoreUnavailable
from ckpt_ops.lineage import ModelLog, fold
from ckpt_ops.lineage.missing import key_like
from ckpt_ops.lineage.records import (
    Held,
    Released,
    SliceAccepted,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
    SourceChanged,
)
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.views import StoreViews
from ckpt_ops.views.description import DESCRIPTION, Description
from ckpt_ops.views.shapes import Wants

Say = Callable[..., ModelLog]
NOW = datetime.now(UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "alerts-schema-1.json"


class Heard:
    """A way that takes alerts, and may refuse them."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.alerts: list[Alert] = []
        self.refuses = refuses

    def __call__(self, alert: Alert) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.alerts.append(alert)

    @property
    def kinds(self) -> list[Wants]:
        return [one.what for one in self.alerts]


def look(store: Store, *ways: Heard, now: datetime | None = None, **more: object) -> tuple[str, ...]:
    """As a run does at its end; what failed."""
    at = now or datetime.now(UTC)
    summary = StoreViews(store).summary("m", now=at)
    named = {f"way {number}": way for number, way in enumerate(ways)}
    return tell(store, "m", standing(summary), named, clock=lambda: at, **more).failed  # type: ignore[arg-type]


def test_each_event_is_told_once_with_its_next_command(store: LocalStore, say: Say) -> None:
    heard = Heard()
    say("m", promoted(1, ref(KEYS[0])), promoted(2, ref(KEYS[1]), champion=1))
    look(store, heard)
    assert heard.kinds == []
    events = [
        (Wants.QUARANTINED, [SliceQuarantined(slice=ref(KEYS[2]), report="", reason="a column is null")]),
        (Wants.REJECTED, [accepted(KEYS[3]), *rejected(3, ref(KEYS[3]), champion=2)]),
        (Wants.ON_HOLD, [Held(reason="rejected three times")]),
        (Wants.CHANGED, [SourceChanged(slices=(ref(KEYS[1]),))]),
        (Wants.TAINTED, [SliceTainted(slice=ref(KEYS[0]), reason="swapped labels")]),
    ]
    for what, records in events:
        say("m", records)
        heard.alerts.clear()
        for _ in range(3):
            look(store, heard)
        assert what in heard.kinds
        assert len(heard.kinds) == len(set(heard.kinds)), "once, whatever it brings about beside it"
        found = next(one for one in heard.alerts if one.what is what)
        assert found.command.startswith("ckpt-ops ")
        assert "serves on" in found.safe
    assert "a column is null" in read_board(store, "m")[1].posted[0].alert.message


def test_a_hold_that_was_released_and_comes_again_is_told_again(store: LocalStore, say: Say) -> None:
    heard = Heard()
    for record in (Held(reason="one"), Held(reason="another"), Released(), Held(reason="another")):
        say("m", record)
        look(store, heard)
    assert [one.message for one in heard.alerts] == [
        "Nothing trains: one",
        "Nothing trains: another",
        "Nothing trains: another",
    ]


def test_what_time_brings_is_told_by_a_look_without_a_run(store: LocalStore, say: Say) -> None:
    say("m", promoted(1, ref(KEYS[0])))
    about = Description(freshness_hours=24.0)
    store.put(f"models/m/description/{1:012d}-{about.digest}.json", DESCRIPTION.encode(about))
    heard = Heard()
    for hours in (1, 25, 26, 50):
        look(store, heard, now=NOW + timedelta(hours=hours))
    assert heard.kinds == [Wants.STALE]


def test_quality_and_speed_are_told(store: LocalStore, say: Say) -> None:
    heard = Heard()
    for number in range(1, 7):
        pace = 10 if number == 6 else 100
        below = {"candidate": "auc 0.5 is below 0.6"} if number == 6 else {}
        say(
            "m",
            [
                accepted(KEYS[0], number),
                started(number, ref(KEYS[0], number), parent=number - 1 or None),
                replace(trained(number), seconds=100.0, step=100 * pace),
                replace(evaluated(number, champion=number - 1 or None, passed=True), below_floor=below),
                promoted(number, champion=number - 1 or None)[-1],
            ],
        )
        look(store, heard)
    assert heard.kinds == [Wants.BELOW_FLOOR, Wants.SLOWER]


class TestAWayThatFails:
    def test_it_holds_up_no_other_and_tells_later(self, store: LocalStore, say: Say) -> None:
        say("m", Held(reason="why"))
        broken, fine = Heard(ConnectionRefusedError(111, "Connection refused")), Heard()
        (failed,) = look(store, broken, fine, now=NOW)
        assert failed == "way 0: m: on hold: ConnectionRefusedError: Connection refused"
        assert fine.kinds == [Wants.ON_HOLD]
        broken.refuses = None
        look(store, broken, fine, now=NOW + RETRY / 2)
        assert broken.kinds == [], "not at each look"
        look(store, broken, fine, now=NOW + RETRY)
        assert (broken.kinds, fine.kinds) == ([Wants.ON_HOLD], [Wants.ON_HOLD])

    def test_what_it_says_of_an_address_is_kept_nowhere(self, store: LocalStore, say: Say) -> None:
        say("m", Held(reason="why"))
        secret = ValueError("http://hooks.example/T000/SECRET does not answer")
        (failed,) = look(store, Heard(secret))
        assert failed.endswith(": ValueError")
        assert b"SECRET" not in store.get("models/m/alerts/000000000003.json")

    def test_what_a_run_found_is_told_later_too(self, store: LocalStore, say: Say) -> None:
        say("m", accepted(KEYS[0]))
        broken = Heard(OSError())
        look(store, broken, now=NOW, moments=[missing_slice("m", "2013-w09", "source has no slice")])
        broken.refuses = None
        look(store, broken, now=NOW + RETRY)
        (found,) = broken.alerts
        assert (found.title, found.message) == ("m: slice is missing: 2013-w09", "source has no slice")

    def test_one_that_hangs_for_ever_comes_last_the_next_time(self, store: LocalStore, say: Say) -> None:
        say("m", Held(reason="why"))

        class Hangs(Heard):
            def __call__(self, alert: Alert) -> None:
                raise Killed  # by the task's time limit

        fine = Heard()
        for wait in (timedelta(), RETRY):
            with pytest.raises(Killed):
                look(store, Hangs(), fine, now=NOW + wait)
        assert fine.kinds == [Wants.ON_HOLD]


def test_of_many_that_look_at_once_one_tells(store: LocalStore, say: Say) -> None:
    say("m", Held(reason="why"), SliceQuarantined(slice=ref(KEYS[2]), report=""))
    heard = Heard()
    threads = [threading.Thread(target=look, args=(store, heard)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(heard.kinds) == sorted([Wants.ON_HOLD, Wants.QUARANTINED])


@pytest.mark.parametrize("behind", [False, True], ids=["before a write", "behind it"])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5, 6])
def test_a_look_that_is_killed_loses_nothing(write: int, behind: bool) -> None:
    store, heard = Mortal(), Heard()
    stands = [
        Alert(model="m", what=what, subjects=("a",), message="x") for what in (Wants.LATE, Wants.ON_HOLD)
    ]
    store.deaths = {write: behind}
    killed = False
    try:
        tell(store, "m", stands, {"mail": heard}, clock=lambda: NOW)
    except Killed:
        killed = True
    assert killed or write > 4
    tell(store, "m", stands, {"mail": heard}, clock=lambda: NOW + RETRY)
    assert set(heard.kinds) == {Wants.LATE, Wants.ON_HOLD}
    assert len(heard.kinds) <= 3, "at most the one that was being told is told twice"


class TestTheBoardInTheStore:
    def test_a_damaged_one_tells_again_and_goes_on(self, store: LocalStore, say: Say) -> None:
        say("m", Held(reason="why"))
        heard = Heard()
        look(store, heard)
        store.put(f"models/m/alerts/{read_board(store, 'm')[0] + 1:012d}.json", b"{damaged")
        store.put("models/m/alerts/not-ours.txt", b"")
        for _ in range(2):
            look(store, heard)
        assert heard.kinds == [Wants.ON_HOLD] * 2

    def test_one_of_a_newer_version_is_left_alone(self, store: LocalStore, say: Say) -> None:
        say("m", Held(reason="why"))
        store.put("models/m/alerts/000000000001.json", json.dumps({"schema": 2}).encode())
        heard = Heard()
        with pytest.raises(Corrupt, match="newer ckpt_ops"):
            look(store, heard)
        assert heard.kinds == []

    def test_old_ones_are_removed_after_an_hour(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def change(at: int) -> None:
            alert = Alert(model="m", what=Wants.LATE, subjects=(str(at),), message="x")
            change_board(store, "m", lambda board: board.seen(NOW, [alert]))

        for at in range(6):
            change(at)
        assert len(list(store.list("models/m/alerts/"))) == 6
        from ckpt_ops.alerts import kept_board

        monkeypatch.setattr(kept_board, "STAYS", -1.0)
        change(9)
        assert [one.name[-6] for one in store.list("models/m/alerts/")] == ["5", "6", "7"]

    def test_the_first_schema_stays_readable(self) -> None:
        data = GOLDEN.read_bytes()
        board = BOARD.read(Board, data, name="golden")
        assert BOARD.encode(board) == data.rstrip(b"\n")
        first, second = board.posted
        assert (first.alert.what, first.ways[0].told, second.moment) == (Wants.QUARANTINED, True, True)


def test_slices_that_a_person_settled_are_not_told(store: LocalStore, say: Say) -> None:
    say("m", SliceQuarantined(slice=ref(KEYS[2]), report=""), SliceWithdrawn(slice=ref(KEYS[2])))
    say(
        "m", SliceQuarantined(slice=ref(KEYS[3]), report=""), SliceAccepted(slice=ref(KEYS[3]), released=True)
    )
    heard = Heard()
    look(store, heard)
    assert heard.kinds == []


@pytest.mark.parametrize(
    ("newest", "expected"),
    [("2026-01-04", "2026-01-11"), ("2026-W01", "2026-W02"), ("20260104T0000", "20260111T0000"), ("x", None)],
)
def test_a_slice_that_never_came_is_named_as_the_others_are(newest: str, expected: str | None) -> None:
    state = fold("m", [SliceAccepted(slice=ref(newest))])
    assert key_like(state, datetime(2026, 1, 11, tzinfo=UTC)) == expected


def test_a_board_does_not_grow_without_end() -> None:
    alerts = [Alert(model="m", what=Wants.LATE, subjects=(str(at),), message="x") for at in range(MOST + 9)]
    assert len(Board().seen(NOW, alerts).posted) == MOST


class TestALogThatCannotBeRead:
    def test_it_is_told(self, store: LocalStore, say: Say) -> None:
        say("m", Held(reason="why"), Released())
        store.delete("models/m/log/000000000001.json")
        (alert,) = look_at(StoreViews(store), "m", link="http://a")
        assert (alert.what, alert.link) == (Wants.UNREADABLE, "http://a")

    def test_a_store_that_does_not_answer_is_none(
        self, store: LocalStore, say: Say, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        say("m", Held(reason="why"))

        def down(*_: object, **__: object) -> object:
            raise StoreUnavailable("no answer")

        views = StoreViews(store)
        monkeypatch.setattr(store, "get", down)
        monkeypatch.setattr(store, "list", down)
        with pytest.raises(StoreUnavailable):
            look_at(views, "m")

    def test_a_model_without_a_log_has_nothing_to_tell(self, store: LocalStore) -> None:
        assert look_at(StoreViews(store), "nobody") == ()
