"""What a person is asked: all that is needed to decide, and nothing in it that data could have put there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Evaluated, Promoted, Record, SliceRef
from ckpt_ops.pipeline import Approval, Otherwise, Pipeline
from ckpt_ops.promotion.question import question
from ckpt_ops.store import LocalStore

UNTIL = datetime(2013, 2, 1, 12, tzinfo=UTC)
PAGE = "/ckpt-ops/models/flight_delay/versions/2/evaluation"
NASTY = (
    "AA](https://evil.example) https://evil.example `x` <img src=x onerror=alert(1)> | {{ ti.key }}\n# big"
)


def history(*verdicts: str, passed: bool = True) -> list[Record]:
    found: list[Record] = []
    for version, parent, auc in ((1, None, 0.68), (2, 1, 0.7)):
        ref = SliceRef(key=f"2013-01-{6 * version:02}", revision="a" * 16, rows=6_000)
        metrics = {"candidate": {"auc": auc}} | ({"champion": {"auc": 0.68}} if parent else {})
        found += [
            CandidateStarted(version=version, candidate=f"c{version}", parent=parent, slices=(ref,)),
            CandidateTrained(
                version=version, step=10, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
            ),
            Evaluated(version=version, champion=parent, passed=passed, metrics=metrics, verdicts=verdicts),
        ]
        if parent is None:
            found.append(Promoted(version=1, champion=None))
    return found


@pytest.fixture
def asking(pipeline: Pipeline) -> Pipeline:
    return replace(pipeline, approval=Approval(within=timedelta(hours=3), otherwise=Otherwise.PROMOTE))


def say(store: LocalStore, *records: Record) -> None:
    log = ModelLog(store, "flight_delay")
    for record in records:
        log.append(record, after=log.state())


def test_it_says_what_was_judged_how_much_better_it_is_until_when_and_how_to_answer(
    asking: Pipeline, store: LocalStore
) -> None:
    say(store, *history("AtLeast(auc): auc 0.7000 is at least 0.6"))
    asked = question(asking, store, 2, until=UNTIL, page=PAGE)
    assert asked is not None
    assert asked.subject == "Promote version 2 of flight_delay?"
    assert f"[Its evaluation]({PAGE})" in asked.body
    assert "| `auc` | 0.7000 | 0.6800 | +0.0200 |" in asked.body
    assert "- `AtLeast(auc): auc 0.7000 is at least 0.6`" in asked.body
    assert "Without an answer by 2013-02-01 12:00 UTC it is **promoted**" in asked.body
    assert "`ckpt-ops promote flight_delay 2 --approve --why TEXT`" in asked.body


def test_words_of_data_neither_link_nor_format(asking: Pipeline, store: LocalStore) -> None:
    say(store, *history(NASTY))
    asked = question(asking, store, 2, until=UNTIL, page=PAGE)
    assert asked is not None
    outside = "".join(asked.body.split("`")[::2])
    assert "evil" not in outside

    assert [line for line in asked.body.splitlines() if line.startswith("#")] == []
    assert "evil.example" in asked.body, "it is shown, as it is"


def test_a_title_of_ones_own_heads_it(asking: Pipeline, store: LocalStore) -> None:
    say(store, *history())
    titled = replace(asking, approval=Approval(title="Ask Ada before noon"))
    asked = question(titled, store, 2, until=UNTIL, page=PAGE)
    assert asked is not None
    assert asked.subject == "Ask Ada before noon"


def test_nobody_is_asked_about_what_does_not_wait(asking: Pipeline, store: LocalStore) -> None:
    say(store, *history())
    assert question(asking, store, 1, until=UNTIL, page=PAGE) is None, "in production already"
    say(store, Promoted(version=2, champion=1))
    assert question(asking, store, 2, until=UNTIL, page=PAGE) is None


def test_nor_about_what_the_gates_refused(asking: Pipeline, store: LocalStore) -> None:
    say(store, *history(passed=False))
    assert question(asking, store, 2, until=UNTIL, page=PAGE) is None


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"within": timedelta()}, "within"),
        ({"within": 24}, "within"),
        ({"otherwise": "reject"}, "otherwise"),
        ({"title": "two\nlines"}, "title"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        Approval(**settings)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_person_in_the_pipeline_changes_no_weights(pipeline: Pipeline, asking: Pipeline) -> None:
    assert asking.training_config() == pipeline.training_config()
    with pytest.raises(BadInput, match="approval"):
        replace(pipeline, approval=timedelta(hours=3))
