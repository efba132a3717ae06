"""`bisect` and `reproduce`, as far as they need no TensorFlow: what is refused before anything is trained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from ckpt_ops.cli import render_diagnose
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted
from ckpt_ops.store import LocalStore


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bisect", "flight_delay", "--metric", "lift", "--below", "0.6"], "one of auc, log_loss"),
        (["bisect", "flight_delay", "--metric", "auc"], "--below X and no --above"),
        (["bisect", "flight_delay", "--metric", "auc", "--above", "0.6"], "--below X and no --above"),
        (["bisect", "flight_delay", "--metric", "rmse", "--below", "0.6"], "--above X and no --below"),
        (["bisect", "nobody", "--metric", "auc", "--below", "0.6"], "one of flight_delay"),
        (
            ["bisect", "flight_delay", "--metric", "auc", "--below", "0.6", "--on", "2013-01-20"],
            "2013-01-06, 2013-01-13, 2013-01-27",
        ),
        (["bisect", "flight_delay", "--below", "0.6"], "--metric"),
        (["reproduce", "flight_delay", "9"], "a version of flight_delay: 1, 2, 3, 4"),
        (["reproduce", "flight_delay", "4"], "trained to its end: 1, 2, 3"),
        (["reproduce", "nobody", "1"], "one of flight_delay"),
        (["audit", "flight_delay", "--metric", "kappa"], "one of auc, log_loss"),
        (["audit", "flight_delay", "--newest", "0"], "newest"),
        (["audit", "nobody"], "one of flight_delay"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_the_door(
    ckpt_ops: Callable[..., Result], store: LocalStore, arguments: list[str], message: str
) -> None:
    log = ModelLog(store, "flight_delay")
    log.append(CandidateStarted(version=4, candidate="c4", parent=2, slices=()), after=log.state())
    before = list(store.list(""))
    done = ckpt_ops(*arguments)
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert list(store.list("")) == before


def test_the_likeliest_cause_comes_first() -> None:
    """What is known to be another, then the first version that is, then what can only be guessed."""
    way = [
        {"version": 1, "equal": True, "stopped_by": "max_steps"},
        {"version": 2, "equal": False, "stopped_by": "max_seconds"},
        {"version": 3, "equal": False, "stopped_by": "max_steps"},
    ]
    view = {
        "model": "flights",
        "version": 3,
        "trained": way,
        "changes": {"2": ["the code"], "3": ["the code"]},
        "placed": "on CPU:0",
        "placed_again": "on CPU:0",
    }
    found = render_diagnose.causes(view)
    assert found[0] == "the code"
    assert found[1].startswith("version 2, the first on the way")
    assert found[2].startswith("version 2: the clock ended it")
    assert found[-1] == "the checkpoint itself: ckpt-ops verify flights 3"
    assert found.count("the code") == 1
    elsewhere = render_diagnose.causes({**view, "placed": "on GPU:0"})
    assert [one for one in elsewhere if one not in found] == ["it was trained on GPU:0, and now on CPU:0"]
