"""What a purge removes, written first: `models/MODEL/forgotten/REQUEST.objects.json`.

A stopped purge goes on with it, and the certificate counts all of it, not only what was left to do.
It stays, as the list of what was removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ckpt_ops.checkpoints import purge as checkpoints
from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.forget.purge_timing import PurgeTiming
from ckpt_ops.forget.request import Asked
from ckpt_ops.intake.holders import holders
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import slice_id
from ckpt_ops.serving.objects import predictions_on
from ckpt_ops.shadow import predictions
from ckpt_ops.slices import load_manifest
from ckpt_ops.slices import removal as slices
from ckpt_ops.slices.row_search import Found
from ckpt_ops.store import Entry, Store
from ckpt_ops.wire_names import wire

_DOCUMENT = DocumentKind(what="list of what a purge removes", numbered_by="format")
_THREADS = 8


@wire("Revision", consumed_by="learned_by")
@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision that held what is forgotten.

    Attributes:
        rows: of it; None when it was gone already.
        held: of them, those that are forgotten.
        consumed_by: versions of the model that consumed it.
        kept: why it stays, and the command that lets it go; "" when it goes.
    """

    key: str
    revision: str
    rows: int | None
    held: int
    consumed_by: tuple[int, ...]
    kept: str = ""
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class PurgeTarget:
    """An object that is removed. `guarded`: only if it is still what it was, by its fingerprint."""

    name: str
    size: int
    fingerprint: str
    guarded: bool


@dataclass(frozen=True, kw_only=True)
class PurgePlan:
    """What goes, and what stays.

    Attributes:
        objects: in the order of removal.
        unread: revisions of which it is unknown whether they have such rows: "KEY REVISION: why".
        spared: chunks that may belong to a running save; garbage collection decides about them.
    """

    versions: tuple[int, ...]
    revisions: tuple[Revision, ...]
    unread: tuple[str, ...]
    objects: tuple[PurgeTarget, ...]
    spared: int

    @property
    def nbytes(self) -> int:
        return sum(one.size for one in self.objects)

    def to_json(self) -> bytes:
        return _DOCUMENT.encode(self)

    @classmethod
    def from_json(cls, data: bytes, *, name: str) -> PurgePlan:
        """The inverse of `to_json`. Raises `Corrupt`, naming `name`."""
        return _DOCUMENT.read(cls, data, name=name)


def plan_name(model: str, request: str) -> str:
    """The object name of the plan."""
    return f"models/{model}/forgotten/{request}.objects.json"


def find_plan(store: Store, model: str, request: str) -> PurgePlan | None:
    """The plan of a purge that has begun; None: there is none."""
    name = plan_name(model, request)
    try:
        return PurgePlan.from_json(store.get(name), name=name)
    except ObjectNotFound:
        return None


def plan_purge(
    store: Store, source: str, state: LineageState, timing: PurgeTiming, found: Found
) -> PurgePlan:
    """Look for everything that goes; changes nothing.

    What another model needs stays. What the versions of this one need goes with them. So do predictions on
    such rows: this model's own, and all others once no model needs the revision.
    """
    latest = timing.said
    kept: dict[tuple[str, str], str] = {}
    command: dict[tuple[str, str], str] = {}
    asked = Asked.of(state.model, latest)
    for holder in holders(store, latest.revisions, own=state, with_own=False):
        name = (holder.key, holder.revision)
        kept[name] = "; ".join(filter(None, (kept.get(name), holder.why)))
        command.setdefault(name, asked.command(holder.model))
    going = [name for name in latest.revisions if name not in kept]
    of_versions = checkpoints.objects_of(store, state.model, timing.consumed)
    of_slices = slices.objects_of(store, source, going, found.loose)
    predicted = (
        *predictions.of_revisions(store, latest.revisions, model=state.model),
        *predictions.of_revisions(store, going),
        *predictions_on(store, latest.revisions, model=state.model),
        *predictions_on(store, going),
    )
    of_model = {
        entry.name: entry
        for entry in (*of_versions.objects, *predicted, *_evaluated_on(store, state, latest.revisions))
    }
    targets = [
        *(_purge_targets(entry) for entry in of_model.values()),
        *(_purge_targets(entry, guarded=True) for entry in of_versions.chunks),
        *(_purge_targets(entry) for entry in of_slices.before),
        *(_purge_targets(entry, guarded=True) for entry in of_slices.data),
        *(_purge_targets(entry) for entry in of_slices.after),
    ]
    return PurgePlan(
        versions=timing.consumed,
        revisions=tuple(
            Revision(
                key=key,
                revision=revision,
                rows=_rows(store, source, key, revision),
                held=found.rows(key, revision),
                consumed_by=_consumed_by(state, key, revision),
                kept=kept.get((key, revision), ""),
                next=command.get((key, revision), ""),
            )
            for key, revision in latest.revisions
        ),
        unread=tuple(f"{one.key} {one.revision}: {one.why}" for one in found.unread),
        objects=tuple(targets),
        spared=len(of_versions.spared),
    )


def apply(store: Store, plan: PurgePlan, progress: Callable[[int, int], None]) -> None:
    """Remove what the plan names, references before their targets; repeated, it removes the rest.

    Args:
        progress: called after each object with how many of how many are done; from this thread.
    """
    groups: list[list[PurgeTarget]] = []
    for one in plan.objects:
        if not groups or groups[-1][-1].guarded != one.guarded:
            groups.append([])
        groups[-1].append(one)
    done = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for group in groups:
            for _ in pool.map(lambda one: _remove(store, one), group):
                done += 1
                progress(done, len(plan.objects))


def _remove(store: Store, one: PurgeTarget) -> None:
    if not one.guarded:
        store.delete(one.name)  # its name has an id: it is never written again
        return
    for entry in store.list(one.name):
        if (entry.name, entry.fingerprint) == (one.name, one.fingerprint):
            store.delete_unchanged(entry)


def _purge_targets(entry: Entry, *, guarded: bool = False) -> PurgeTarget:
    return PurgeTarget(name=entry.name, size=entry.size, fingerprint=entry.fingerprint, guarded=guarded)


def _rows(store: Store, source: str, key: str, revision: str) -> int | None:
    try:
        return load_manifest(store, source, key, revision).rows
    except ObjectNotFound:
        return None


def _consumed_by(state: LineageState, key: str, revision: str) -> tuple[int, ...]:
    return tuple(
        number
        for number, version in state.versions.items()
        if any((ref.key, ref.revision) == (key, revision) for ref in version.slices)
    )


def _evaluated_on(store: Store, state: LineageState, revisions: Iterable[tuple[str, str]]) -> Iterator[Entry]:
    """Evaluations in shadow on one of the revisions: they name its segments."""
    ids = {slice_id(key, revision) for key, revision in revisions}
    for number, version in state.versions.items():
        evaluated = version.evaluated
        if evaluated is not None and any(ref.id in ids for ref in evaluated.slices):
            yield from store.list(f"models/{state.model}/v{number}/evaluation/")
