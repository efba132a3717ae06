"""`rollback`, `withdraw`, `release`, `run`: one record each, or a refusal that changes nothing."""

from __future__ import annotations

import pytest

from ckpt_ops.lineage import ModelLog


def state(store):
    return ModelLog(store, "flight_delay").state()


def test_rollback_moves_the_head_and_keeps_the_reason(ckpt_ops, store):
    done = ckpt_ops("rollback", "flight_delay", "--to", "1", "--why", "late flights scored too low")
    assert done.exit_code == 0, done.stderr
    assert "Version 1 of flight_delay is the head again" in done.stdout
    assert state(store).head == 1
    assert ModelLog(store, "flight_delay").records()[-1].reason == "late flights scored too low"


def test_a_rollback_is_taken_back_and_slices_say_meanwhile_what_was_tried(ckpt_ops, store):
    assert ckpt_ops("rollback", "flight_delay", "--to", "1", "--why", "complaints").exit_code == 0
    said = ckpt_ops("slices", "flight_delay").stdout
    assert "version 2 with the same parent" in said

    done = ckpt_ops("rollback", "flight_delay", "--to", "2", "--why", "it was the network")
    assert (done.exit_code, state(store).head) == (0, 2), done.stderr


def test_withdraw_takes_a_pending_slice_back(ckpt_ops, store):
    done = ckpt_ops("withdraw", "flight_delay", "--slice", "2013-01-27", "--why", "test data")
    assert done.exit_code == 0, done.stderr
    assert state(store).pending() == ()


def test_release_ends_a_hold(ckpt_ops, held):
    assert ckpt_ops("release", "flight_delay", "--why", "the suite was fixed").exit_code == 0
    assert state(held).held is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["rollback", "flight_delay", "--to", "3", "--why", "x"], 2, "not tainted: 1"),
        (["rollback", "flight_delay", "--to", "1", "--why", " "], 2, "a reason"),
        (["rollback", "flight_delay", "--to", "1"], 2, "--why"),
        (["rollback", "nobody", "--to", "1", "--why", "x"], 2, "one of flight_delay"),
        (["withdraw", "flight_delay", "--slice", "2013-02-03", "--why", "x"], 2, "2013-01-27"),
        (["release", "flight_delay", "--why", "x"], 2, "a model on hold; this one is not"),
        (["run", "flight_delay", "--slice", "2013-13-45"], 2, "a Sunday as %Y-%m-%d, such as '2013-01-06'"),
        (["run", "flight_delay", "--slice", "2013-01-07"], 2, "slice key='2013-01-07'"),
        (["run", "flight_delay", "--slice", "2013-03-03"], 1, "no slice 2013-03-03"),
        (["run", "nothing", "--slice", "2013-01-06"], 2, "'nothing'"),
    ],
)
def test_what_is_refused_changes_nothing(ckpt_ops, store, tmp_path, monkeypatch, arguments, code, message):
    (tmp_path / "landing").mkdir()
    monkeypatch.setenv("CKPT_OPS_LANDING", (tmp_path / "landing").as_uri())
    before = state(store).sequence
    done = ckpt_ops(*arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert state(store).sequence == before
