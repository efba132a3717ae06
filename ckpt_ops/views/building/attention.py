"""What a model wants a person for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.suspects import Suspect
from ckpt_ops.lineage.training_pace import SlowerTraining
from ckpt_ops.printable import shortened
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.shapes import Attention, Decision, Wants

MOST_KEYS = 20
_LONGEST_REASON = 400


def attention(
    state: LineageState,
    *,
    below: str | None,
    waiting: Sequence[int],
    late: Sequence[str],
    suspect: Sequence[Suspect],
    quarantined: Sequence[str],
    set_aside: Sequence[str],
    reasons: Mapping[str, str],
    rebase_due: Sequence[str],
    changed: Sequence[str],
    missing: Sequence[str],
    rejected: Decision | None,
    slower: SlowerTraining | None,
) -> tuple[Attention, ...]:
    """Everything that follows from the log alone, the most urgent first.

    Args:
        reasons: by key, why a slice, or rows of it, are in quarantine.
    """
    model = state.model
    found = [
        *_of_the_model(state, below, waiting),
        *_of_slices(model, late, suspect, quarantined, set_aside, reasons),
    ]
    if rebase_due:
        message = f"The history should have been different: {few(rebase_due)} changed after {_it(rebase_due)}"
        message += " consumed."
        found.append(_about(Wants.REBASE, message, f"ckpt-ops plan {model}", rebase_due))
    if changed:
        message = f"{_slices(changed)} rewritten at the source after being consumed."
        found.append(_about(Wants.CHANGED, message, f"ckpt-ops run {model} --slice {changed[0]}", changed))
    if missing:
        asks = f"ckpt-ops plan {model} --from {missing[0]} --to {missing[-1]}"
        message = (
            f"By the spacing of the others, {few(missing)} should be there. Where none is to come, say so: "
        )
        message += "acknowledge it."
        found.append(_about(Wants.MISSING, message, asks, missing))
    if rejected is not None:
        message = f"Version {rejected.version} was rejected: {rejected.reason}"
        command = f"ckpt-ops show {model} {rejected.version}"
        found.append(
            Attention(what=Wants.REJECTED, message=message, command=command, version=rejected.version)
        )
    if slower is not None:
        command = f"ckpt-ops show {model} {slower.version}"
        found.append(
            Attention(what=Wants.SLOWER, message=slower.message, command=command, version=slower.version)
        )
    return tuple(found)


def stale(summary: Summary, now: datetime) -> Attention | None:
    """That the freshness objective is missed; None: it is not, or there is none."""
    if summary.freshness_hours is None or not summary.consumed_time:
        return None
    age = now - datetime.fromisoformat(summary.consumed_time)
    allowed = timedelta(hours=summary.freshness_hours)
    if age <= allowed:
        return None
    message = (
        f"The newest slice in production, {summary.newest_consumed}, came there {length(age)} ago; "
        f"the objective is {length(allowed)}."
    )
    return Attention(what=Wants.STALE, message=message, command=f"ckpt-ops slices {summary.model}")


def length(time: timedelta) -> str:
    """A length of time for people: "3 days", "5 hours", "12 minutes"."""
    seconds = max(0.0, time.total_seconds())
    for name, unit in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 2 * unit or (seconds >= unit and name != "day"):
            count = int(seconds // unit)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} seconds"


def few(keys: Sequence[str]) -> str:
    """The keys, or how many and which they begin and end with."""
    return ", ".join(keys) if len(keys) < 4 else f"{len(keys)} slices, {keys[0]} to {keys[-1]}"


def _of_the_model(state: LineageState, below: str | None, waiting: Sequence[int]) -> Iterator[Attention]:
    model = state.model
    if state.held is not None:
        yield Attention(
            what=Wants.ON_HOLD,
            message=f"Nothing trains: {state.held}",
            command=f"ckpt-ops release {model} --why TEXT",
        )
    taint = state.taint(state.head)
    if taint is not None:
        message = (
            f"Version {state.head}, in production, was trained on slice {taint.slice.key}: {taint.reason}. "
            "Nothing is built on it."
        )
        yield Attention(
            what=Wants.TAINTED,
            message=message,
            command=f"ckpt-ops plan {model}",
            slices=(taint.slice.key,),
            version=state.head,
        )
    if below is not None:
        yield Attention(
            what=Wants.BELOW_FLOOR,
            message=f"Version {state.head}, in production: {below}.",
            command=f"ckpt-ops show {model} {state.head}",
            version=state.head,
        )
    for number in waiting:
        yield Attention(
            what=Wants.APPROVAL,
            message=f"Version {number} passed its gates and waits for an answer.",
            command=f"ckpt-ops promote {model} {number} --approve --why TEXT",
            version=number,
        )


def _of_slices(
    model: str,
    late: Sequence[str],
    suspect: Sequence[Suspect],
    quarantined: Sequence[str],
    set_aside: Sequence[str],
    reasons: Mapping[str, str],
) -> Iterator[Attention]:
    if late:
        message = f"{few(late)} came too late to be appended: append or fork?"
        command = f"ckpt-ops resolve {model} --slice {late[0]} --append --why TEXT"
        yield _about(Wants.LATE, message, command, late)
    if suspect:
        keys = [one.key for one in suspect]
        message = f"Nothing trains on {few(keys)}: {suspect[0].why}"
        if any(one.like_a_change for one in suspect):
            message += ". Several in a row: if the world has changed, release them."
        command = f"ckpt-ops quarantine release {model} {keys[0]} --why TEXT"
        yield _about(Wants.SUSPECT, message, command, keys)
    command = f"ckpt-ops quarantine list {model}"
    if quarantined:
        message = f"In quarantine: {few(quarantined)}.{_why(quarantined, reasons)}"
        yield _about(Wants.QUARANTINED, message, command, quarantined)
    if set_aside:
        message = f"Rows of {few(set_aside)} are set aside.{_why(set_aside, reasons)}"
        yield _about(Wants.QUARANTINED, message, command, set_aside)


def _why(keys: Sequence[str], reasons: Mapping[str, str]) -> str:
    """The reason of the newest."""
    reason = shortened(reasons.get(keys[-1], ""), _LONGEST_REASON)
    whose = f", of {keys[-1]}" if len(keys) > 1 else ""
    return f" Why{whose}: {reason}" if reason else ""


def _about(what: Wants, message: str, command: str, keys: Sequence[str]) -> Attention:
    return Attention(what=what, message=message, command=command, slices=tuple(keys[-MOST_KEYS:]))


def _slices(keys: Sequence[str]) -> str:
    return f"Slice {keys[0]} was" if len(keys) == 1 else f"{few(keys)} were"


def _it(keys: Sequence[str]) -> str:
    return "it was" if len(keys) == 1 else "they were"
