"""Decisions on a slice: what each would do, and doing it."""

from __future__ import annotations

from ckpt_ops.actions.asked import Asked, Preview, impossible, named, rows_named, the_slice
from ckpt_ops.errors import BadInput
from ckpt_ops.intake import decisions, quarantine
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.quarantined import Quarantined, in_quarantine
from ckpt_ops.lineage.records import SliceWithdrawn
from ckpt_ops.lineage.state import SliceState, SliceStatus
from ckpt_ops.store import Store

APPEND, FORK = "append", "fork"


def preview_resolve(state: LineageState, asked: Asked) -> Preview:
    """Of a late slice: append it, or fork for it."""
    entry, key = the_slice(state, asked), asked.key
    title = f"Decide on late slice {key}?"
    if asked.how:
        check_how(asked)
    late = entry.ref in state.pending() and key < (state.newest_consumed or "")
    if not late:
        return impossible(
            title, f"It is not pending behind slices that were consumed: it {_is(state, entry)}."
        )
    append = "Append: its next run trains on it, after what was consumed."
    fork = f"Fork: a rebase trains on it in its place, and again on the {_newer(state, key)} after it."
    will = {APPEND: (append,), FORK: (fork,)}.get(asked.how, (append, fork))
    chosen = state.resolved.get(entry.ref.id)
    if chosen is not None and asked.how and chosen is (asked.how == FORK):
        return impossible(title, f"It is decided already: {asked.how}.", already=True)
    stays = f"Nothing is trained now. {_serves_on(state)} The decision can be changed until then."
    return Preview(title=title, will=(*will, stays))


def check_how(asked: Asked) -> None:
    """Raises `BadInput`: neither way was chosen."""
    if asked.how not in (APPEND, FORK):
        raise BadInput("how", asked.how, f"{APPEND} or {FORK}")


def resolve(store: Store, model: str, asked: Asked) -> str:
    """See `intake.decisions.resolve`."""
    check_how(asked)
    fork = asked.how == FORK
    decisions.resolve(store, model, asked.key, asked.why, fork=fork)
    if fork:
        return f"Slice {asked.key} will be trained on in its place. Next: plan the rebase, then start it."
    return f"Slice {asked.key} will be appended. Next: clear its run in Airflow, and it is trained on."


def preview_release(state: LineageState, asked: Asked) -> Preview:
    """Of what is in quarantine: let it pass."""
    entry, key = the_slice(state, asked), asked.key
    title = f"Release slice {key} from quarantine?"
    found = _quarantined(state, key)
    if found is None:
        released = entry.released and entry.status is SliceStatus.ACCEPTED
        why = f"Nothing of it is in quarantine: it {_is(state, entry)}."
        return impossible(title, why, already=released)
    if found.suspect:
        first = f"The slice counts as sound again, with all {rows_named(found.rows)}."
    elif found.whole:
        first = f"All {rows_named(found.rows)} are accepted, whatever validation found in them."
    else:
        first = f"What was set aside, {rows_named(found.rows)}, comes back: a new revision has all rows."
    return Preview(title=title, will=(f"Why it is there: {found.reason}", first, _then_planned(state, key)))


def release(store: Store, model: str, asked: Asked) -> str:
    """See `intake.quarantine.release`; the verdict says which columns cannot be read."""
    return released_message(asked.key, quarantine.release(store, model, asked.key, asked.why).rows)


def released_message(key: str, rows: int) -> str:
    """For the person who released a slice."""
    return f"Slice {key} is released, with {rows_named(rows)}. Next: clear its run in Airflow."


def preview_discard(state: LineageState, asked: Asked) -> Preview:
    """Of what is in quarantine: give up on it."""
    entry, key = the_slice(state, asked), asked.key
    title = f"Discard what is in quarantine of slice {key}?"
    found = _quarantined(state, key)
    if found is None:
        kept_out = entry.status is SliceStatus.ACCEPTED and entry.origin != "" and not entry.released
        gone = kept_out or entry.status in (SliceStatus.DISCARDED, SliceStatus.WITHDRAWN)
        return impossible(title, f"Nothing of it is in quarantine: it {_is(state, entry)}.", already=gone)
    first = f"Nothing trains on its {rows_named(found.rows)}."
    if not found.whole:
        first = f"What was set aside, {rows_named(found.rows)}, stays out; the rest is accepted."
    again = "Nothing is deleted. A corrected slice, delivered later, is validated as any other."
    return Preview(title=title, will=(f"Why it is there: {found.reason}", first, again))


def discard(store: Store, model: str, asked: Asked) -> str:
    """See `intake.quarantine.discard`."""
    found = quarantine.discard(store, model, asked.key, asked.why)
    if found.whole:
        return f"Slice {asked.key} is discarded."
    return f"Slice {asked.key} stays without what was set aside, {rows_named(found.rows)}."


def preview_withdraw(state: LineageState, asked: Asked) -> Preview:
    """Take a slice back."""
    entry, key = the_slice(state, asked), asked.key
    title = f"Withdraw slice {key}?"
    consumed = state.consumed.get(key)
    gone = entry.status is SliceStatus.WITHDRAWN
    if gone and (consumed is None or isinstance(state.settled.get(consumed.id), SliceWithdrawn)):
        return impossible(title, "It is withdrawn already.", already=True, danger=True)
    will = [f"Nothing trains on its {rows_named(entry.ref.rows)} any more. Nothing is deleted."]
    by = state.consumed_by(key)
    if by is not None:
        will.append(f"Version {by} was trained on it. {_serves_on(state)} A rebase is due then.")
    will += _superseded(state, key)
    will.append("Different content, delivered later under the same key, is validated as any other.")
    return Preview(title=title, will=tuple(will), danger=True)


def withdraw(store: Store, model: str, asked: Asked) -> str:
    """See `intake.decisions.withdraw`."""
    state = decisions.withdraw(store, model, asked.key, asked.why)
    rebase = " A rebase is due: see its plan." if asked.key in state.consumed else ""
    return f"Slice {asked.key} is withdrawn.{rebase}"


def preview_taint(state: LineageState, asked: Asked) -> Preview:
    """Mark a slice as poisoned."""
    entry, key = the_slice(state, asked), asked.key
    title = f"Mark slice {key} as poisoned?"
    consumed = state.consumed.get(key)
    accepted = entry.ref if entry.status is SliceStatus.ACCEPTED else None
    ref = next((one for one in (consumed, accepted) if one is not None and one.id not in state.tainted), None)
    if ref is None:
        known = consumed is not None or entry.status is SliceStatus.TAINTED
        why = (
            "It is tainted already."
            if known
            else f"It was neither accepted nor consumed: it {_is(state, entry)}."
        )
        return impossible(title, why, already=known, danger=True)
    built = state.consumers_of({ref.id})
    will = ["Nothing trains on it, and no version that was trained on it is promoted or trained from."]
    if built:
        will.append(f"That is true of {'version' if len(built) == 1 else 'versions'} {named(built)}.")
    if state.head in built:
        will.append(f"{_serves_on(state)} It is marked, nothing trains from it, and a rebase is due.")
    will.append("The mark can be lifted.")
    return Preview(title=title, will=tuple(will), danger=True)


def taint(store: Store, model: str, asked: Asked) -> str:
    """See `intake.decisions.taint`."""
    state = decisions.taint(store, model, asked.key, asked.why)
    rebase = (
        " The version in production was trained on it: a rebase is due." if state.taint(state.head) else ""
    )
    return f"Slice {asked.key} is tainted.{rebase}"


def preview_lift_taint(state: LineageState, asked: Asked) -> Preview:
    """Take the mark back."""
    entry, key = the_slice(state, asked), asked.key
    title = f"Lift the taint of slice {key}?"
    marked = [one for one in state.tainted.values() if one.slice.key == key]
    if not marked:
        return impossible(title, f"It is not tainted: it {_is(state, entry)}.", already=True)
    will = [f"It was marked by {marked[-1].actor}: {marked[-1].reason}"]
    will.append("Versions that were trained on it may be promoted and trained from again.")
    if entry.status is SliceStatus.TAINTED:
        will.append(f"The slice is accepted again. {_then_planned(state, key)}")
    return Preview(title=title, will=tuple(will))


def lift_taint(store: Store, model: str, asked: Asked) -> str:
    """See `intake.decisions.lift_taint`."""
    decisions.lift_taint(store, model, asked.key, asked.why)
    return f"Slice {asked.key} is not tainted any more."


def _quarantined(state: LineageState, key: str) -> Quarantined | None:
    return next((one for one in in_quarantine(state) if one.key == key), None)


def _is(state: LineageState, entry: SliceState) -> str:
    by = state.consumed_by(entry.ref.key)
    trained = "" if by is None else f", and version {by} was trained on it"
    return f"is {entry.status.value}{trained}"


def _newer(state: LineageState, key: str) -> str:
    count = state.newer_than(key)
    return f"{count:,} consumed slice{'' if count == 1 else 's'}"


def _serves_on(state: LineageState) -> str:
    return "No version is in production yet." if state.head is None else f"Version {state.head} serves on."


def _then_planned(state: LineageState, key: str) -> str:
    """What becomes of a slice that is accepted now."""
    by, newer = state.consumed_by(key), state.newer_than(key)
    if by is not None:
        return f"Version {by} was trained on it without this: a rebase is due then."
    if newer:
        return f"It is older than {_newer(state, key)}: it is late, and its run may ask for a decision."
    return "Its next run, or that of a newer slice, trains on it."


def _superseded(state: LineageState, key: str) -> list[str]:
    """Candidates that can no longer be promoted then."""
    found = [one for one in state.versions.values() if one.open and any(ref.key == key for ref in one.slices)]
    return [
        f"Version {one.version} is trained on it and not decided on: it cannot be promoted." for one in found
    ]
