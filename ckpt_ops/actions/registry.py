"""Every action by its name, and the one way to look at one and to carry it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ckpt_ops.actions import missing, models, slices, versions
from ckpt_ops.actions.asked import Asked, Done, Preview, reason_of
from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.slices import check_key
from ckpt_ops.store import Store


class About(StrEnum):
    """What an action is about."""

    SLICE = "slice"
    VERSION = "version"
    MODEL = "model"


class NotPossible(TerminalError):
    """The action cannot be carried out as things are; the preview says why."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing that a person may do.

    Attributes:
        about: a slice needs `Asked.key`, a version `Asked.version`.
        preview: what it would do; pure.
        do: does it; returns a message.
        check: raises `BadInput` for a choice that is missing or makes no sense.
    """

    about: About
    preview: Callable[[LineageState, Asked], Preview]
    do: Callable[[Store, str, Asked], str]
    check: Callable[[Asked], object] = lambda asked: None


ACTIONS: Mapping[str, Action] = {
    "resolve": Action(
        about=About.SLICE, preview=slices.preview_resolve, do=slices.resolve, check=slices.check_how
    ),
    "release-slice": Action(about=About.SLICE, preview=slices.preview_release, do=slices.release),
    "discard-slice": Action(about=About.SLICE, preview=slices.preview_discard, do=slices.discard),
    "withdraw": Action(about=About.SLICE, preview=slices.preview_withdraw, do=slices.withdraw),
    "taint": Action(about=About.SLICE, preview=slices.preview_taint, do=slices.taint),
    "lift-taint": Action(about=About.SLICE, preview=slices.preview_lift_taint, do=slices.lift_taint),
    "acknowledge-missing": Action(
        about=About.SLICE, preview=missing.preview_acknowledge, do=missing.acknowledge
    ),
    "lift-acknowledgement": Action(about=About.SLICE, preview=missing.preview_lift, do=missing.lift),
    "approve": Action(about=About.VERSION, preview=versions.preview_approve, do=versions.approve),
    "reject": Action(about=About.VERSION, preview=versions.preview_reject, do=versions.reject),
    "promote-despite-gates": Action(
        about=About.VERSION, preview=versions.preview_despite_gates, do=versions.promote_despite_gates
    ),
    "rollback": Action(about=About.VERSION, preview=versions.preview_rollback, do=versions.rollback),
    "release-hold": Action(about=About.MODEL, preview=models.preview_release_hold, do=models.release_hold),
    "save-now": Action(
        about=About.MODEL, preview=models.preview_save, do=models.save_now, check=models.request_of
    ),
}


def find_action(name: str) -> Action:
    """The action. Raises `BadInput` naming all of them."""
    if name not in ACTIONS:
        raise BadInput("action", name, f"one of {', '.join(ACTIONS)}")
    return ACTIONS[name]


def preview(state: LineageState, name: str, asked: Asked) -> Preview:
    """What the action would do in this state.

    Raises:
        BadInput: there is no such action, or what it needs is not given.
        ObjectNotFound: the model has no such slice or version.
    """
    action = find_action(name)
    _check(action, asked)
    return action.preview(state, asked)


def carry_out(
    store: Store, model: str, name: str, asked: Asked, *, do: Callable[[Store, str, Asked], str] | None = None
) -> Done:
    """Carry the action out, once: where it is done already, nothing is written.

    Args:
        do: in place of the action's own.

    Raises:
        BadInput, ObjectNotFound: as `preview`; or no reason is given.
        NotPossible: not as things are, or it would do something else than `asked.seen` says.
        CkptOpsError: as the action's own function.
    """
    action, log = find_action(name), ModelLog(store, model)
    action.check(asked)
    seen = preview(log.state(), name, asked)
    if seen.needs_reason:
        asked = replace(asked, why=reason_of(asked.why))
    if seen.already:
        return Done(message=f"Nothing to do. {seen.why_not}", changed=False)
    if not seen.possible:
        raise NotPossible(
            seen.why_not, safe="nothing was written", next="load the page again: it shows how things are now"
        )
    if asked.seen not in ("", seen.digest):
        raise NotPossible(
            f"what it would do is no longer what was shown: {' '.join(seen.will)}",
            safe="nothing was written",
            next="read what it would do now, then confirm that",
        )
    try:
        message = (do or action.do)(store, model, asked)
    except BadInput as error:
        # what was asked for makes sense and was possible a moment ago, as far as the log says
        again = preview(log.state(), name, asked)
        if again.already:
            return Done(message=f"Nothing to do. {again.why_not}", changed=False)
        raise NotPossible(error.what, safe=error.safe, next=error.next) from error
    return Done(message=message)


def _check(action: Action, asked: Asked) -> None:
    if action.about is About.SLICE:
        check_key(asked.key, field="key")
    if action.about is About.VERSION and asked.version is None:
        raise BadInput("version", None, "the number of a version")
