"""What a run would train is a function of values: the state, the description, and two digests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.candidates.proposal import Proposal, candidate_of, proposal_of, propose
from ckpt_ops.lineage import Action, LineageState, VersionStatus, fold
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceRef,
    SliceWithdrawn,
)
from ckpt_ops.pipeline import Approval, Pipeline
from ckpt_ops.pipeline.code.digests import Digests

KEYS = ("2013-01-06", "2013-01-13", "2013-01-20")
NOW = Digests(code="c0de", lock="10c4")
EDITED = Digests(code="ed17", lock="10c4")


def ref(key: str, revision: str = "a") -> SliceRef:
    return SliceRef(key=key, revision=revision * 16, rows=6_000)


class History:
    """A log in memory, in which candidates are made as `propose` says."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.state = pipeline, LineageState(model=pipeline.name)

    def say(self, *records: Record) -> None:
        self.state = fold(self.state.model, list(records), after=self.state)

    def proposal(self, key: str, digests: Digests = NOW) -> Proposal:
        return propose(self.pipeline, self.state, key, digests=digests)

    def open(self, key: str) -> CandidateStarted:
        candidate = self.proposal(key).candidate
        assert candidate is not None
        opened = candidate.record()
        self.say(opened)
        return opened

    def evaluate(self, opened: CandidateStarted, *, passed: bool) -> None:
        number, champion = opened.version, self.state.head
        self.say(
            CandidateTrained(
                version=number, step=1, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
            ),
            Evaluated(version=number, champion=champion, passed=passed, metrics={}, verdicts=()),
        )

    def promote(self, key: str) -> None:
        self.say(SliceAccepted(slice=ref(key)))
        opened = self.open(key)
        self.evaluate(opened, passed=True)
        self.say(Promoted(version=opened.version, champion=opened.parent))

    def reject(self, key: str) -> None:
        opened = self.open(key)
        self.evaluate(opened, passed=False)
        self.say(Rejected(version=opened.version, champion=opened.parent))


@pytest.fixture
def history(pipeline: Pipeline) -> History:
    """A champion of the first slice, and the second one pending."""
    made = History(pipeline)
    made.promote(KEYS[0])
    made.say(SliceAccepted(slice=ref(KEYS[1])))
    return made


def test_a_new_slice_makes_a_candidate_on_the_head(history: History) -> None:
    proposal = history.proposal(KEYS[1])
    assert proposal.plan.action is Action.APPEND
    assert proposal.candidate is not None
    assert (proposal.candidate.version, proposal.candidate.parent) == (2, 1)
    assert proposal.candidate.slices == proposal.plan.slices == (ref(KEYS[1]),)
    assert (proposal.repeated, proposal.blocked_by, proposal.obstacle) == (None, None, None)
    assert proposal.to_train == proposal.candidate


def test_an_open_candidate_is_proposed_again_by_the_record_that_opened_it(history: History) -> None:
    opened = history.open(KEYS[1])
    again = history.proposal(KEYS[1]).candidate
    assert again is not None
    assert again.opened is again.record() is opened


def test_other_code_makes_another_candidate(history: History) -> None:
    opened = history.open(KEYS[1])
    other = history.proposal(KEYS[1], EDITED).candidate
    assert other is not None
    assert other.id != opened.candidate
    assert other.version == opened.version + 1


def test_what_was_refused_is_not_to_be_trained_again_unless_the_code_is_other_code(history: History) -> None:
    history.reject(KEYS[1])
    proposal = history.proposal(KEYS[1])
    assert proposal.repeated is not None
    assert proposal.repeated.version.version == 2
    assert proposal.to_train is None
    assert "version 2 with the same parent and slices was rejected" in str(proposal.obstacle)
    assert history.proposal(KEYS[1], EDITED).to_train is not None


def test_a_version_that_waits_for_a_person_blocks_every_other_candidate_and_not_itself(
    history: History,
) -> None:
    history.pipeline = replace(history.pipeline, approval=Approval())
    waiting = history.open(KEYS[1])
    history.evaluate(waiting, passed=True)
    itself = history.proposal(KEYS[1]).candidate
    assert itself is not None
    assert itself.opened == waiting
    for blocked in (history.proposal(KEYS[1], EDITED), history.proposal(KEYS[0])):
        assert blocked.candidate is None
        assert blocked.blocked_by is not None
        assert blocked.blocked_by.version == waiting.version
        assert "version 2 waits for approval" in str(blocked.obstacle)


def test_a_plan_that_trains_nothing_has_no_candidate(history: History) -> None:
    history.say(SliceAccepted(slice=ref(KEYS[0], "b")))
    assert history.proposal(KEYS[0]).plan.action is Action.FORK
    assert history.proposal(KEYS[2]).plan.action is Action.SKIP
    for key in (KEYS[0], KEYS[2]):
        assert history.proposal(key).candidate is None


MOVES = ("accept", "correct", "withdraw", "open", "promote", "reject", "await")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    moves=st.lists(st.tuples(st.sampled_from(MOVES), st.sampled_from(KEYS)), max_size=12),
    asks=st.booleans(),
)
def test_whatever_happened_the_parts_of_a_proposal_agree(
    pipeline: Pipeline, moves: list[tuple[str, str]], *, asks: bool
) -> None:
    history = History(replace(pipeline, approval=Approval() if asks else None))
    for move, key in moves:
        _make(history, move, key)
    state, before = history.state, repr(history.state)
    for key in KEYS:
        found = history.proposal(key)
        assert found == history.proposal(key), "the same values give the same proposal"
        assert found == proposal_of(history.pipeline, state, found.plan, digests=NOW)
        trains = found.plan.action in (Action.APPEND, Action.LATE)
        assert (found.candidate is not None) == (trains and found.blocked_by is None)
        assert found.repeated is None or found.candidate is not None
        assert (found.to_train is None) == (not trains or found.obstacle is not None)
        if found.candidate is not None:
            parent, slices = found.candidate.parent, found.plan.slices
            assert parent == state.head
            expected = candidate_of(history.pipeline, state, parent, slices, digests=NOW)
            assert found.candidate.id == expected
            known = state.versions.get(found.candidate.version)
            assert (known is None) == (found.candidate.opened is None)
            assert known is None or (known.open and known.started == found.candidate.opened)
        if found.repeated is not None:
            assert found.repeated.version.refused
        if found.blocked_by is not None:
            assert found.blocked_by.status is VersionStatus.EVALUATED
            assert asks
    assert repr(history.state) == before, "nothing is changed by asking"


def _make(history: History, move: str, key: str) -> None:
    """Let something happen, if it can."""
    known = history.state.slices.get(key)
    if move == "accept" and known is None:
        history.say(SliceAccepted(slice=ref(key)))
    elif move == "correct" and known is not None:
        history.say(SliceAccepted(slice=ref(key, "b" if known.ref == ref(key) else "a")))
    elif move == "withdraw" and known is not None:
        history.say(SliceWithdrawn(slice=known.ref))
    elif move in ("open", "promote", "reject", "await"):
        candidate = history.proposal(key).to_train
        if candidate is None:
            return
        wanted = candidate.record()
        if wanted.version not in history.state.versions:
            history.say(wanted)
        version = history.state.versions[wanted.version]
        if move == "open" or version.status is not VersionStatus.STARTED:
            return
        history.evaluate(wanted, passed=move != "reject")
        if move == "promote":
            history.say(Promoted(version=wanted.version, champion=wanted.parent))
        elif move == "reject":
            history.say(Rejected(version=wanted.version, champion=wanted.parent))
