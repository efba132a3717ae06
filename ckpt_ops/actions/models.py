"""Decisions on a model as a whole: ending a hold, and a save of a running training."""

from __future__ import annotations

from ckpt_ops.actions.asked import Asked, Preview, impossible
from ckpt_ops.checkpoints.requests import SaveKind, SaveRequest, ask, waiting_requests
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import CandidateLog, LineageState, VersionStatus
from ckpt_ops.lineage.candidate_log import with_logs
from ckpt_ops.promotion import decisions
from ckpt_ops.store import Store

_SAVED = {
    SaveKind.PARAMETERS: "the model's parameters, which a prediction needs",
    SaveKind.INTERMEDIATE: "everything that a training resumes from, optimizer included",
    SaveKind.BOTH: "the parameters, and everything that a training resumes from",
}


def preview_release_hold(state: LineageState, asked: Asked) -> Preview:
    """Of a model that is on hold."""
    title = f"End the hold of {state.model}?"
    if state.held is None:
        return impossible(title, "It is not on hold.", already=True)
    will = (
        f"It is on hold: {state.held}",
        "Its runs train again, beginning with the next one; nothing starts by itself.",
        "Rejections are counted from zero again.",
    )
    return Preview(title=title, will=will)


def release_hold(store: Store, model: str, asked: Asked) -> str:
    """See `promotion.release`."""
    decisions.release(store, model, asked.why)
    return f"{model} is no longer on hold. Next: clear the runs that waited for it."


def preview_save(state: LineageState, asked: Asked) -> Preview:
    """Of a training that has not ended, as far as the model's log says."""
    title = f"Save the running training of {state.model} now?"
    request = request_of(asked)
    open_ = [one.version for one in state.versions.values() if one.status is VersionStatus.STARTED]
    if not open_:
        return Preview(
            title=title, possible=False, why_not="Nothing of it is being trained.", needs_reason=False
        )
    when = "at once" if asked.at_step is None else f"at step {asked.at_step:,}, or at once if that is past"
    will = (
        f"Version {open_[-1]} saves {_SAVED[request.what]}, {when}.",
        "The training looks for requests every two seconds, and goes on after the save.",
        "If it does not run right now, its next attempt saves.",
    )
    return Preview(title=title, will=will, needs_reason=False)


def save_now(store: Store, model: str, asked: Asked) -> str:
    """Ask the training for a save, unless the same is asked for already and not answered."""
    request = request_of(asked)
    version = in_training(store, model)
    for other in waiting_requests(store, model):
        if (other.what, other.at_step, other.after) == (request.what, request.at_step, None):
            return f"Version {version} is asked for this already: it has not answered yet."
    ask(store, model, request)
    return f"Version {version} is asked to save. It answers when the checkpoint is durable."


def in_training(store: Store, model: str) -> int:
    """The version that is being trained, as far as its own log says. Raises `BadInput`: there is none."""
    names = (entry.name for entry in store.list(f"models/{model}/v"))
    found = sorted(number for _, number in with_logs(names))
    if not found:
        # it names no other model: not everybody who meets this on a page may see them
        raise BadInput(
            "MODEL", model, "a model that trains; none of its versions has begun", next="ckpt-ops top"
        )
    if CandidateLog(store, model, found[-1]).progress().result is not None:
        raise BadInput(
            "MODEL",
            model,
            f"a model that trains now; version {found[-1]}, its newest, has ended",
            next=f"ckpt-ops status {model}",
        )
    return found[-1]


def request_of(asked: Asked) -> SaveRequest:
    """What the training gets. Raises `BadInput`: there is no such kind of save, or no such step."""
    try:
        kind = SaveKind(asked.what or SaveKind.PARAMETERS)
    except ValueError:
        raise BadInput("what", asked.what, f"one of {', '.join(SaveKind)}") from None
    return SaveRequest(what=kind, at_step=asked.at_step)
