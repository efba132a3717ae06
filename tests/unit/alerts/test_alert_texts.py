"""An alert says what happened, what is safe and what is next; and text of data is no markup anywhere."""

from __future__ import annotations

import json

import pytest

from ckpt_ops.alerts import Alert, link_to
from ckpt_ops.alerts.alert import SAFE
from ckpt_ops.views.shapes import Wants

HOSTILE = "<script>alert(1)</script> <!channel> \x1b[2J\r\nBcc: eve@x &\u202e {{ ti }} *b*"


def alert(message: str = "In quarantine: w1.", **more: object) -> Alert:
    given = {"command": "ckpt-ops quarantine list m", "slices": ("w1",), "link": "http://a/m", **more}
    return Alert(model="m", what=Wants.QUARANTINED, subjects=("w1",), message=message, **given)  # type: ignore[arg-type]


def test_the_text_says_what_happened_what_is_safe_and_what_is_next() -> None:
    assert alert().title == "m: slice in quarantine: w1"
    assert alert().text.splitlines() == [
        "In quarantine: w1.",
        "Safe: nothing trains on what is in quarantine; the version in production serves on",
        "Next: ckpt-ops quarantine list m",
        "Page: http://a/m",
    ]
    assert '<a href="http://a/m">' in alert().html


def test_what_nobody_knows_has_no_line() -> None:
    assert [heading for heading, _ in alert(command="", link="").lines] == ["", "Safe"]


@pytest.mark.parametrize("what", Wants)
def test_each_kind_says_what_is_safe(what: Wants) -> None:
    assert SAFE[what]


def test_text_of_data_is_neither_markup_nor_a_line_of_its_own() -> None:
    hostile = alert(HOSTILE, slices=(HOSTILE,))
    assert "\n" not in hostile.title
    assert "\r" not in hostile.title
    assert "\x1b" not in hostile.title
    assert len(hostile.text.splitlines()) == 4
    assert not set(hostile.text) & set("\x1b\r\u202e")
    assert "<script" not in hostile.html
    assert "&lt;script&gt;" in hostile.html
    assert "<" not in hostile.slack
    assert "&lt;!channel&gt;" in hostile.slack
    assert json.loads(hostile.json)["message"] == HOSTILE


def test_long_texts_are_cut() -> None:
    long = alert("x" * 100_000, slices=tuple(f"w{at}" * 100 for at in range(20)))
    assert len(long.title) < 200
    assert len(long.text) < 5_000


def test_the_page_is_in_airflow_s_ui() -> None:
    assert (
        link_to("flight_delay", "https://a.example/af/")
        == "https://a.example/af/dags/flight_delay/plugin/model"
    )
    assert link_to("a/b", "https://a") == "https://a/dags/a%2Fb/plugin/model"
    assert link_to("m", "/") == link_to("m", "") == ""
