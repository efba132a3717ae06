"""A task was marked a success: what it would have come to is found in the store, or it is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from stand_in import ADA, BOB, W1, W2, W3, W4, Place

from ckpt_ops.errors import NoResult, SourceUnavailable
from ckpt_ops.lineage.records import CandidateStarted, SliceWithdrawn
from ckpt_ops.pipeline.step_results import Pulled
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.runs.recovering import (
    check_evaluated,
    check_validated,
    key_between,
    pulled_slice,
    replayed_version,
    trained_version,
)
from ckpt_ops.slices import Files


def quiet(line: str) -> None:
    pass


class TestPull:
    def test_what_the_source_has_now_is_what_pull_would_have_said(self, place: Place) -> None:
        ref = place.take_in(W1, (ADA, 1))
        pulled = pulled_slice(place.pipeline, place.store, W1)
        assert pulled == Pulled(key=W1, revision=ref.revision, rows=1)

    def test_of_several_revisions_it_is_the_one_at_the_source(self, place: Place) -> None:
        first = place.take_in(W1, (ADA, 1))
        place.take_in(W1, (ADA, 1), (BOB, 2))
        place.land(W1, (ADA, 1))
        steps.pull(place.pipeline, place.store, W1)
        assert pulled_slice(place.pipeline, place.store, W1).revision == first.revision

    def test_what_nobody_pulled_yet_is_not_taken_and_the_log_s_revision_stands(self, place: Place) -> None:
        first = place.take_in(W1, (ADA, 1))
        place.land(W1, (ADA, 5))
        assert pulled_slice(place.pipeline, place.store, W1).revision == first.revision

    def test_a_source_that_is_down_is_no_obstacle(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ref = place.take_in(W1, (ADA, 1))

        def down(*args: object) -> None:
            raise SourceUnavailable("no answer")

        monkeypatch.setattr(Files, "parts", down)
        assert pulled_slice(place.pipeline, place.store, W1).revision == ref.revision

    def test_a_slice_that_was_never_pulled_names_the_task(self, place: Place) -> None:
        place.land(W1, (ADA, 1))
        with pytest.raises(NoResult, match=r"task pull .* never pulled") as refused:
            pulled_slice(place.pipeline, place.store, W1)
        assert refused.value.next == "clear task pull of this run"

    def test_the_log_knows_the_key_where_the_source_does_not(self, place: Place) -> None:
        place.take_in(W1, (ADA, 1))
        first, second, third = (datetime(2013, 1, day, tzinfo=UTC) for day in (6, 13, 20))
        assert key_between(place.pipeline, place.store, first, second) == W1
        with pytest.raises(NoResult, match="no slice"):
            key_between(place.pipeline, place.store, second, third)

    def test_a_slice_that_nobody_judged_names_validate(self, place: Place) -> None:
        with pytest.raises(NoResult, match="task validate") as refused:
            check_validated(place.pipeline, place.store, W1)
        assert "quarantine release people 2013-01-06" in refused.value.next
        place.take_in(W1, (ADA, 1))
        check_validated(place.pipeline, place.store, W1)


class TestTrain:
    def test_the_version_that_ends_with_the_slice_is_the_run_s(self, history: Place) -> None:
        found = [trained_version(history.pipeline, history.store, key) for key in (W1, W2, W3)]
        assert found == [1, 2, 3]

    def test_a_run_that_trained_nothing_names_the_task(self, history: Place) -> None:
        with pytest.raises(NoResult, match=r"task train .* no version of people ends with slice 2013-01-27"):
            trained_version(history.pipeline, history.store, W4)

    def test_a_version_that_was_only_begun_is_no_result(self, history: Place) -> None:
        slices = (history.state().slices[W4].ref,)
        history.say(CandidateStarted(version=4, candidate="c", parent=3, slices=slices))
        with pytest.raises(NoResult, match="version 4 is started, and not trained"):
            trained_version(history.pipeline, history.store, W4)

    def test_a_version_that_nobody_evaluated_names_evaluate(self, history: Place) -> None:
        version = steps.train(history.pipeline, history.store, W4, quiet).version
        with pytest.raises(NoResult, match="task evaluate") as refused:
            check_evaluated(history.pipeline, history.store, version)
        assert "clear task evaluate of this run" in refused.value.next
        steps.evaluate(history.pipeline, history.store, version)
        check_evaluated(history.pipeline, history.store, version)


class TestReplay:
    def test_the_result_is_found_before_and_after_the_swap(self, history: Place) -> None:
        withdrawn = history.state().slices[W2].ref
        history.say(SliceWithdrawn(slice=withdrawn, reason="another feed"))
        with pytest.raises(NoResult, match=r"task replay .* step 1 of the rebase of people is not trained"):
            replayed_version(history.pipeline, history.store)
        replayed = rebasing.replay(history.pipeline, history.store, quiet)
        assert replayed_version(history.pipeline, history.store) == replayed.version
        rebasing.conclude(history.pipeline, history.store, replayed.version)
        assert history.state().head == replayed.version
        assert replayed_version(history.pipeline, history.store) == replayed.version

    def test_without_a_rebase_there_is_none(self, history: Place) -> None:
        with pytest.raises(NoResult, match="no rebase of people is due"):
            replayed_version(history.pipeline, history.store)
