"""What runs leave in the store for pages, which never run a pipeline's code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, NotWorseThan
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline import Append, Pipeline, Slices
from ckpt_ops.store import LocalStore
from ckpt_ops.views.describing import described, note
from ckpt_ops.views.description import DESCRIPTION, Description, read_description

FOLDER = "models/flight_delay/description/"


def names(store: LocalStore) -> list[str]:
    return [entry.name.removeprefix(FOLDER) for entry in store.list(FOLDER)]


def test_it_says_what_only_the_code_says(pipeline: Pipeline) -> None:
    other = replace(
        pipeline,
        freshness=timedelta(days=8),
        late_slices=Append(within=Slices(2)),
        gates=[NotWorseThan("production", metric="log_loss"), AtLeast("auc", 0.6)],
        approval=None,
    )
    found = described(other)
    assert found == Description(
        late_within=2,
        freshness_hours=192,
        metric="log_loss",
        gates=tuple(map(repr, other.gates)),
        source=pipeline.source.name,
    )
    assert DESCRIPTION.read(Description, DESCRIPTION.encode(found), name="d") == found


def test_it_is_written_again_when_a_setting_changed_and_only_then(
    store: LocalStore, pipeline: Pipeline
) -> None:
    assert read_description(store, "flight_delay") == Description()
    note(store, pipeline, LineageState(model="flight_delay", sequence=3))
    note(store, pipeline, LineageState(model="flight_delay", sequence=9))
    first = described(pipeline)
    assert names(store) == [f"{3:012d}-{first.digest}.json"]
    changed = replace(pipeline, freshness=timedelta(hours=6))
    note(store, changed, LineageState(model="flight_delay", sequence=9))
    assert names(store) == [f"{9:012d}-{described(changed).digest}.json"], "the one before is removed"
    assert read_description(store, "flight_delay").freshness_hours == 6


def test_whatever_cannot_be_read_is_passed_over(store: LocalStore, pipeline: Pipeline) -> None:
    note(store, pipeline, LineageState(model="flight_delay", sequence=3))
    for bad in (b"", b"\xff", b"[]", b'{"schema": 1, "late_within": "four"}', b'{"schema": 9}'):
        store.put(f"{FOLDER}{5:012d}-0123456789abcdef.json", bad)
        assert read_description(store, "flight_delay") == described(pipeline)


@pytest.mark.parametrize("freshness", [8, "8 days", timedelta(), timedelta(days=-1), True])
def test_a_freshness_that_is_no_length_of_time_is_refused(pipeline: Pipeline, freshness: object) -> None:
    with pytest.raises(BadInput, match=r"freshness=.*timedelta\(days=8\)"):
        replace(pipeline, freshness=freshness)


def test_an_objective_changes_no_candidate(pipeline: Pipeline) -> None:
    other = replace(pipeline, freshness=timedelta(days=8))
    assert other.training_config() == pipeline.training_config()
