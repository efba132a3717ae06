"""`backtest`, as far as it needs no TensorFlow: what is refused before anything trains, and what is shown."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from ckpt_ops.backtest.picture import draw
from ckpt_ops.cli import render_backtest
from ckpt_ops.store import LocalStore

FINE = "from ckpt_ops.policies import Every\nweekly = Every(slices=1)\n"
DRIFT = "from ckpt_ops.policies import Drift\nby_delay = Drift(columns=('delay',), psi=0.2)\n"


@pytest.mark.parametrize(
    ("arguments", "policies", "message"),
    [
        (["flight_delay"], None, "an existing Python file"),
        (["flight_delay"], "", "binds at least one name to a policy"),
        (["flight_delay"], "weekly = Every(slices=1)", "NameError"),
        (
            ["flight_delay"],
            DRIFT,
            "--policies by_delay='delay' is not allowed: expected columns of",
        ),
        (["nobody"], FINE, "pipeline='nobody' is not allowed"),
        (["flight_delay", "--metric", "kappa"], FINE, "--metric='kappa' is not allowed: expected one of auc"),
        (["flight_delay", "--from", "2013-01-07"], FINE, "2013-01-06, 2013-01-13, 2013-01-27"),
        (["flight_delay", "--to", "2013-01-20"], FINE, "--to='2013-01-20' is not allowed"),
        (["flight_delay", "--from", "2013-01-27"], FINE, "at least two accepted slices"),
        (["flight_delay", "--output", "a.py"], FINE, "--output='a.py' is not allowed"),
    ],
)
def test_what_cannot_be_replayed_is_refused_at_the_door(
    ckpt_ops: Callable[..., Result],
    store: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    policies: str | None,
    message: str,
) -> None:
    monkeypatch.setenv("CKPT_OPS_DAGS", str(Path(__file__).parents[3] / "dags"))
    monkeypatch.chdir(tmp_path)
    if policies is not None:
        Path("a.py").write_text(policies)
    before = list(store.list(""))
    done = ckpt_ops("backtest", *arguments, "--policies", "a.py")
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert list(store.list("")) == before


def _policy(name: str, seconds: float, mean: float | None, outcomes: list[str]) -> dict[str, Any]:
    held = ["2013-01-13", "slice 2013-01-11 was in 2 rejected candidates"]
    slices = [
        {"key": f"2013-01-{at + 10}", "outcome": outcome, "value": None if at == 0 or mean is None else mean}
        for at, outcome in enumerate(outcomes)
    ]
    return {
        "name": name,
        "updates": outcomes.count("promoted"),
        "refused": outcomes.count("refused"),
        "deferred": outcomes.count("deferred"),
        "steps": 1_200,
        "seconds": seconds,
        "mean": mean,
        "worst": None if mean is None else ["2013-01-12", mean - 0.01],
        "held": held if "held" in outcomes else None,
        "slices": slices,
    }


@pytest.fixture
def view() -> dict[str, Any]:
    return {
        "model": "flights",
        "metric": "auc",
        "higher_is_better": True,
        "clock": "keys",
        "slices": [{"key": f"2013-01-{day}", "rows": 100} for day in range(10, 14)],
        "compared": ["2013-01-11", "2013-01-12", "2013-01-13"],
        "policies": [
            _policy("weekly [bold]", 9.4, 0.6789, ["promoted", "refused", "refused", "held"]),
            _policy("twin", 9.4, 0.6789, ["promoted", "refused", "refused", "held"]),
            _policy("never", 1.0, 0.7, ["promoted", "deferred", "deferred", "deferred"]),
            _policy("unscored", 1.0, None, ["refused", "refused", "refused", "held"]),
        ],
        "dominated": {"weekly [bold]": ["never"], "twin": ["never"]},
        "frontier": "on the frontier, cheapest first: never; dominated: weekly (by never)",
        "trainings": {"asked": 8, "shared": 3, "restored": 1, "trained": 4},
        "seconds": 61.4,
        "cpu_seconds": 80.2,
    }


def test_a_row_a_policy_and_below_it_who_beats_whom(
    view: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    render_backtest.show_backtest(view)
    shown = " ".join(capsys.readouterr().out.split())
    assert "flights: 4 recorded slices, 2013-01-10 to 2013-01-13" in shown
    assert "│ weekly [bold] │ 1 │ 2 │ 1,200 │ 9.4 │ 0.6789 │ 0.6689 │ 2013-01-12 │" in shown
    assert "│ unscored │ 0 │ 3 │ 1,200 │ 1.0 │ - │ - │ - │" in shown
    assert "On the frontier, cheapest first: never; dominated: weekly (by never)." in shown
    assert "On hold: twin from slice 2013-01-13 to the end: slice 2013-01-11 was in 2 rejected" in shown
    assert "over the 3 slices that every policy scored" in shown
    assert "8 trainings: 3 shared" in shown
    assert "1 restored from the log's checkpoints, 4 trained" in shown
    assert "the start of the next key's interval" in shown
    render_backtest.show_backtest({**view, "clock": "accepted"})
    assert "when the log accepted it" in capsys.readouterr().out


def test_the_picture_is_drawn_whatever_is_missing(view: dict[str, Any], tmp_path: Path) -> None:
    draw(view, tmp_path / "some.png")
    draw({**view, "policies": view["policies"][-1:], "compared": []}, tmp_path / "none.png")
    for name in ("some.png", "none.png"):
        data = (tmp_path / name).read_bytes()
        assert data.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", data[16:24])
        assert width > height > 400
