"""Which alerts stand: from the view of a model, and from what a run found."""

from __future__ import annotations

from ckpt_ops.alerts.alert import Alert
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.shapes import Attention, Wants


def standing(summary: Summary, *, link: str = "") -> tuple[Alert, ...]:
    """An alert for each thing that the model wants a person for, the most urgent first.

    Args:
        link: the address of the model's page.
    """
    return tuple(
        Alert(
            model=summary.model,
            what=one.what,
            subjects=_subjects(one, summary),
            message=one.message,
            command=one.command,
            slices=one.slices,
            version=one.version,
            link=link,
        )
        for one in summary.attention
    )


def missing_slice(model: str, subject: str, message: str, *, link: str = "") -> Alert:
    """That a run found no slice where one was due, whatever the others say of its spacing.

    Args:
        subject: the key that the slice would have, or its interval.
    """
    return Alert(
        model=model,
        what=Wants.MISSING,
        subjects=(subject,),
        message=message,
        command=f"ckpt-ops slices {model}",
        slices=(subject,),
        link=link,
    )


def _subjects(one: Attention, summary: Summary) -> tuple[str, ...]:
    match one.what:
        case Wants.UNREADABLE:
            return ("log",)
        case Wants.STALE:
            return (summary.newest_consumed or "",)
        case Wants.ON_HOLD:
            return (summary.held or "",)
        case Wants.TAINTED:
            return (f"version {one.version}, slice {', '.join(one.slices)}",)
    if one.slices:
        return one.slices
    return ("",) if one.version is None else (f"version {one.version}",)
