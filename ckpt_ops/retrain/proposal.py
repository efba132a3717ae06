"""What a retraining would train, and what forbids it: a pure function of the log's state.

All refusals are here, so that a dry run, a command and a task refuse the same, and before anything trains.
A candidate is known by its id, so the same question finds the one that an earlier run, or one that was
killed, has opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ckpt_ops import checks
from ckpt_ops.candidates.proposal import candidate_of, usable, waiting_version
from ckpt_ops.candidates.settings import in_one_process, steps_of_a_pass, trained_as
from ckpt_ops.errors import BadInput, ModelOnHold, TerminalError
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import Again, CandidateStarted
from ckpt_ops.lineage.retraining import Begin, Chosen, Selection, choose
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.pipeline.code.digests import Digests
from ckpt_ops.pipeline.pipeline import Pipeline

_SAFE = "nothing was trained, nothing was recorded; the champion serves on"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asks for.

    Attributes:
        max_steps: of the training; None: the pipeline's budget.
        why: the reason, which the log keeps; "" in a dry run.
    """

    begin: Begin
    selection: Selection = field(default_factory=Selection)
    max_steps: int | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if self.max_steps is not None:
            checks.whole("max_steps", self.max_steps)


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """The candidate that follows from what was asked.

    Attributes:
        record: what opens it, or has opened it.
        opened: it, as far as it has come; None: the log does not have it yet.
        done: it is the head already.
    """

    record: CandidateStarted
    chosen: Chosen
    opened: VersionState | None = None
    done: bool = False


def propose(pipeline: Pipeline, state: LineageState, asked: Asked, *, digests: Digests) -> Retraining:
    """The candidate of a retraining.

    Raises:
        BadInput: there is no head; the slices may not be seen again; the steps do not suffice for them.
        ModelOnHold: the model is on hold, or its champion is tainted and asked to go on.
        TerminalError: a different version blocks it; or the same candidate has come to nothing before.
    """
    head = _head(state)
    chosen = choose(state, asked.begin, asked.selection)
    if _is_the_head(head, chosen, asked):
        return Retraining(record=head.started, chosen=chosen, opened=head, done=True)
    parent = None if asked.begin is Begin.SCRATCH else head.version
    again = Again(max_steps=asked.max_steps, without=chosen.without)
    check_budget(pipeline, again, chosen)
    alone = in_one_process(pipeline)
    known = candidate_of(alone, state, parent, chosen.slices, digests=digests, again=again)
    found = state.by_candidate(known, parent=parent)
    if found is not None and found.version == state.head:
        return Retraining(record=found.started, chosen=chosen, opened=found, done=True)
    _check_free(pipeline, state, found, parent)
    if found is not None and found.refused:
        raise TerminalError(
            f"the same retraining of {pipeline.name} was tried before: version {found.version} was "
            f"{found.status.value}",
            safe=_SAFE,
            next=f"ckpt-ops show {pipeline.name} {found.version} says why; other slices, --max-steps, "
            "settings or code make a different candidate",
        )
    goes_on = found is not None and found.open and found.champion == state.head and usable(state, found)
    opened = found if goes_on else None
    wanted = CandidateStarted(
        version=state.next_version,
        candidate=known,
        parent=parent,
        slices=chosen.slices,
        replaces=None if parent is not None else state.head,
        again=again,
        reason=asked.why,
    )
    return Retraining(record=opened.started if opened else wanted, chosen=chosen, opened=opened)


def check_budget(pipeline: Pipeline, again: Again, chosen: Chosen) -> None:
    """Raises `BadInput` when the steps are fewer than `steps_of_a_pass`, or `trained_as` does."""
    steps = pipeline.budget.max_steps if again.max_steps is None else again.max_steps
    needed = steps_of_a_pass(pipeline, chosen.slices)
    if steps < needed:
        whose = "" if again.max_steps is not None else ", of the pipeline's budget"
        raise BadInput(
            "max_steps",
            f"{steps}{whose}",
            f"at least {needed}: one pass over the {chosen.rows:,} rows of {len(chosen.slices)} slices, "
            f"{pipeline.batch_size} rows a step",
            next=f"--max-steps {needed} or more, or fewer slices: --newest N, --slices FROM:TO",
        )
    trained_as(pipeline, again)


def _head(state: LineageState) -> VersionState:
    if state.head is None:
        raise BadInput(
            "MODEL",
            state.model,
            "a model with a version in production, whose history can be seen again",
            next=f"ckpt-ops run {state.model} trains a first version",
        )
    return state.versions[state.head]


def _is_the_head(head: VersionState, chosen: Chosen, asked: Asked) -> bool:
    """The head came of the same question with the same reason: an earlier run has done it."""
    again = head.started.again
    begin = Begin.SCRATCH if head.parent is None else Begin.CHAMPION
    return (
        again is not None
        and (begin, again.max_steps) == (asked.begin, asked.max_steps)
        and head.slices == chosen.slices
        and head.started.reason == asked.why
    )


def _check_free(
    pipeline: Pipeline, state: LineageState, own: VersionState | None, parent: int | None
) -> None:
    """Raises: the model is on hold, or another version has to be decided on first."""
    name = pipeline.name
    if state.held is not None:
        next_ = f"ckpt-ops release {name} --why TEXT ends the hold"
        raise ModelOnHold(f"{name} is on hold: {state.held}", safe=_SAFE, next=next_)
    taint = state.taint(parent)
    if taint is not None:
        raise ModelOnHold(
            f"the champion of {name}, version {parent}, is tainted by slice {taint.slice.key}: nothing is "
            "built on it",
            safe=_SAFE,
            next=f"ckpt-ops rebase {name}; or retrain from scratch, on other slices",
        )
    waiting, shadow = waiting_version(pipeline, state), in_shadow(state)
    if waiting is not None and waiting != own:
        raise TerminalError(
            f"version {waiting.version} of {name} waits for approval: a candidate beside it could not be "
            "promoted, too",
            safe=_SAFE,
            next=f"ckpt-ops promote {name} {waiting.version} --approve --why TEXT, or ckpt-ops reject {name} "
            f"{waiting.version} --why TEXT; then run this again",
        )
    if shadow is not None and shadow.version != own:
        number = shadow.version.version
        raise TerminalError(
            f"version {number} of {name} is in shadow: {shadow.message}",
            safe=_SAFE,
            next=f"the runs of the next slices settle it, or ckpt-ops reject {name} {number} --why TEXT; "
            "then run this again",
        )
