"""Where conversions and predictions are, and whether new ones are allowed.

Below the version's folder, so that removing a version removes them, too. Predictions also depend on the rows
of a slice: they go when that revision is removed, whichever version made them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NoReturn

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef, slice_id
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.store import Entry, Store

CONVERSION = DocumentKind(what="report on a conversion", implicit=True)
"""`report.json` in a conversion's folder."""


def conversion_folder(model: str, version: int, format: str) -> str:
    """The folder of the converted model and its report."""
    return f"models/{model}/v{version}/converted/{format}"


def prediction_name(model: str, version: int, ref: SliceRef) -> str:
    """The Parquet file of a version's predictions on a revision of a slice."""
    return f"models/{model}/v{version}/predictions/{ref.key}/{ref.revision}.parquet"


def exported_version(state: LineageState, number: int) -> VersionState:
    """The version, if it has an export.

    Raises:
        BadInput: there is no such version, or it was not trained to its end.
        ObjectNotFound: rows that it consumed were forgotten, and it is removed, or about to be.
    """
    version = state.version(number)
    if version.trained is None or "export" not in version.trained.artifacts:
        raise BadInput(
            "version",
            number,
            f"a version of {state.model} with an export; this one is {version.status.value}",
            next=f"ckpt-ops show {state.model} {number}",
        )
    if is_leaving(state, number):
        raise ObjectNotFound(
            f"version {number} of {state.model} trained on rows that were forgotten: it is removed",
            safe="nothing was made from it",
            next=f"ckpt-ops show {state.model} names the version in production",
        )
    return version


def accepted_slice(state: LineageState, key: str) -> SliceRef:
    """The current revision of the slice. Raises `BadInput` when none is accepted."""
    entry = state.slices.get(key)
    if entry is None or entry.status is not SliceStatus.ACCEPTED:
        _no_such_slice(state, key, entry.status.value if entry else "not known")
    return entry.ref


def is_leaving(state: LineageState, number: int) -> bool:
    """Its checkpoints are gone, and rows that it trained on were forgotten: a purge removes the rest."""
    forgotten = {slice_id(*one) for request in state.forgotten.values() for one in request.revisions}
    return number in state.dropped and number in state.consumers_of(forgotten)


def remove_if_leaving(store: Store, state: LineageState, number: int, folder: str) -> None:
    """Remove what lies in `folder` if a purge takes the version: its list may not have what came later."""
    if is_leaving(state, number):
        for entry in list(store.list(f"{folder}/")):
            store.delete(entry.name)


def predictions_on(
    store: Store, revisions: Collection[tuple[str, str]], *, model: str | None = None
) -> Iterator[Entry]:
    """Every prediction on any of `revisions`, each (key, revision).

    Args:
        model: only predictions of this model; None: of all.
    """
    names = {f"predictions/{key}/{revision}.parquet" for key, revision in revisions}
    for entry in store.list(f"models/{model}/v" if model else "models/") if names else ():
        if entry.name.split("/", 3)[-1] in names:
            yield entry


def there_is(store: Store, name: str) -> bool:
    """Whether an object has this name."""
    return any(entry.name == name for entry in store.list(name))


def _no_such_slice(state: LineageState, key: str, status: str) -> NoReturn:
    raise BadInput(
        "slice",
        key,
        f"a slice that {state.model} has accepted; this one is {status}",
        next=f"ckpt-ops slices {state.model} lists them",
    )
